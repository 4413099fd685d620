//! Habits that rot a tree: tests that are skipped, that sleep or that fight
//! over a port; libraries that print; lints switched off wholesale.

use crate::items::closing;
use crate::lexer::{self, Kind, Token};
use crate::tasks::published_sources;
use crate::tree::{self, Source, Violation};

const PRINTING: [&str; 5] = ["println", "print", "eprintln", "eprint", "dbg"];

fn skipped_tests(source: &Source) -> Vec<Violation> {
    let code = source.code();
    let ignored = code.windows(3).filter(|window| {
        window[0].is_mark("#") && window[1].is_mark("[") && window[2].is_word("ignore")
    });
    ignored
        .map(|window| Violation::new(&source.path, window[0].line, "`#[ignore]`"))
        .collect()
}

/// A fence with `ignore` in doc comments is an example that nothing compiles.
fn skipped_examples(source: &Source) -> Vec<Violation> {
    let tokens = lexer::tokens(&source.text);
    let comments = tokens.iter().filter(|token| token.kind == Kind::Comment);
    let lines = comments.flat_map(|token| (token.line..).zip(token.text.lines()));
    let skipped = lines.filter(|(_, line)| {
        let fence = line
            .split_once("```")
            .map(|(_, info)| info)
            .unwrap_or_default();
        fence
            .split([',', ' '])
            .any(|word| word.starts_with("ignore"))
    });
    skipped
        .map(|(line, _)| Violation::new(&source.path, line, "an ignored example"))
        .collect()
}

fn sleeping_threads(source: &Source) -> Vec<Violation> {
    let paths = source.all_paths();
    let sleeping = paths.iter().filter(|path| path.contains("thread::sleep"));
    sleeping
        .map(|path| Violation::new(&source.path, path.line, path.text()))
        .collect()
}

fn silenced_warnings(source: &Source) -> Vec<Violation> {
    let code = source.code();
    let mut found = Vec::new();
    for (at, pair) in code.windows(2).enumerate() {
        let is_lint_level = pair[0].is_word("allow") || pair[0].is_word("expect");
        if is_lint_level && pair[1].is_mark("(") {
            let inside = &code[at + 1..closing(&code, at + 1)];
            let all = inside.iter().filter(|token| token.is_word("warnings"));
            found.extend(
                all.map(|token| Violation::new(&source.path, token.line, "`warnings` as a whole")),
            );
        }
    }
    found
}

/// Libraries that print all the same.
const PRINTS: [(&str, &str); 1] = [(
    "crates/rpcnet-gen/src/announce.rs",
    "a build script talks to cargo on its standard output",
)];

pub(crate) fn printing(source: &Source) -> Vec<Violation> {
    let code = source.product_code();
    let printing = code.windows(2).filter(|pair| {
        pair[0].kind == Kind::Word && PRINTING.contains(&pair[0].text) && pair[1].is_mark("!")
    });
    printing
        .map(|pair| Violation::new(&source.path, pair[0].line, pair[0].text))
        .collect()
}

/// Addresses of this machine with a port that another program may hold, in
/// test code. A port that needs privileges is not bound there: it stands for
/// "some address" in a test that opens nothing.
fn fixed_ports(source: &Source) -> Vec<Violation> {
    // The concept page's snippets stand there as the page has them; what they name is
    // never bound and never connected to.
    if source.path == "crates/rpcnet/tests/page.rs" {
        return Vec::new();
    }
    let is_test_crate = [
        "crates/rpcnet-testkit/",
        "crates/rpcnet-bench/",
        "examples/",
    ]
    .iter()
    .any(|folder| source.path.starts_with(folder));
    let code = if is_test_crate {
        source.code()
    } else {
        source.test_code()
    };
    let mut found = Vec::new();
    for token in code.iter().filter(|token| token.kind == Kind::Text) {
        if let Some(port) = local_port(token.text).filter(|port| *port >= USER_PORTS) {
            found.push(Violation::new(
                &source.path,
                token.line,
                format!("port {port}"),
            ));
        }
    }
    found.extend(
        numeric_ports(&code)
            .map(|token| Violation::new(&source.path, token.line, format!("port {}", token.text))),
    );
    found
}

/// The first port that a program without privileges may bind.
const USER_PORTS: u16 = 1024;

/// The port in a text such as `127.0.0.1:80`, `[::1]:80` or `localhost:80`.
fn local_port(text: &str) -> Option<u16> {
    let (host, port) = text.rsplit_once(':')?;
    let is_local = host.ends_with("localhost")
        || host.ends_with("0.0.0.0")
        || host.ends_with("[::]")
        || host.ends_with("[::1]")
        || host.rsplit('/').next().is_some_and(|host| {
            host.starts_with("127.")
                && host
                    .bytes()
                    .all(|byte| byte == b'.' || byte.is_ascii_digit())
        });
    let digits = port.bytes().take_while(u8::is_ascii_digit).count();
    if is_local {
        port[..digits].parse().ok()
    } else {
        None
    }
}

/// Ports in `([127, 0, 0, 1], 80)` and `(Ipv4Addr::LOCALHOST, 80)`.
fn numeric_ports<'a, 'b>(code: &'b [Token<'a>]) -> impl Iterator<Item = &'b Token<'a>> {
    code.windows(4).filter_map(|window| {
        let [host, comma, port, close] = window else {
            return None;
        };
        let is_host = host.is_mark("]") || host.is_word("LOCALHOST") || host.is_word("UNSPECIFIED");
        let is_user_port = port.text.parse().is_ok_and(|port: u16| port >= USER_PORTS);
        let is_pair = comma.is_mark(",") && close.is_mark(")");
        (is_host && is_user_port && is_pair).then_some(port)
    })
}

