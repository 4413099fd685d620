//! What can be called on a server: services, methods, and what their messages look like.

mod catalogue;
mod entry;
mod service;
