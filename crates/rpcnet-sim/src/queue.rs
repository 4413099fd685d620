//! The queue of what is going to happen.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::clock::Time;

/// A priority queue by time; what is due at the same instant comes in the order in which it
/// was put in, so that a run depends on nothing but its seed.
#[derive(Debug)]
pub struct Queue<T> {
    heap: BinaryHeap<Reverse<(Time, u64, u32)>>,
    // The heap moves its entries about, so the bodies stay here.
    bodies: Vec<Option<T>>,
    free: Vec<u32>,
    count: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            heap: BinaryHeap::new(),
            bodies: Vec::new(),
            free: Vec::new(),
            count: 0,
        }
    }
}

impl<T> Queue<T> {
    /// Puts in `body`, due at `time`.
    pub fn push(&mut self, time: Time, body: T) {
        let slot = match self.free.pop() {
            Some(slot) => {
                self.bodies[slot as usize] = Some(body);
                slot
            }
            None => {
                let slot = u32::try_from(self.bodies.len()).expect("fewer than 2^32 in flight");
                self.bodies.push(Some(body));
                slot
            }
        };
        self.heap.push(Reverse((time, self.count, slot)));
        self.count += 1;
    }

    /// When the first is due.
    #[must_use]
    pub fn next_at(&self) -> Option<Time> {
        self.heap.peek().map(|Reverse((time, ..))| *time)
    }

    /// Takes out the first.
    pub fn pop(&mut self) -> Option<(Time, T)> {
        let Reverse((time, _, slot)) = self.heap.pop()?;
        let body = self.bodies[slot as usize].take()?;
        self.free.push(slot);
        Some((time, body))
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_due_comes_first_and_equals_in_the_order_of_arrival() {
        let mut queue = Queue::default();
        for (at, body) in [(5, 'a'), (3, 'b'), (5, 'c'), (1, 'd'), (3, 'e')] {
            queue.push(Time::from_micros(at), body);
        }
        let order: String = std::iter::from_fn(|| queue.pop()).map(|(_, b)| b).collect();
        assert_eq!(order, "dbeac");
        assert!(queue.is_empty());
    }

    #[test]
    fn slots_are_used_again() {
        let mut queue = Queue::default();
        for round in 0..1000 {
            queue.push(Time::from_micros(round), round);
            queue.pop();
        }
        assert_eq!(queue.bodies.len(), 1);
    }
}
