//! Names that may have been meant.

/// Names that are offered.
const OFFERED_MAX: usize = 3;
/// Longer ones are not compared.
const NAME_CHARS_MAX: usize = 128;

/// The names that are nearest to one that does not exist, if any is near.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let given: Vec<char> = name.to_lowercase().chars().take(NAME_CHARS_MAX).collect();
    let last = |name: &str| name.rsplit(['.', '/']).next().unwrap_or("").to_lowercase();
    let mut near: Vec<(usize, &str)> = known
        .filter_map(|candidate| {
            let chars: Vec<char> = candidate.to_lowercase().chars().collect();
            let distance = match last(candidate) == last(name) {
                // Only the service is wrong, or left out.
                true => 0,
                false => distance(&given, chars.get(..NAME_CHARS_MAX).unwrap_or(&chars)),
            };
            (distance <= (given.len() / 3).clamp(1, 4)).then_some((distance, candidate))
        })
        .collect();
    near.sort_unstable();
    near.into_iter()
        .take(OFFERED_MAX)
        .map(|(_, name)| name)
        .collect()
}

/// How many letters have to be put in, left out or replaced.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 4] = ["Shop.price", "Shop.order", "Bank.balance", "echo"];

    #[test]
    fn a_slip_of_the_finger_finds_its_name() {
        for (given, found) in [
            ("Shop.pirce", "Shop.price"),
            ("shop.order", "Shop.order"),
            ("price", "Shop.price"),
            ("Shop/order", "Shop.order"),
            ("Bnk.balance", "Bank.balance"),
            ("ecoh", ""),
            ("eco", "echo"),
        ] {
            let near = nearest(given, KNOWN.into_iter());
            assert_eq!(near.first().copied().unwrap_or_default(), found, "{given}");
        }
        assert!(nearest("Weather.today", KNOWN.into_iter()).is_empty());
    }

    #[test]
    fn distances_count_letters() {
        let of = |a: &str, b: &str| {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            distance(&chars(a), &chars(b))
        };
        assert_eq!(of("", "abc"), 3);
        assert_eq!(of("kitten", "sitting"), 3);
        assert_eq!(of("same", "same"), 0);
    }
}
