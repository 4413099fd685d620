//! As much of Markdown as the rules ask about: prose without code blocks,
//! links, headings, inline code and the first cells of tables.

/// A link and its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) target: String,
    pub(crate) line: usize,
}

/// The lines outside fenced code, with their numbers.
pub(crate) fn prose(text: &str) -> Vec<(usize, &str)> {
    let mut fence: Option<&str> = None;
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let start = line.trim_start();
        match fence {
            Some(open) => {
                if start.starts_with(open) {
                    fence = None;
                }
            }
            None if start.starts_with("```") => fence = Some("```"),
            None if start.starts_with("~~~") => fence = Some("~~~"),
            None => found.push((at + 1, line)),
        }
    }
    found
}

/// Targets of inline links, images and reference definitions.
pub(crate) fn links(text: &str) -> Vec<Link> {
    let mut found = Vec::new();
    for (line, content) in prose(text) {
        let content = without_inline_code(content);
        let mut rest = content.as_str();
        while let Some((_, after)) = rest.split_once("](") {
            let target = after.split([')', ' ']).next().unwrap_or_default();
            found.push(Link {
                target: target.trim_matches(['<', '>']).to_owned(),
                line,
            });
            rest = after;
        }
        let definition = content
            .trim_start()
            .strip_prefix('[')
            .and_then(|rest| rest.split_once("]:"));
        if let Some((_, target)) = definition {
            let target = target.split_whitespace().next().unwrap_or_default();
            found.push(Link {
                target: target.to_owned(),
                line,
            });
        }
    }
    found
}

/// The anchors that the headings make.
pub(crate) fn anchors(text: &str) -> Vec<String> {
    let headings = prose(text)
        .into_iter()
        .filter(|(_, line)| line.starts_with('#'));
    headings
        .map(|(_, line)| anchor(line.trim_start_matches('#').trim()))
        .collect()
}

fn anchor(heading: &str) -> String {
    let lower = heading.to_lowercase();
    let kept = lower
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// What stands between single backticks in the prose.
pub(crate) fn inline_code(text: &str) -> Vec<Link> {
    let mut found = Vec::new();
    for (line, content) in prose(text) {
        let spans = content.split('`').skip(1).step_by(2);
        found.extend(spans.map(|span| Link {
            target: span.to_owned(),
            line,
        }));
    }
    found
}

/// The text from the heading `title` to the next heading of its level or above.
pub(crate) fn section<'a>(text: &'a str, title: &str) -> &'a str {
    let mut start = None;
    let mut level = 0;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let hashes = line.bytes().take_while(|byte| *byte == b'#').count();
        let is_heading = hashes > 0 && line[hashes..].starts_with(' ');
        match start {
            Some(from) if is_heading && hashes <= level => return &text[from..offset],
            None if is_heading && line[hashes..].trim() == title => {
                start = Some(offset + line.len());
                level = hashes;
            }
            _ => {}
        }
        offset += line.len();
    }
    start.map_or("", |from| &text[from..])
}

/// The names in backticks that open the rows of the tables in `text`.
pub(crate) fn first_cells(text: &str) -> Vec<String> {
    let rows = prose(text)
        .into_iter()
        .filter_map(|(_, line)| line.trim().strip_prefix('|'));
    let cells = rows.filter_map(|row| row.split('|').next());
    let names = cells.filter_map(|cell| cell.trim().strip_prefix('`')?.strip_suffix('`'));
    names.map(str::to_owned).collect()
}

fn without_inline_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

#[cfg(test)]
mod tests {
    use super::{anchors, first_cells, inline_code, links, section};

    const SAMPLE: &str = "\
# Title

See [a](b.md#c-d), ![i](i.png \"title\") and `[no](x.md)`.

```text
[no](y.md) `no`
```

[ref]: docs/e.md

## A heading: with `code`, more

| name | cost |
|---|---|
| `bytes` | none |

### Deeper

| `tokio` | some |

## Next

| `other` | none |
";

    fn targets(found: &[super::Link]) -> Vec<&str> {
        found.iter().map(|link| link.target.as_str()).collect()
    }

    #[test]
    fn links_are_found_outside_code_only() {
        assert_eq!(targets(&links(SAMPLE)), ["b.md#c-d", "i.png", "docs/e.md"]);
        assert_eq!(links(SAMPLE)[2].line, 9);
    }

    #[test]
    fn headings_make_anchors() {
        assert_eq!(
            anchors(SAMPLE),
            ["title", "a-heading-with-code-more", "deeper", "next"]
        );
    }

    #[test]
    fn inline_code_is_found_in_prose_only() {
        assert_eq!(
            targets(&inline_code(SAMPLE)),
            ["[no](x.md)", "code", "bytes", "tokio", "other"]
        );
    }

    #[test]
    fn a_section_ends_at_the_next_heading_of_its_level() {
        assert_eq!(
            first_cells(section(SAMPLE, "A heading: with `code`, more")),
            ["bytes", "tokio"]
        );
        assert_eq!(first_cells(section(SAMPLE, "Next")), ["other"]);
        assert_eq!(section(SAMPLE, "Absent"), "");
    }
}
