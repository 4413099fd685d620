//! What one payload may still make its decoder do.

use std::cell::Cell;
use std::error::Error as StdError;

use serde::de::Error as DeError;

use super::super::CodecError;

/// How deep the values of a payload may nest.
///
/// Collections, structs, enums, newtypes and options that hold something count one level
/// each; boxes and references none. So deep, decoding is at home in a stack of 2 MiB.
pub const NESTING_MAX: usize = 128;

/// How many more elements than bytes a payload may have.
///
/// Elements of no size, such as those of a `Vec<()>`, take no bytes in the codecs that do not
/// name fields.
pub const ZERO_SIZE_ELEMENTS_MAX: usize = 1024;

/// The account of one payload, shared by all who read parts of it.
pub(in super::super) struct Limits {
    levels: Cell<usize>,
    elements: Cell<usize>,
    room: Cell<usize>,
    excess: Cell<Option<Excess>>,
}

/// Which limit a payload ran into.
#[derive(Clone, Copy)]
pub(in super::super) enum Excess {
    Depth,
    Elements,
}

impl Limits {
    pub(in super::super) fn new(payload_bytes: usize) -> Self {
        Self {
            levels: Cell::new(NESTING_MAX),
            elements: Cell::new(payload_bytes.saturating_add(ZERO_SIZE_ELEMENTS_MAX)),
            room: Cell::new(payload_bytes),
            excess: Cell::new(None),
        }
    }

    /// Turns a format's result into ours.
    ///
    /// A limit that was reached is the verdict even where the type went on without the part
    /// that it could not read.
    pub(in super::super) fn judge<T, E>(&self, decoded: Result<T, E>) -> Result<T, CodecError>
    where
        E: StdError + Send + Sync + 'static,
    {
        match self.excess.get() {
            Some(excess) => Err(excess.into()),
            None => decoded.map_err(CodecError::format),
        }
    }

    /// Goes one level down, until the guard is dropped.
    pub(super) fn descend<E: DeError>(&self) -> Result<Level<'_>, E> {
        let Some(left) = self.levels.get().checked_sub(1) else {
            return Err(self.exceeded(Excess::Depth));
        };
        self.levels.set(left);
        Ok(Level { limits: self })
    }

    /// Counts an element whose number the payload claimed.
    pub(super) fn count_element<E: DeError>(&self) -> Result<(), E> {
        let Some(left) = self.elements.get().checked_sub(1) else {
            return Err(self.exceeded(Excess::Elements));
        };
        self.elements.set(left);
        Ok(())
    }

    /// Grants room for as many of the claimed elements as the payload can still hold.
    ///
    /// An element that takes room takes a byte of the payload, so that an honest claim is
    /// granted; what is refused can still be read, and makes its collection grow.
    pub(super) fn reserve(&self, claimed: usize) -> usize {
        let left = self.room.get();
        let granted = claimed.min(left);
        self.room.set(left - granted);
        granted
    }

    fn exceeded<E: DeError>(&self, excess: Excess) -> E {
        self.excess.set(Some(excess));
        E::custom("a limit of the decoder was reached")
    }
}

/// One level of nesting, given back when dropped.
pub(super) struct Level<'l> {
    limits: &'l Limits,
}

impl Drop for Level<'_> {
    fn drop(&mut self) {
        self.limits.levels.set(self.limits.levels.get() + 1);
    }
}
