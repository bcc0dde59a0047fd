//! Every interleaving of a producer that rings and a consumer that lies down, over the source of
//! `src/ring/doorbell.rs` compiled against loom's atomics. A lost wake-up leaves the consumer
//! asleep for ever, which loom reports as a deadlock.
//!
//! The same models without one of the fences must fail; if they passed, the model would prove
//! nothing.

#![allow(dead_code, unreachable_pub, reason = "the module is written for the crate, not for here")]

#[path = "../src/ring/doorbell.rs"]
mod doorbell;

/// What `doorbell.rs` imports as `super::sync`.
mod sync {
    use std::cell::Cell;

    pub use loom::sync::atomic::{AtomicBool, Ordering};

    /// Whose fence is left out.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Omitted {
        Neither,
        Consumers,
        Producers,
    }

    thread_local! {
        /// Loom runs all threads of a model as coroutines of the one that called it.
        static OMITTED: Cell<Omitted> = const { Cell::new(Omitted::Neither) };
    }

    loom::thread_local! {
        static IS_PRODUCER: Cell<bool> = Cell::new(false);
    }

    pub fn omit(omitted: Omitted) {
        OMITTED.with(|cell| cell.set(omitted));
    }

    pub fn become_producer() {
        IS_PRODUCER.with(|cell| cell.set(true));
    }

    pub fn fence(ordering: Ordering) {
        let own = if IS_PRODUCER.with(Cell::get) { Omitted::Producers } else { Omitted::Consumers };
        if OMITTED.with(Cell::get) != own {
            loom::sync::atomic::fence(ordering);
        }
    }
}

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

use doorbell::{Doorbell, Wake};
use sync::{Omitted, become_producer, omit};

/// A sleep that remembers a wake which came before it, like an eventfd under `poll`.
#[derive(Default)]
struct Bed {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Bed {
    fn sleep(&self) {
        let mut woken = self.woken.lock().expect("no thread panicked");
        while !*woken {
            woken = self.changed.wait(woken).expect("no thread panicked");
        }
        *woken = false;
    }
}

struct Rouse(Arc<Bed>);

impl Wake for Rouse {
    fn wake(&self) {
        *self.0.woken.lock().expect("no thread panicked") = true;
        self.0.changed.notify_one();
    }
}

/// The positions of a ring with the orderings that rtrb gives them; slots play no part here.
fn pushed(rings: &[Arc<AtomicUsize>]) -> usize {
    rings.iter().map(|ring| ring.load(Ordering::Acquire)).sum()
}

/// `producers` threads push `pushes` ticks each and ring after each; the consumer takes them all,
/// sleeping whenever it finds nothing.
fn model(producers: usize, pushes: usize, omitted: Omitted) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        omit(omitted);
        let bed = Arc::new(Bed::default());
        let bell = Arc::new(Doorbell::new(Rouse(Arc::clone(&bed))));
        let rings: Vec<_> = (0..producers).map(|_| Arc::new(AtomicUsize::new(0))).collect();
        let threads: Vec<_> = rings
            .iter()
            .map(|ring| {
                let (ring, bell) = (Arc::clone(ring), Arc::clone(&bell));
                thread::spawn(move || {
                    become_producer();
                    for position in 1..=pushes {
                        ring.store(position, Ordering::Release);
                        bell.ring();
                    }
                })
            })
            .collect();
        let mut taken = 0;
        while taken < producers * pushes {
            if bell.lie_down(|| pushed(&rings) > taken) {
                bed.sleep();
                bell.wake_up();
            }
            taken = pushed(&rings);
        }
        threads.into_iter().for_each(|thread| thread.join().expect("no thread panicked"));
    });
}

#[test]
fn no_wake_up_of_one_producer_is_lost() {
    model(1, 2, Omitted::Neither);
}

#[test]
fn no_wake_up_of_two_producers_is_lost() {
    model(2, 1, Omitted::Neither);
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_the_consumers_fence_one_is_lost() {
    model(1, 2, Omitted::Consumers);
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_the_producers_fence_one_is_lost() {
    model(1, 2, Omitted::Producers);
}
