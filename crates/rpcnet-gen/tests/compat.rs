//! What a change of a definition means for peers of the two versions.

use std::error::Error;
use std::fs;
use std::path::Path;

use rpcnet_gen::{Changes, GenerateError, Severity, compare};
use tempfile::TempDir;

type TestResult = Result<(), Box<dyn Error>>;

#[test]
fn types_are_judged_by_what_travels() -> TestResult {
    // Each case: a claim, the old items, the new items, what is to be found.
    // The items define `M`, the request of the only method, or are the fields of it.
    judge(include!("compat/types.rs"), |items| {
        let items = match items.strip_prefix("fields ") {
            Some(fields) => format!("pub struct M {{ {fields} }}"),
            None => items.to_owned(),
        };
        format!(
            "use std::collections::HashMap;\n{items}\n#[rpcnet::service]\ntrait S {{\n    \
             async fn send(&self, message: M) -> Result<(), ()>;\n}}\n"
        )
    })
}

#[test]
fn methods_are_judged_by_what_travels() -> TestResult {
    // Each case: a claim, the methods of the old service and of the new, what is to be found.
    judge(include!("compat/methods.rs"), |methods| {
        format!("#[rpcnet::service]\ntrait S {{ {methods} }}\n")
    })
}

#[test]
fn services_are_judged_by_what_travels() -> TestResult {
    judge(include!("compat/services.rs"), str::to_owned)
}

#[test]
fn a_change_names_its_place_and_the_methods_that_reach_it() -> TestResult {
    let old = "pub struct Leaf {\n    a: u8,\n}\npub struct Page<T> { items: Vec<T>, next: Option<Box<Page<T>>> }\n\
               #[rpcnet::service]\npub trait S {\n    async fn one(&self, leaf: Leaf) -> Result<(), ()>;\n    \
               async fn two(&self) -> Result<Page<Leaf>, ()>;\n    async fn three(&self) -> Result<(), ()>;\n}\n";
    let new = old.replace("    a: u8,\n", "    a: u8,\n    bé: u8,\n");
    let changes = changes(old, &new)?;
    let [change] = changes.as_slice() else {
        return Err(changes.to_string().into());
    };
    assert_eq!((change.site.line, change.site.column), (3, 5));
    assert!(change.site.file.ends_with("new.rpc.rs"));
    assert_eq!(change.methods, ["S.one", "S.two"]);
    Ok(())
}

#[test]
fn what_is_gone_is_shown_where_it_was() -> TestResult {
    let service =
        "\n#[rpcnet::service]\ntrait S { async fn send(&self, message: M) -> Result<(), ()>; }";
    let changes = changes(
        &format!("struct M {{\n  a: u8,\n  b: u8 }}{service}"),
        &format!("struct M {{ a: u8 }}{service}"),
    )?;
    let [change] = changes.as_slice() else {
        return Err(changes.to_string().into());
    };
    assert_eq!((change.site.line, change.site.column), (3, 3));
    assert!(change.site.file.ends_with("old.rpc.rs"));
    Ok(())
}

#[test]
fn changes_are_listed_by_severity() -> TestResult {
    let old = "#[rpcnet::service]\ntrait S {\n    #[rpc(idempotent)]\n    async fn a(&self) -> Result<u8, ()>;\n}";
    let new = "#[rpcnet::service]\ntrait S {\n    async fn z(&self) -> Result<u8, ()>;\n    async fn a(&self) -> Result<u16, ()>;\n}";
    let (changes, folder) = changes_in_folder(old, new)?;
    let text = changes
        .to_string()
        .replace(&folder.path().display().to_string(), "");
    assert_eq!(
        text,
        "breaking:\n  \
         /new.rpc.rs:4:33: the reply of `S.a` changed its type from `u8` to `u16` (breaks postcard, json) [S.a]\n\
         warning:\n  \
         /new.rpc.rs:4:14: `S.a` is no longer idempotent: old callers may repeat calls of it [S.a]\n\
         note:\n  \
         /new.rpc.rs:3:14: method `S.z` added [S.z]"
    );
    assert!(changes.is_breaking());
    Ok(())
}

#[test]
fn a_method_may_move_to_another_file_of_the_folder() -> TestResult {
    let folder = TempDir::new()?;
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    let service = |name: &str| {
        format!("#[rpcnet::service]\ntrait {name} {{ async fn a(&self) -> Result<u8, ()>; }}\n")
    };
    fs::create_dir_all(&old)?;
    fs::create_dir_all(new.join("deep"))?;
    fs::write(old.join("all.rpc.rs"), service("A") + &service("B"))?;
    fs::write(new.join("a.rpc.rs"), service("A"))?;
    fs::write(new.join("deep/b.rpc.rs"), service("B"))?;
    assert_eq!(compare(&old, &new)?, Changes::default());
    Ok(())
}

