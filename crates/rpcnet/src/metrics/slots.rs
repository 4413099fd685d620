//! [`Slots`]: a copy of the same counts for each thread, so that no two threads write to one.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Threads that have counts of their own. Those beyond share one more copy.
const OWNED: usize = 16;

const SHARED: usize = OWNED;

const _: () = assert!(OWNED <= u32::BITS as usize);

/// The copies of one thing that is counted, each made by the first thread that needs it.
#[derive(Debug)]
pub(super) struct Slots<T>([OnceLock<Box<T>>; OWNED + 1]);

impl<T: Default> Slots<T> {
    pub(super) const fn new() -> Self {
        Self([const { OnceLock::new() }; OWNED + 1])
    }

    /// The copy of this thread.
    pub(super) fn mine(&self) -> (&T, Mode) {
        let slot = my_slot();
        let mode = if slot == SHARED {
            Mode::Shared
        } else {
            Mode::Own
        };
        // In range by construction; the shared copy is everybody's.
        let copy = self.0.get(slot).unwrap_or(&self.0[SHARED]);
        (copy.get_or_init(Box::default), mode)
    }

    /// All that were made so far.
    pub(super) fn all(&self) -> impl Iterator<Item = &T> {
        self.0.iter().filter_map(OnceLock::get).map(|copy| &**copy)
    }
}

/// Whether a thread is the only one that writes to its copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Own,
    Shared,
}

/// One number that only grows, in a copy of somebody's.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) const fn zero() -> Self {
        Self(AtomicU64::new(0))
    }

    pub(super) fn add(&self, more: u64, mode: Mode) {
        match mode {
            // Nobody else writes, so that this needs no locked instruction.
            Mode::Own => {
                let now = self.0.load(Ordering::Relaxed).wrapping_add(more);
                self.0.store(now, Ordering::Relaxed);
            }
            Mode::Shared => {
                self.0.fetch_add(more, Ordering::Relaxed);
            }
        }
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

thread_local! {
    /// The slot of this thread, apart from what gives it back: read without asking whether it
    /// is there.
    static SLOT: Cell<usize> = const { Cell::new(UNKNOWN) };
    static GUARD: Slot = Slot::take();
}

/// What a thread has for a slot that has not counted anything yet.
const UNKNOWN: usize = usize::MAX;

#[inline]
fn my_slot() -> usize {
    match SLOT.get() {
        UNKNOWN => take_slot(),
        slot => slot,
    }
}

#[cold]
fn take_slot() -> usize {
    let slot = GUARD.try_with(|guard| guard.0).unwrap_or(SHARED);
    SLOT.set(slot);
    slot
}

/// The slots that threads have, one bit each.
static TAKEN: AtomicU32 = AtomicU32::new(0);

/// A thread's slot, which another thread may have after it.
struct Slot(usize);

impl Slot {
    fn take() -> Self {
        let free = |taken: u32| {
            let slot = taken.trailing_ones();
            ((slot as usize) < OWNED).then(|| taken | 1 << slot)
        };
        // Acquired from whoever gave it back: what that thread wrote is what this one adds to.
        match TAKEN.fetch_update(Ordering::AcqRel, Ordering::Acquire, free) {
            Ok(before) => Self(before.trailing_ones() as usize),
            Err(_) => Self(SHARED),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // What the thread counts after this goes where everybody may write.
        SLOT.set(SHARED);
        if self.0 != SHARED {
            TAKEN.fetch_and(!(1 << self.0), Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Barrier};

    use super::*;

    #[test]
    fn nothing_is_lost_however_many_threads_count() {
        const THREADS: usize = OWNED + 8;
        let slots: Arc<Slots<Count>> = Arc::new(Slots::new());
        for round in 1..=3 {
            let all_there = Arc::new(Barrier::new(THREADS));
            let threads = (0..THREADS).map(|_| {
                let (slots, all_there) = (slots.clone(), all_there.clone());
                std::thread::spawn(move || {
                    slots.mine().0.add(0, slots.mine().1);
                    // So that more live at once than have slots of their own.
                    all_there.wait();
                    for _ in 0..10_000 {
                        let (count, mode) = slots.mine();
                        count.add(1, mode);
                    }
                })
            });
            let threads: Vec<_> = threads.collect();
            for thread in threads {
                thread.join().expect("it counts");
            }
            let counted: u64 = slots.all().map(Count::get).sum();
            assert_eq!(counted, round * THREADS as u64 * 10_000);
        }
    }

    #[test]
    fn a_thread_that_ends_counts_to_its_last_moment() {
        static SLOTS: Slots<Count> = Slots::new();

        struct Last;

        impl Drop for Last {
            fn drop(&mut self) {
                let (count, mode) = SLOTS.mine();
                count.add(1, mode);
            }
        }

        thread_local! {
            static BEFORE: Last = const { Last };
            static AFTER: Last = const { Last };
        }
        let thread = std::thread::spawn(|| {
            // Before and after its slot is taken, so that one of them outlives the slot.
            BEFORE.with(|_| {});
            let (count, mode) = SLOTS.mine();
            count.add(1, mode);
            AFTER.with(|_| {});
        });
        thread.join().expect("it counts");
        assert_eq!(SLOTS.all().map(Count::get).sum::<u64>(), 3);
    }
}