#[test]
fn no_test_is_skipped() {
    tree::hold(&tree::sources(), skipped_tests);
}

#[test]
fn no_documented_example_is_skipped() {
    tree::hold(&tree::sources(), skipped_examples);
}

#[test]
fn nothing_puts_a_thread_to_sleep() {
    tree::hold(&tree::sources(), sleeping_threads);
}

#[test]
fn no_file_silences_all_warnings() {
    tree::hold(&tree::sources(), silenced_warnings);
}

#[test]
fn no_library_prints() {
    let libraries: Vec<Source> = published_sources()
        .into_iter()
        .filter(|source| !source.path.starts_with("crates/rpcnet-cli/"))
        .filter(|source| PRINTS.iter().all(|(path, _)| *path != source.path))
        .collect();
    tree::hold(&libraries, printing);
}

#[test]
fn every_file_allowed_to_print_does() {
    let sources = published_sources();
    let allowed = |source: &&Source| PRINTS.iter().any(|(path, _)| *path == source.path);
    let idle = sources
        .iter()
        .filter(allowed)
        .filter(|source| printing(source).is_empty());
    tree::require_none(idle.map(|source| Violation::new(&source.path, 0, "remove it from PRINTS")));
}

#[test]
fn no_test_insists_on_a_port() {
    tree::hold(&tree::sources(), fixed_ports);
}

mod bites {
    use super::{
        fixed_ports, local_port, printing, silenced_warnings, skipped_examples, skipped_tests,
        sleeping_threads,
    };
    use crate::tree::Source;

    fn library(text: &str) -> Source {
        Source::new("crates/rpcnet/src/a.rs", text)
    }

    #[test]
    fn a_skipped_test_is_seen() {
        assert_eq!(
            skipped_tests(&library("#[test]\n#[ignore = \"slow\"]\nfn a() {}")).len(),
            1
        );
        assert!(skipped_tests(&library("// #[ignore]\nfn ignore() {}")).is_empty());
    }

    #[test]
    fn a_skipped_example_is_seen() {
        for fence in ["```ignore", "```rust,ignore", "```rust, ignore"] {
            assert_eq!(
                skipped_examples(&library(&format!("/// {fence}\n/// a\nfn f() {{}}"))).len(),
                1
            );
        }
        for fence in ["```", "```no_run", "```text"] {
            assert!(skipped_examples(&library(&format!("/// {fence}\n/// a"))).is_empty());
        }
    }

    #[test]
    fn a_sleeping_thread_is_seen() {
        for text in [
            "fn f() { std::thread::sleep(d); }",
            "use std::thread; fn f() { thread::sleep(d); }",
            "#[cfg(test)] mod tests { use std::thread::sleep as nap; }",
        ] {
            assert!(!sleeping_threads(&library(text)).is_empty(), "{text}");
        }
        assert!(
            sleeping_threads(&library("async fn f() { tokio::time::sleep(d).await; }")).is_empty()
        );
    }

    #[test]
    fn silencing_everything_is_seen() {
        assert_eq!(
            silenced_warnings(&library("#![allow(unused, warnings)]")).len(),
            1
        );
        assert!(silenced_warnings(&library("#[expect(unused)] fn warnings() {}")).is_empty());
    }

    #[test]
    fn printing_is_seen_in_code_but_not_in_tests_or_docs() {
        assert_eq!(
            printing(&library(
                "fn f() { println!(\"a\"); std::eprint!(\"b\"); dbg!(c); }"
            ))
            .len(),
            3
        );
        for text in [
            "/// println!(\"a\")\nfn f() {}",
            "#[test] fn f() { println!(\"a\"); }",
            "fn print() {}",
        ] {
            assert!(printing(&library(text)).is_empty(), "{text}");
        }
    }

    // The ports are written apart from their hosts: this file is looked at too.
    const CALLS: [&str; 5] = [
        "bind(\"127.0.0.1:PORT\")",
        "bind(\"[::1]:PORT\")",
        "bind(\"localhost:PORT\")",
        "SocketAddr::from(([127, 0, 0, 1], PORT))",
        "SocketAddr::from((Ipv4Addr::LOCALHOST, PORT))",
    ];

    #[test]
    fn a_fixed_port_in_a_test_is_seen() {
        for call in CALLS {
            let call = call.replace("PORT", "8443");
            let in_test = format!("#[test] fn a() {{ {call}; }}");
            assert_eq!(fixed_ports(&library(&in_test)).len(), 1, "{call}");
            assert!(
                fixed_ports(&library(&format!("fn a() {{ {call}; }}"))).is_empty(),
                "{call}"
            );
            let example = Source::new("examples/src/bin/a.rs", &format!("fn main() {{ {call}; }}"));
            assert_eq!(fixed_ports(&example).len(), 1, "{call}");
        }
    }

    #[test]
    fn a_port_left_to_the_system_passes() {
        for call in CALLS {
            for port in ["0", "7"] {
                let text = format!("#[test] fn a() {{ {}; }}", call.replace("PORT", port));
                assert!(fixed_ports(&library(&text)).is_empty(), "{call}");
            }
        }
    }

    #[test]
    fn only_addresses_of_this_machine_count() {
        assert_eq!(
            local_port(&format!("https://127.0.0.1:{}/x", 65535)),
            Some(65535)
        );
        for text in [
            "192.0.2.1:443",
            "example.com:443",
            "12:30",
            "127.0.0.1",
            "a::b",
        ] {
            assert_eq!(local_port(text), None, "{text}");
        }
    }
}
