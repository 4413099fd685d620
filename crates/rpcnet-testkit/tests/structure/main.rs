//! What the compiler does not check and a review forgets: which module may
//! name what, how long a file may grow, whether the documents still tell the
//! truth. Each test is one rule over the whole tree, and each rule is first
//! shown to bite on a small source of its own.

mod items;
mod lexer;
mod manifest;
mod markdown;
mod paths;
mod tree;

mod dependencies;
mod documents;
mod habits;
mod layers;
mod logs;
mod purity;
mod secrets;
mod size;
mod tasks;
