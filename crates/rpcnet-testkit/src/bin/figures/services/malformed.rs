//! Payloads that are no messages, sent to a typed method on one connection.

use super::definition::{Part, PlantClient, Sample};
use crate::calls::{growth, state};
use crate::group::{Measured, Outcome, Scale};
use crate::settle::settles;
use crate::site::Site;
use bytes::Bytes;
use futures::future::join_all;
use rpcnet::{CallOptions, CodecId, HandlerRan, RpcClient, RpcError, codec};
use rpcnet_testkit::chaos::Random;
use std::collections::BTreeMap;
use std::time::Duration;

const CODECS: [(&str, CodecId); 4] = [
    ("postcard", CodecId::POSTCARD),
    ("json", CodecId::JSON),
    ("messagepack", CodecId::MESSAGE_PACK),
    ("bincode", CodecId::BINCODE),
];

/// Calls that run at once.
const AT_ONCE: usize = 50;

const SETTLE_WITHIN: Duration = Duration::from_secs(10);

pub(super) async fn measure(scale: Scale) -> Outcome {
    let amount: usize = scale.pick(10_000, 2_000);
    let site = Site::new()?;
    let server = site.serve("127.0.0.1:0", &[]).await?;
    let rpc = site.client(server.addr()).await?;
    let plant = PlantClient::new(rpc.clone());
    let before = state(&rpc).await?;
    let mut measured = Measured::default();
    let mut others_failed = 0_u64;
    for (name, codec) in CODECS {
        let mut told = Told::default();
        let mut random = Random::new(7, codec.0.into());
        let valid = codec::encode(codec, &sample())?;
        for _ in 0..amount / AT_ONCE {
            let payloads: Vec<Bytes> = (0..AT_ONCE).map(|_| bend(&mut random, &valid)).collect();
            let calls = payloads
                .iter()
                .map(|payload| call(&rpc, codec, payload.clone()));
            let beside = plant.echo("beside".to_owned());
            let (results, beside) = tokio::join!(join_all(calls), beside);
            others_failed += u64::from(!matches!(beside, Ok(text) if text == "beside"));
            for (payload, result) in payloads.iter().zip(results) {
                told.judge(codec, payload, result);
            }
        }
        if let Some(example) = &told.example {
            measured.note(format!("{name}: {example}"));
        }
        let refused = told.refused as f64;
        let least = amount as f64 / 2.0;
        measured.at_least(
            format!("typed-malformed-{name}-refused"),
            refused,
            "calls",
            least,
        );
        let unclean = told.unclean as f64;
        measured.at_most(
            format!("typed-malformed-{name}-unclean"),
            unclean,
            "calls",
            0.0,
        );
    }
    settles(
        SETTLE_WITHIN,
        async || matches!(state(&rpc).await, Ok(now) if now.tasks <= before.tasks),
    )
    .await;
    let after = state(&rpc).await?;
    measured.at_most(
        "typed-malformed-others-failed",
        others_failed as f64,
        "calls",
        0.0,
    );
    measured.at_most(
        "typed-malformed-tasks-growth",
        growth(before.tasks, after.tasks),
        "tasks",
        0.0,
    );
    Ok(measured)
}

fn sample() -> Sample {
    let parts = [
        ("bytes", Part::Bytes(vec![1, 2, 3])),
        ("nothing", Part::Nothing),
        ("range", Part::Range { from: -9, to: 9 }),
    ];
    let inner = Sample {
        number: 300,
        label: "inner".to_owned(),
        ratios: Vec::new(),
        parts: BTreeMap::new(),
        next: None,
    };
    Sample {
        number: 70_000,
        label: "outer".to_owned(),
        ratios: vec![0.5, -1e300],
        parts: parts.map(|(name, part)| (name.to_owned(), part)).into(),
        next: Some(Box::new(inner)),
    }
}

async fn call(rpc: &RpcClient, codec: CodecId, payload: Bytes) -> Result<Bytes, RpcError> {
    let options = CallOptions::new().with_codec(codec);
    rpc.call_bytes("Plant.mirror", payload, options).await
}

/// Random bytes, or a valid payload that is cut, bent or longer than itself.
fn bend(random: &mut Random, valid: &Bytes) -> Bytes {
    let mut below = |limit: usize| (random.next_u64() % limit as u64) as usize;
    let mut payload = valid.to_vec();
    match below(4) {
        0 => payload = (0..below(200)).map(|_| below(256) as u8).collect(),
        1 => payload.truncate(below(valid.len())),
        2 => {
            for _ in 0..=below(8) {
                payload[below(valid.len())] ^= 1 << below(8);
            }
        }
        _ => payload.extend((0..=below(20)).map(|at| at as u8)),
    }
    payload.into()
}

/// How the calls of one codec ended.
#[derive(Default)]
struct Told {
    refused: u64,
    /// Neither the sample that the payload is after all, nor a refusal of one that is none.
    unclean: u64,
    example: Option<String>,
}

impl Told {
    fn judge(&mut self, codec: CodecId, payload: &Bytes, result: Result<Bytes, RpcError>) {
        let legal = codec::decode::<Sample>(codec, payload)
            .and_then(|sample| codec::encode(codec, &sample))
            .ok();
        match (legal, result) {
            (Some(expected), Ok(reply)) if reply == expected => {}
            (None, Err(error @ RpcError::InvalidRequest(_)))
                if error.handler_ran() == HandlerRan::No =>
            {
                self.refused += 1;
            }
            (_, result) => {
                self.unclean += 1;
                self.example = Some(format!("{payload:?} was answered by {result:?}"));
            }
        }
    }
}
