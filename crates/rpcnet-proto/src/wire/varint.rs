//! QUIC's variable-length integers (RFC 9000, section 16), in their shortest form only.

use bytes::{BufMut, BytesMut};

use super::WireError;

/// The largest number that a varint can carry, 2^62 - 1.
pub const MAX: u64 = (1 << 62) - 1;

/// The longest varint, in bytes.
pub const BYTES_MAX: usize = 8;

/// Appends `value` in its shortest form; beyond [`MAX`] it writes [`MAX`].
pub fn encode(value: u64, out: &mut BytesMut) {
    let value = value.min(MAX);
    // The two highest bits hold the length: 1, 2, 4 or 8 bytes, the last of these eight.
    match encoded_len(value) {
        1 => put_last::<1>(value, out),
        2 => put_last::<2>(value | 0b01 << 14, out),
        4 => put_last::<4>(value | 0b10 << 30, out),
        _ => put_last::<8>(value | 0b11 << 62, out),
    }
}

/// Appends the last bytes of a number: of a known count, so that they are stored at once.
fn put_last<const N: usize>(value: u64, out: &mut BytesMut) {
    if let Some(last) = value.to_be_bytes().last_chunk::<N>() {
        out.put_slice(last);
    }
}

/// The number of bytes that [`encode`] appends: 1, 2, 4 or 8.
#[must_use]
pub const fn encoded_len(value: u64) -> usize {
    match value {
        0..0x40 => 1,
        0x40..0x4000 => 2,
        0x4000..0x4000_0000 => 4,
        _ => 8,
    }
}

/// Reads the varint at the start of `bytes`: its value and how many bytes it
/// takes, or `None` where more bytes are needed.
///
/// # Errors
/// W-6: [`WireError::VarintNotShortest`] where fewer bytes could carry the
/// value. One number has one encoding, so no two parsers can disagree on a length.
#[inline]
pub fn decode(bytes: &[u8]) -> Result<Option<(u64, usize)>, WireError> {
    let Some(&first) = bytes.first() else {
        return Ok(None);
    };
    if first < 0x40 {
        return Ok(Some((u64::from(first), 1)));
    }
    let len = 1 << (first >> 6);
    let Some(rest) = bytes.get(1..len) else {
        return Ok(None);
    };
    let high = u64::from(first & 0x3f);
    let value = rest
        .iter()
        .fold(high, |value, byte| value << 8 | u64::from(*byte));
    if encoded_len(value) != len {
        return Err(WireError::VarintNotShortest);
    }
    Ok(Some((value, len)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(value: u64) -> Vec<u8> {
        let mut out = BytesMut::new();
        encode(value, &mut out);
        out.to_vec()
    }

    #[test]
    fn the_examples_of_rfc_9000_round_trip() {
        for (value, bytes) in [
            (
                151_288_809_941_952_652,
                &[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c][..],
            ),
            (494_878_333, &[0x9d, 0x7f, 0x3e, 0x7d]),
            (15_293, &[0x7b, 0xbd]),
            (37, &[0x25]),
        ] {
            assert_eq!(encoded(value), bytes);
            assert_eq!(decode(bytes), Ok(Some((value, bytes.len()))));
        }
    }

    #[test]
    fn each_length_ends_where_the_next_begins() {
        for (value, len) in [
            (0, 1),
            (63, 1),
            (64, 2),
            (16_383, 2),
            (16_384, 4),
            (1_073_741_823, 4),
            (1_073_741_824, 8),
            (MAX, 8),
        ] {
            let bytes = encoded(value);
            assert_eq!((bytes.len(), encoded_len(value)), (len, len), "{value}");
            assert_eq!(decode(&bytes), Ok(Some((value, len))));
            for cut in 0..len {
                assert_eq!(decode(&bytes[..cut]), Ok(None), "{value} cut at {cut}");
            }
        }
    }

    /// W-6.
    #[test]
    fn a_longer_form_than_needed_is_refused() {
        for bytes in [
            &[0x40, 0x25][..],
            &[0x40, 0x00],
            &[0x80, 0, 0x3f, 0xff],
            &[0xc0, 0, 0, 0, 0x3f, 0xff, 0xff, 0xff],
        ] {
            assert_eq!(
                decode(bytes),
                Err(WireError::VarintNotShortest),
                "{bytes:x?}"
            );
        }
    }

    #[test]
    fn a_number_beyond_the_maximum_is_written_as_the_maximum() {
        for beyond in [MAX + 1, u64::MAX] {
            assert_eq!(encoded(beyond), encoded(MAX));
        }
    }
}
