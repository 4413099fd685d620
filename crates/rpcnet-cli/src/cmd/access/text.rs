//! What others wrote, made fit for a terminal.

/// The text with every character escaped that a terminal might obey, cut to `max` characters.
pub(crate) fn printable(text: &str, max: usize) -> String {
    let mut shown: Vec<char> = text.chars().take(max + 1).flat_map(escaped).collect();
    if shown.len() > max {
        shown.truncate(max.saturating_sub(CUT.len()));
        shown.extend(CUT.chars());
    }
    shown.into_iter().collect()
}

/// Takes the place of what was cut off.
const CUT: &str = "...";

fn escaped(c: char) -> Box<dyn Iterator<Item = char>> {
    match c {
        '\'' | '"' => Box::new(std::iter::once(c)),
        _ => Box::new(c.escape_debug()),
    }
}

/// JSON in which every character that a terminal might obey is escaped, and no other.
pub(crate) fn terminal_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        // What is no letter to be seen was within a string, where `\u` stands for it.
        let is_seen = c == '\n' || c == ' ' || c.is_ascii_graphic() || c.escape_debug().len() == 1;
        match is_seen {
            true => safe.push(c),
            false => push_escaped(&mut safe, c),
        }
    }
    safe
}

fn push_escaped(json: &mut String, c: char) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        json.push_str(&format!("\\u{unit:04x}"));
    }
}

/// JSON in which every character is plain ASCII: what is not was within a string, where
/// `\u` stands for it.
pub(crate) fn ascii_json(json: &str) -> String {
    let mut ascii = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() && !c.is_ascii_control() {
            ascii.push(c);
            continue;
        }
        push_escaped(&mut ascii, c);
    }
    ascii
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_gets_through() {
        for (text, shown) in [
            ("plain text", "plain text"),
            ("M\u{fc}nchen", "M\u{fc}nchen"),
            ("say \"it's\"", "say \"it's\""),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\u{202e}evil", "\\u{202e}evil"),
            ("back\\slash", "back\\\\slash"),
        ] {
            assert_eq!(printable(text, 40), shown);
        }
    }

    #[test]
    fn what_is_too_long_is_cut_to_the_limit() {
        assert_eq!(printable("0123456789", 10), "0123456789");
        assert_eq!(printable("0123456789a", 10), "0123456...");
        assert_eq!(printable(&"\u{1b}".repeat(1000), 10), "\\u{1b}\\...");
        assert_eq!(printable(&"\u{e9}".repeat(11), 10).chars().count(), 10);
    }

    #[test]
    fn json_for_a_terminal_keeps_letters_and_escapes_the_rest() {
        let text = "a\"\u{7f}\u{e9}\u{1f600}\u{202e}\u{9b}";
        let json = serde_json::to_string(text).expect("any text is JSON");
        let safe = terminal_json(&json);
        assert_eq!(safe, "\"a\\\"\\u007f\u{e9}\u{1f600}\\u202e\\u009b\"");
        let read: String = serde_json::from_str(&safe).expect("it is JSON still");
        assert_eq!(read, text);
    }

    #[test]
    fn json_stays_the_same_json_in_ascii() {
        let text = "a\"\u{7f}\u{e9}\u{1f600}\u{1b}";
        let json = serde_json::to_string(text).expect("any text is JSON");
        let ascii = ascii_json(&json);
        assert!(ascii.chars().all(|c| (' '..='~').contains(&c)), "{ascii}");
        let read: String = serde_json::from_str(&ascii).expect("it is JSON still");
        assert_eq!(read, text);
    }
}
