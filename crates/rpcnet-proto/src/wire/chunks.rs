//! Received bytes that no frame has claimed yet.

use std::collections::VecDeque;
use std::mem;

use bytes::{Buf, Bytes};

use super::varint;

/// The longest frame prefix, in bytes: a length and a type.
pub(super) const PREFIX_BYTES_MAX: usize = varint::BYTES_MAX + 1;

/// A queue of received chunks.
///
/// Chunks are kept as they came, so that a body inside one chunk is handed out
/// without a copy. Small chunks behind others are gathered in one buffer, so
/// that a peer that sends single bytes cannot make each cost a queue entry: for
/// `n` bytes queued, at most `2 * n` + 1 KiB are held, whatever the chunking,
/// and `n` more while a body is put together (not counting what a chunk's owner
/// keeps alive beyond the chunk).
#[derive(Debug, Default)]
pub(super) struct Chunks {
    /// What comes next; empty only where nothing is queued, or all of it in `tail`.
    front: Bytes,
    /// What comes after it. Most streams are one chunk, and need no queue.
    others: VecDeque<Bytes>,
    /// Small chunks that arrived after everything in `others`.
    tail: Vec<u8>,
    len: usize,
}

/// Chunks below this are gathered: an entry of the queue, doubled by the growth
/// of the queue, must weigh less than the bytes it stands for.
const GATHER_BELOW: usize = 256;

/// Where a gathered buffer is closed, which bounds what its growth copies and wastes.
const GATHERED_BYTES_MAX: usize = 4096;

impl Chunks {
    /// The number of bytes queued.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Appends what arrived.
    pub(super) fn push(&mut self, chunk: Bytes) {
        if chunk.is_empty() {
            return;
        }
        self.len += chunk.len();
        // The first chunk stays as it is: the common call fits in it, whole.
        if self.front.is_empty() && self.tail.is_empty() {
            self.front = chunk;
        } else if chunk.len() < GATHER_BELOW {
            self.tail.extend_from_slice(&chunk);
            if self.tail.len() >= GATHERED_BYTES_MAX {
                self.close_tail();
            }
        } else {
            self.close_tail();
            self.append(chunk);
        }
    }

    /// The first bytes queued, up to a whole frame prefix, and how many there are.
    pub(super) fn peek(&self) -> ([u8; PREFIX_BYTES_MAX], usize) {
        if let Some(prefix) = self.front.first_chunk() {
            return (*prefix, PREFIX_BYTES_MAX);
        }
        let mut prefix = [0; PREFIX_BYTES_MAX];
        let mut len = 0;
        let others = self.others.iter().flat_map(|chunk| chunk.iter());
        let queued = self.front.iter().chain(others).chain(&self.tail);
        for (slot, byte) in prefix.iter_mut().zip(queued) {
            *slot = *byte;
            len += 1;
        }
        (prefix, len)
    }

    /// What comes next, as far as it lies in one piece; empty where that is not known at once.
    pub(super) fn piece(&self) -> &[u8] {
        &self.front
    }

    /// Drops `skipped` bytes and takes the `count` after them, all within [`piece`](Self::piece).
    pub(super) fn take_of_piece(&mut self, skipped: usize, count: usize) -> Option<Bytes> {
        let end = skipped.checked_add(count)?;
        if end > self.front.len() {
            return None;
        }
        self.front.advance(skipped);
        let taken = self.front.split_to(count);
        self.len -= end;
        self.refill();
        Some(taken)
    }

    /// Drops up to `count` bytes and returns how many it dropped.
    pub(super) fn skip(&mut self, count: usize) -> usize {
        let mut left = count.min(self.len);
        let skipped = left;
        while left > 0 {
            let Some(front) = self.front() else { break };
            let step = left.min(front.len());
            front.advance(step);
            left -= step;
            self.refill();
        }
        self.len -= skipped;
        skipped
    }

