//! [`Payload`]: what every call sends.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rpcnet::{CodecId, Metadata};

use crate::cmd::codec::Codec;
use crate::cmd::metadata::{metadata, parse_entry};

/// The longest payload.
const PAYLOAD_BYTES_MAX: u64 = 64 << 20;
/// Of the random bytes, so that every run sends the same.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// The options that say what is sent.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Payload")]
pub(super) struct PayloadOptions {
    /// The arguments of a typed method, as JSON.
    #[arg(long, value_name = "JSON", conflicts_with_all = ["bytes", "data_file"])]
    data: Option<String>,
    /// So many random bytes, the same in every run.
    #[arg(long, value_name = "N", conflicts_with = "data_file",
          value_parser = clap::value_parser!(u64).range(..=PAYLOAD_BYTES_MAX))]
    bytes: Option<u64>,
    /// What is in this file.
    #[arg(long, value_name = "FILE")]
    data_file: Option<PathBuf>,
    /// How the payload is to be read [default: json with --data, raw otherwise].
    #[arg(long, value_name = "CODEC")]
    codec: Option<Codec>,
    /// Metadata of every call; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_entry)]
    metadata: Vec<(String, String)>,
}

/// What every call sends.
#[derive(Clone, Debug)]
pub(super) struct Payload {
    pub(super) bytes: Bytes,
    pub(super) codec: CodecId,
    pub(super) metadata: Metadata,
}

impl PayloadOptions {
    /// Reads or makes the payload.
    ///
    /// # Errors
    ///
    /// The file cannot be read or is too long, the JSON is none, or a metadata entry breaks a rule.
    pub(super) fn payload(&self) -> Result<Payload, String> {
        let bytes = match (&self.data, self.bytes, &self.data_file) {
            (Some(json), _, _) => Bytes::from(json.clone()),
            (_, Some(count), _) => random(usize::try_from(count).unwrap_or(usize::MAX)),
            (_, _, Some(path)) => read(path)?,
            _ => Bytes::new(),
        };
        let default = match self.data {
            Some(_) => Codec::Json,
            None => Codec::Raw,
        };
        let codec = self.codec.unwrap_or(default);
        if codec == Codec::Json {
            serde_json::from_slice::<serde::de::IgnoredAny>(&bytes)
                .map_err(|error| format!("{}: the payload is no JSON: {error}", self.source()))?;
        }
        let metadata = metadata(&self.metadata).map_err(|error| format!("--metadata: {error}"))?;
        Ok(Payload {
            bytes,
            codec: codec.id(),
            metadata,
        })
    }

    /// The option that the payload is from.
    fn source(&self) -> &'static str {
        match (&self.data, &self.data_file) {
            (Some(_), _) => "--data",
            (_, Some(_)) => "--data-file",
            _ => "--codec",
        }
    }
}

fn read(path: &Path) -> Result<Bytes, String> {
    let failed = |error: io::Error| format!("--data-file {}: {error}", path.display());
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    let mut file = file.take(PAYLOAD_BYTES_MAX + 1);
    file.read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > PAYLOAD_BYTES_MAX {
        return Err(format!(
            "--data-file {}: a payload has at most {} MiB",
            path.display(),
            PAYLOAD_BYTES_MAX >> 20
        ));
    }
    Ok(bytes.into())
}

/// Bytes that do not compress: xorshift.
fn random(count: usize) -> Bytes {
    let mut state = SEED;
    let mut bytes = Vec::with_capacity(count + size_of::<u64>());
    while bytes.len() < count {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(count);
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_bytes_are_as_many_as_asked_and_the_same_every_time() {
        for count in [0, 1, 7, 8, 9, 1000] {
            assert_eq!(random(count).len(), count);
            assert_eq!(random(count), random(count));
        }
        let bytes = random(4096);
        let zeros = bytes.iter().filter(|byte| **byte == 0).count();
        assert!(zeros < 64, "{zeros} zeros of 4096");
    }
}
