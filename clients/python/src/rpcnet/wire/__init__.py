"""The wire format, without a socket, a clock or a task: bytes go in, frames come out.

It is written from ``docs/spec/wire.md``; comments cite its rules (``W-12``). Both sides of the
wire are here: the client of this package uses one, the tests' server the other.
"""
