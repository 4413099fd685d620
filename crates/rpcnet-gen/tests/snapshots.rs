//! The generated files of some definitions, byte for byte.
//!
//! With `RPCNET_GEN_BLESS=1` in the environment, what is generated is written, not compared.

#![cfg(feature = "files")]

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;
use rpcnet_gen::{Module, Parts, generate};

const DEFINITIONS: [&str; 5] = ["calculator", "greeting", "awkward", "several", "protobuf"];

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn definition(name: &str) -> (PathBuf, String) {
    let path = tests().join("definitions").join(format!("{name}.rpc.rs"));
    let text = fs::read_to_string(&path).expect("the definition is checked in");
    (path, text)
}

fn modules(name: &str, parts: Parts) -> Vec<Module> {
    let (path, text) = definition(name);
    generate(&path, &text, parts).unwrap_or_else(|wrong| panic!("{wrong}"))
}

#[test]
fn generated_files_are_those_that_are_checked_in() {
    let bless = std::env::var_os("RPCNET_GEN_BLESS").is_some();
    for name in DEFINITIONS {
        let folder = tests().join("snapshots").join(name);
        for module in modules(name, Parts::All) {
            let folder = folder.join(&module.name);
            if bless {
                fs::create_dir_all(&folder).expect("the folder can be made");
            }
            for file in &module.files {
                let path = folder.join(file.name);
                if bless {
                    fs::write(&path, &file.text).expect("the file can be written");
                }
                let expected = fs::read_to_string(&path).expect("the snapshot is checked in");
                assert!(
                    file.text == expected,
                    "{} has changed:\n{}",
                    path.display(),
                    file.text
                );
            }
            let files = fs::read_dir(&folder)
                .expect("the snapshot is checked in")
                .count();
            assert_eq!(
                files,
                module.files.len(),
                "{} has other files",
                folder.display()
            );
        }
    }
}

#[test]
fn twenty_runs_generate_the_same() {
    for name in DEFINITIONS {
        let first = modules(name, Parts::All);
        assert!(
            (1..20).all(|_| modules(name, Parts::All) == first),
            "{name} differs"
        );
    }
}

#[test]
fn the_folder_of_a_definition_leaves_no_trace() {
    let (_, text) = definition("greeting");
    let here = generate(Path::new("/here/greeting.rpc.rs"), &text, Parts::All);
    let there = generate(Path::new("greeting.rpc.rs"), &text, Parts::All);
    assert_eq!(here, there);
}

#[test]
fn the_attribute_emits_the_items_of_the_files() {
    for name in DEFINITIONS {
        let (_, text) = definition(name);
        let file = syn::parse_file(&text).expect("definitions parse");
        let services = file.items.into_iter().filter_map(|item| match item {
            syn::Item::Trait(item) => Some(item),
            _ => None,
        });
        for (mut service, module) in services.zip(modules(name, Parts::All)) {
            let index = service.attrs.iter().position(|attribute| {
                attribute
                    .path()
                    .segments
                    .last()
                    .is_some_and(|last| last.ident == "service")
            });
            let attribute = service.attrs.remove(index.expect("it is a service"));
            let arguments = match attribute.meta {
                syn::Meta::List(list) => list.tokens,
                _ => TokenStream::new(),
            };
            let expanded = rpcnet_gen::expand(arguments, quote::quote!(#service));
            let mut expanded: syn::File = syn::parse2(expanded).expect("the expansion parses");
            let mut generated = own_items(&module);
            expanded.items.sort_by_key(order);
            generated.items.sort_by_key(order);
            assert_eq!(
                prettyplease::unparse(&expanded),
                prettyplease::unparse(&generated)
            );
        }
    }
}

/// What is generated into files, without what only files need.
fn own_items(module: &Module) -> syn::File {
    let files = module.files.iter().filter(|file| file.name != "types.rs");
    let items = files.flat_map(|file| syn::parse_file(&file.text).expect("it parses").items);
    let items = items.filter(|item| !matches!(item, syn::Item::Use(_) | syn::Item::Mod(_)));
    syn::File {
        shebang: None,
        frontmatter: None,
        attrs: Vec::new(),
        items: items.collect(),
    }
}

/// Keeps the order within a file, in the order of the files.
fn order(item: &syn::Item) -> usize {
    match item {
        syn::Item::Struct(item) if item.ident.to_string().ends_with("Args") => 0,
        syn::Item::Static(_) => 1,
        _ => 2,
    }
}

#[test]
fn parts_that_were_not_asked_for_are_neither_there_nor_named() {
    let names = |parts| {
        let module = modules("calculator", parts).remove(0);
        let root = module.files[0].text.clone();
        let files: Vec<_> = module.files.iter().map(|file| file.name).collect();
        (files, root)
    };
    let (files, root) = names(Parts::ServerOnly);
    assert_eq!(files, ["mod.rs", "types.rs", "server.rs"]);
    assert!(
        root.contains("mod server") && !root.contains("mod client"),
        "{root}"
    );
    let (files, root) = names(Parts::ClientOnly);
    assert_eq!(files, ["mod.rs", "types.rs", "client.rs"]);
    assert!(
        root.contains("mod client") && !root.contains("server::"),
        "{root}"
    );
    let (files, root) = names(Parts::TypesOnly);
    assert_eq!(files, ["mod.rs", "types.rs"]);
    assert!(
        !root.contains("static") && !root.contains("mod client"),
        "{root}"
    );
}