#[test]
fn types_that_never_end_are_compared_all_the_same() -> TestResult {
    let doubling: String = (0..40)
        .map(|n| format!("type A{n}<T> = A{}<(T, T)>;\n", n + 1))
        .collect();
    for items in [
        "type M = M;".to_owned(),
        "struct M(Box<M>);".to_owned(),
        "struct M(N); type N = Box<M>;".to_owned(),
        "struct M { next: Option<Box<M>>, list: Vec<M> }".to_owned(),
        "struct G<T> { next: Option<Box<G<Vec<T>>>> } type M = G<u8>;".to_owned(),
        format!("{doubling} struct M {{ a: A0<u8> }}"),
    ] {
        let definition = |items: &str| {
            format!(
                "{items}\n#[rpcnet::service]\ntrait S {{ async fn send(&self, message: M) -> Result<(), ()>; }}"
            )
        };
        assert_eq!(
            changes(&definition(&items), &definition(&items))?,
            Changes::default(),
            "{items}"
        );
        assert!(
            changes(&definition(&items), &definition("type M = u64;"))?.is_breaking(),
            "{items}"
        );
    }
    Ok(())
}

#[test]
fn twenty_comparisons_give_one_answer() -> TestResult {
    let old = "struct M { a: u8, b: N } enum N { A, B }\n#[rpcnet::service]\ntrait S {\n\
               async fn a(&self, m: M) -> Result<N, ()>;\nasync fn b(&self, n: N) -> Result<M, ()>;\n}";
    let new = old
        .replace("a: u8", "c: u16, a: i8")
        .replace("{ A, B }", "{ B, A, C }");
    let (first, folder) = changes_in_folder(old, &new)?;
    for _ in 0..20 {
        let again = compare(
            &folder.path().join("old.rpc.rs"),
            &folder.path().join("new.rpc.rs"),
        )?;
        assert_eq!(again, first);
    }
    Ok(())
}

#[test]
fn mistakes_of_both_versions_are_reported_together() -> TestResult {
    let error = changes(
        "trait {",
        "#[rpcnet::service]\ntrait S { async fn a(&self); }",
    )
    .expect_err("both are wrong");
    let Some(GenerateError::Definition(mistakes)) = error.downcast_ref() else {
        return Err(error);
    };
    let lines: Vec<_> = mistakes
        .0
        .iter()
        .map(|mistake| (mistake.line, mistake.column))
        .collect();
    assert_eq!(lines, [(1, 7), (2, 20)], "{mistakes}");
    Ok(())
}

#[test]
fn a_file_without_a_service_is_not_taken_for_the_same() {
    let error = changes("struct A;", "struct A;").expect_err("there is nothing to compare");
    assert!(
        error.to_string().contains("there is no service here"),
        "{error}"
    );
}

/// A claim, the old and the new source, the lines that are to be found.
type Case = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
);

fn judge(cases: &[Case], definition: impl Fn(&str) -> String) -> TestResult {
    let mut wrong = String::new();
    for (claim, old, new, expected) in cases {
        let found = changes(&definition(old), &definition(new))?;
        let lines: Vec<String> = found
            .as_slice()
            .iter()
            .map(|change| {
                let codecs: Vec<_> = change.breaks.codecs().collect();
                let codecs = if codecs.is_empty() {
                    String::new()
                } else {
                    format!(" {}", codecs.join("+"))
                };
                format!("{}{codecs}: {}", change.severity.word(), change.message)
            })
            .collect();
        assert!(
            found
                .as_slice()
                .iter()
                .all(|change| (change.severity == Severity::Breaking) == change.breaks.any())
        );
        if lines != *expected {
            wrong.push_str(&format!(
                "{claim}:\n  expected {expected:#?}\n  found {lines:#?}\n"
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    Ok(())
}

fn changes(old: &str, new: &str) -> Result<Changes, Box<dyn Error>> {
    Ok(changes_in_folder(old, new)?.0)
}

fn changes_in_folder(old: &str, new: &str) -> Result<(Changes, TempDir), Box<dyn Error>> {
    let folder = TempDir::new()?;
    let write = |name: &str, text: &str| -> Result<_, Box<dyn Error>> {
        let path = folder.path().join(name);
        fs::write(&path, text)?;
        Ok(path)
    };
    let (old, new) = (write("old.rpc.rs", old)?, write("new.rpc.rs", new)?);
    let changes = compare(Path::new(&old), Path::new(&new))?;
    Ok((changes, folder))
}
