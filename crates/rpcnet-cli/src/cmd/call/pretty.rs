//! JSON on several lines, with its numbers and the order of its fields as they came.

/// Columns up to which JSON stays on one line.
const WIDTH: usize = 100;
const INDENT: &str = "  ";

/// The JSON text, broken into lines where it is long.
pub(super) fn pretty(json: &str) -> String {
    if json.chars().count() <= WIDTH {
        return json.to_owned();
    }
    let mut text = String::with_capacity(json.len() * 2);
    let (mut depth, mut is_text, mut is_escaped) = (0_usize, false, false);
    let mut chars = json.chars().peekable();
    while let Some(c) = chars.next() {
        if is_text {
            text.push(c);
            is_text = is_escaped || c != '"';
            is_escaped = !is_escaped && c == '\\';
            continue;
        }
        match c {
            '"' => {
                is_text = true;
                text.push(c);
            }
            '{' | '[' => {
                text.push(c);
                while chars.next_if(|next| next.is_ascii_whitespace()).is_some() {}
                if let Some(end) = chars.next_if(|next| matches!(next, '}' | ']')) {
                    text.push(end);
                } else {
                    depth += 1;
                    line(&mut text, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut text, depth);
                text.push(c);
            }
            ',' => {
                text.push(c);
                line(&mut text, depth);
            }
            ':' => text.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            other => text.push(other),
        }
    }
    text
}

fn line(text: &mut String, depth: usize) {
    text.push('\n');
    for _ in 0..depth {
        text.push_str(INDENT);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn long_json_gets_lines_and_stays_the_same() {
        let long = "x".repeat(WIDTH);
        let json = format!(
            r#"{{"b":[1,{{}},[ ],"a\",\\"],"a":{{"deep":12345678901234567890123}},"c":"{long}"}}"#
        );
        let text = pretty(&json);
        assert!(
            text.starts_with("{\n  \"b\": [\n    1,\n    {},\n    [],\n"),
            "{text}"
        );
        assert!(
            text.contains("\"deep\": 12345678901234567890123\n"),
            "{text}"
        );
        let (read, expected): (Value, Value) = (
            serde_json::from_str(&text).expect("it is JSON"),
            serde_json::from_str(&json).expect("it was JSON"),
        );
        assert_eq!(read, expected);
    }

    #[test]
    fn short_json_stays_on_its_line() {
        assert_eq!(pretty("{\"a\":1}"), "{\"a\":1}");
    }
}
