//! What is reported of a definition in a file, where, and what of its text is kept.

#![cfg(feature = "files")]

use std::path::Path;

use rpcnet_gen::{Diagnostics, Module, Parts, generate};

const SERVICE: &str = "#[rpcnet::service]\npub trait Calculator {\n    \
                       async fn add(&self, a: i64, b: i64) -> Result<i64, String>;\n}\n";

fn run(text: &str) -> Result<Vec<Module>, Diagnostics> {
    generate(Path::new("definitions/calculator.rpc.rs"), text, Parts::All)
}

/// The only mistake, as it is shown.
fn mistake(text: &str) -> String {
    let Diagnostics(mut all) = run(text).expect_err("there is a mistake");
    assert_eq!(all.len(), 1, "{all:#?}");
    all.remove(0).to_string()
}

/// The only service's types, without the two lines of the header.
fn types(text: &str) -> String {
    let modules = run(text).unwrap_or_else(|wrong| panic!("{wrong}"));
    let types = modules[0].files.iter().find(|file| file.name == "types.rs");
    let text = types.map(|file| file.text.clone()).unwrap_or_default();
    text.splitn(3, '\n').nth(2).unwrap_or_default().to_owned()
}

#[test]
fn a_mistake_is_reported_with_its_place() {
    let text = SERVICE.replace("a: i64", "a: &str");
    assert_eq!(
        mistake(&text),
        "definitions/calculator.rpc.rs:3:28: error: an argument cannot be borrowed: it is sent to \
         another process\n  help: write `String`"
    );
}

#[test]
fn columns_count_characters_and_lines_count_after_a_byte_order_mark() {
    let text = format!(
        "\u{feff}{}",
        SERVICE.replace("a: i64", "größe: u8, a: &str")
    );
    assert!(mistake(&text).starts_with("definitions/calculator.rpc.rs:3:39: "));
}

#[test]
fn several_mistakes_are_reported_in_the_order_of_the_source() {
    let text = SERVICE
        .replace("a: i64", "a: &str")
        .replace("b: i64", "_: i64");
    let text = format!("use super::x;\n{text}struct Calculator2;\nmod other;\n");
    let Diagnostics(all) = run(&text).expect_err("there are mistakes");
    let lines: Vec<_> = all.iter().map(|diagnostic| diagnostic.line).collect();
    assert_eq!(lines, [1, 4, 4, 7]);
}

#[test]
fn text_that_is_not_rust_is_reported() {
    assert!(
        mistake("pub trait {}").starts_with("definitions/calculator.rpc.rs:1:11: error: expected")
    );
    let unclosed = mistake("pub mod a {\n    \"}\n");
    assert!(
        unclosed.contains("a bracket or a quote without its partner"),
        "{unclosed}"
    );
}

#[test]
fn a_file_without_a_service_is_reported() {
    assert!(mistake("").contains("there is no service in this file"));
    assert!(mistake("pub trait Calculator {}").contains("there is no service in this file"));
}

#[test]
fn what_has_another_meaning_in_the_generated_files_is_reported() {
    let with = |before: &str, service: &str| mistake(&format!("{before}\n{service}"));
    assert!(with("use super::Thing;", SERVICE).contains("an import from `super`"));
    assert!(with("use {self::a::B, std::mem};", SERVICE).contains("an import from `self`"));
    assert!(with("mod other;", SERVICE).contains("the module is in another file"));
    let private = SERVICE.replace("pub trait", "trait");
    assert!(with("", &private).contains("the service `Calculator` is private"));
    let restricted = SERVICE.replace("pub trait", "pub(super) trait");
    assert!(with("", &restricted).contains("this visibility"));
    let relative = SERVICE.replace("a: i64", "a: super::Number");
    assert!(with("", &relative).contains("a path from `super`"));
    let nested = format!("pub mod inner {{ {SERVICE} }}");
    assert!(with(SERVICE, &nested).contains("is inside of a module"));
}

#[test]
fn types_that_the_generated_code_cannot_see_or_would_hide_are_reported() {
    let text = SERVICE.replace("a: i64", "a: Number");
    assert!(mistake(&format!("struct Number(i64);\n{text}")).contains("`Number` is private"));
    assert!(run(&format!("pub struct Number(i64);\nstruct Other;\n{text}")).is_ok());
    let hidden = format!("pub struct CalculatorClient;\n{SERVICE}");
    assert!(mistake(&hidden).contains("the name of something that is generated"));
}

#[test]
fn services_of_one_folder_are_reported() {
    let other = SERVICE.replace("Calculator", "calculator");
    assert!(mistake(&format!("{SERVICE}{other}")).contains("in the module `calculator`"));
    let keyword = SERVICE.replace("Calculator", "Crate");
    assert!(mistake(&keyword).contains("cannot be the name of a module"));
    let raw = SERVICE.replace("Calculator", "Type");
    assert_eq!(run(&raw).expect("`r#type` is possible")[0].name, "type");
}

#[test]
fn the_text_beside_the_services_is_kept_as_it_is() {
    let text = format!(
        "// Größe zählt.\n\n/// Docs.\npub struct  A ;   // kept\n\n{SERVICE}\n\npub struct B;"
    );
    assert_eq!(
        types(&text),
        "\n// Größe zählt.\n\n/// Docs.\npub struct  A ;   // kept\n\npub struct B;\n"
    );
    assert_eq!(types(SERVICE), "");
    assert_eq!(
        types(&format!("\u{feff}#!/usr/bin/env x\n{SERVICE}pub struct A;")),
        "\npub struct A;\n"
    );
    let in_line = SERVICE.trim_end();
    assert_eq!(
        types(&format!("pub struct A; {in_line} pub struct B;")),
        "\npub struct A;  pub struct B;\n"
    );
}

#[test]
fn private_imports_become_visible_to_the_generated_code_beside_them() {
    let imports =
        "use a::B;\n#[cfg(c)]\nuse d::E;\npub use f::G;\nuse ::h;\npub mod m {\n    use i::J;\n}\n";
    assert_eq!(
        types(&format!("{imports}{SERVICE}")),
        "\npub(super) use a::B;\n#[cfg(c)]\npub(super) use d::E;\npub use f::G;\npub(super) use ::h;\n\
         pub mod m {\n    use i::J;\n}\n"
    );
}

#[test]
fn a_service_below_async_trait_is_told_where_the_attribute_belongs() {
    let text = "#[rpcnet::service]\npub trait A { fn a<'life0, 'async_trait>(&'life0 self) -> \
                ::core::pin::Pin<Box<dyn Future<Output = ()> + 'async_trait>>; }";
    assert!(mistake(text).contains("has rewritten this trait"));
}

#[test]
fn an_auto_trait_is_reported() {
    let text = SERVICE.replace("pub trait", "pub auto trait");
    assert!(mistake(&text).contains("auto trait"));
}
