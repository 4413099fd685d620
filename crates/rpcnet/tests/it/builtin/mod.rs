//! The services that the library brings along.

mod health;
mod introspection;
