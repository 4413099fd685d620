//! Payloads that tell whether they are the ones that were sent.

use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use rpcnet_testkit::chaos::Random;

/// Makes the payload with this number: number, filling of 0 to 1,023 bytes, SHA-256 of both.
pub(crate) fn stamped(number: u64) -> Vec<u8> {
    let mut random = Random::new(number, 0);
    let filling = (random.next_u64() % 1024) as usize;
    let mut payload = Vec::with_capacity(NUMBER_BYTES + filling + 8 + SHA256_OUTPUT_LEN);
    payload.extend_from_slice(&number.to_be_bytes());
    while payload.len() < NUMBER_BYTES + filling {
        payload.extend_from_slice(&random.next_u64().to_be_bytes());
    }
    payload.truncate(NUMBER_BYTES + filling);
    let hash = digest(&SHA256, &payload);
    payload.extend_from_slice(hash.as_ref());
    payload
}

/// Returns the number of a payload that arrived as it was made.
pub(crate) fn number_of(payload: &[u8]) -> Option<u64> {
    let (content, hash) = payload.split_last_chunk::<SHA256_OUTPUT_LEN>()?;
    let number = content.first_chunk::<NUMBER_BYTES>()?;
    (digest(&SHA256, content).as_ref() == hash).then(|| u64::from_be_bytes(*number))
}

const NUMBER_BYTES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_with_any_byte_altered_or_cut_has_no_number() {
        let payload = stamped(77);
        assert_eq!(number_of(&payload), Some(77));
        for at in 0..payload.len() {
            let mut altered = payload.clone();
            altered[at] ^= 1;
            assert_eq!(number_of(&altered), None, "byte {at}");
            assert_eq!(number_of(&payload[..at]), None, "cut at {at}");
        }
    }
}