    /// Removes `count` bytes in one piece; `None` while fewer are queued.
    ///
    /// Copies only where the bytes span chunks, and then once, into a buffer of
    /// exactly their size.
    pub(super) fn take(&mut self, count: usize) -> Option<Bytes> {
        if count > self.len {
            return None;
        }
        if count == 0 {
            return Some(Bytes::new());
        }
        let front = self.front()?;
        if front.len() >= count {
            let taken = front.split_to(count);
            self.refill();
            self.len -= count;
            return Some(taken);
        }
        let mut assembled = Vec::with_capacity(count);
        while assembled.len() < count {
            let missing = count - assembled.len();
            let Some(front) = self.front() else { break };
            let piece = front.split_to(missing.min(front.len()));
            assembled.extend_from_slice(&piece);
            self.refill();
        }
        self.len -= assembled.len();
        Some(assembled.into())
    }

    /// Drops everything, memory included.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    fn front(&mut self) -> Option<&mut Bytes> {
        if self.front.is_empty() {
            self.close_tail();
        }
        Some(&mut self.front).filter(|front| !front.is_empty())
    }

    /// Has the next chunk at the front where the one before is used up.
    fn refill(&mut self) {
        if self.front.is_empty() {
            self.front = self.others.pop_front().unwrap_or_default();
        }
    }

    fn append(&mut self, chunk: Bytes) {
        if self.front.is_empty() {
            self.front = chunk;
        } else {
            self.others.push_back(chunk);
        }
    }

    fn close_tail(&mut self) {
        if !self.tail.is_empty() {
            let mut tail = mem::take(&mut self.tail);
            // A buffer without slack becomes `Bytes` without a header of its own.
            tail.shrink_to_fit();
            self.append(tail.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(chunks: &[&[u8]]) -> Chunks {
        let mut queue = Chunks::default();
        for chunk in chunks {
            queue.push(Bytes::copy_from_slice(chunk));
        }
        queue
    }

    #[test]
    fn a_body_inside_one_chunk_is_not_copied() {
        let chunk = Bytes::from(vec![7; 100]);
        let mut queue = Chunks::default();
        queue.push(chunk.clone());
        let taken = queue.take(40).expect("100 bytes are queued");
        assert_eq!(taken.as_ptr(), chunk.as_ptr());
        assert_eq!((taken.len(), queue.len()), (40, 60));
    }

    #[test]
    fn a_body_across_chunks_and_tail_is_whole_and_exactly_sized() {
        let mut queue = queue(&[b"ab", b"cd", &[b'x'; 300], b"e", b"f"]);
        assert_eq!(queue.skip(1), 1);
        let taken = queue.take(304).expect("305 bytes are queued");
        let mut expected = b"bcd".to_vec();
        expected.extend([b'x'; 300]);
        expected.push(b'e');
        assert_eq!(taken, expected);
        assert_eq!(queue.take(2), None);
        assert_eq!(queue.take(1).as_deref(), Some(&b"f"[..]));
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn what_lies_in_one_piece_is_taken_as_it_lies() {
        let mut queue = queue(&[b"abcdef", &[b'x'; 300]]);
        assert_eq!(queue.piece(), b"abcdef");
        assert_eq!(queue.take_of_piece(4, 3), None);
        assert_eq!(queue.take_of_piece(usize::MAX, 1), None);
        assert_eq!(queue.take_of_piece(1, 2).as_deref(), Some(&b"bc"[..]));
        assert_eq!((queue.piece(), queue.len()), (&b"def"[..], 303));
        assert_eq!(queue.take_of_piece(3, 0).as_deref(), Some(&b""[..]));
        assert_eq!((queue.piece().len(), queue.len()), (300, 300));
    }

    #[test]
    fn peeking_sees_across_chunks_and_takes_nothing() {
        let queue = queue(&[b"ab", b"cd"]);
        let (prefix, len) = queue.peek();
        assert_eq!(&prefix[..len], b"abcd");
        assert_eq!(queue.len(), 4);
    }

    #[test]
    fn single_bytes_do_not_cost_an_entry_each() {
        let mut queue = Chunks::default();
        for _ in 0..1_000_000 {
            queue.push(Bytes::from_static(b"x"));
        }
        assert_eq!(queue.len(), 1_000_000);
        assert!(queue.others.len() <= 1_000_000 / GATHERED_BYTES_MAX + 2);
        assert_eq!(queue.skip(usize::MAX), 1_000_000);
        assert_eq!(queue.take(1), None);
    }
}
