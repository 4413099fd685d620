//! The `key` of a record: certificates in DER, one after the other, the member's own first.

/// The certificates of a key, or `None` where it is not made of 1 to [`CERTIFICATES_MAX`]
/// certificates and nothing else.
///
/// Only their outer lengths are read here.
pub(super) fn split(mut key: &[u8]) -> Option<Vec<&[u8]>> {
    let mut certificates = Vec::new();
    while !key.is_empty() {
        if certificates.len() == CERTIFICATES_MAX {
            return None;
        }
        let (certificate, rest) = key.split_at_checked(element_len(key)?)?;
        certificates.push(certificate);
        key = rest;
    }
    (!certificates.is_empty()).then_some(certificates)
}

/// The bytes of the DER sequence that begins here, its head included. A key has at most 4,096
/// bytes, so lengths of more than two bytes are not for us.
fn element_len(der: &[u8]) -> Option<usize> {
    match *der {
        [SEQUENCE, len, ..] if len < 0x80 => Some(2 + usize::from(len)),
        [SEQUENCE, 0x81, len, ..] if len >= 0x80 => Some(3 + usize::from(len)),
        [SEQUENCE, 0x82, high, low, ..] if high > 0 => {
            Some(4 + usize::from(u16::from_be_bytes([high, low])))
        }
        _ => None,
    }
}

/// The most certificates of one key. Authorities sign through one or two others; and the work that
/// a key can cost to refuse grows with the ways to put them in order.
pub(super) const CERTIFICATES_MAX: usize = 4;

const SEQUENCE: u8 = 0x30;

#[cfg(test)]
mod tests {
    use super::*;

    fn element(len: usize) -> Vec<u8> {
        let mut der = match len {
            ..0x80 => vec![SEQUENCE, len as u8],
            0x80..0x100 => vec![SEQUENCE, 0x81, len as u8],
            _ => vec![SEQUENCE, 0x82, (len >> 8) as u8, len as u8],
        };
        der.resize(der.len() + len, 7);
        der
    }

    #[test]
    fn a_key_is_split_where_its_certificates_end() {
        for lengths in [[0, 1, 0x7f, 0x80], [0xff, 0x100, 0x1ff, 3_000]] {
            let elements = lengths.map(element);
            let key = elements.concat();
            let expected: Vec<&[u8]> = elements.iter().map(Vec::as_slice).collect();
            assert_eq!(split(&key), Some(expected));
            let ends = elements.iter().scan(0, |end, element| {
                *end += element.len();
                Some(*end)
            });
            let ends: Vec<usize> = ends.collect();
            for end in 0..key.len() {
                let is_whole = ends.contains(&end);
                assert_eq!(split(&key[..end]).is_some(), is_whole, "cut at {end}");
            }
        }
    }

    #[test]
    fn more_certificates_than_allowed_are_none() {
        let most = element(3).repeat(CERTIFICATES_MAX);
        assert_eq!(split(&most).map(|all| all.len()), Some(CERTIFICATES_MAX));
        assert_eq!(split(&[most, element(3)].concat()), None);
    }

    #[test]
    fn what_is_no_der_sequence_is_refused() {
        for key in [
            &[][..],
            &[0x30],
            &[0x31, 0],
            &[0x30, 0x80],
            &[0x30, 0x81, 0x7f],
            &[0x30, 0x82, 0, 0x80],
            &[0x30, 0x83, 0, 1, 0],
            &[0x30, 0, 0],
        ] {
            assert_eq!(split(key), None, "{key:?}");
        }
    }
}
