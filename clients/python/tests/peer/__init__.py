"""A server in Python, for tests: of the client of this package, and of the one in Rust."""
