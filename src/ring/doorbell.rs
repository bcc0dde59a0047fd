//! How a producer wakes a consumer that sleeps in the kernel, at the price of one fence per batch
//! while it does not.
//!
//! ```text
//! consumer                         producer
//!   asleep = true                    push into the ring
//!   fence                            fence
//!   ring not empty? stay awake       asleep? asleep = false, wake
//!   else sleep until woken
//! ```
//!
//! Either the producer sees that the consumer sleeps, or the consumer sees what was pushed: the
//! two fences are sequentially consistent, so they have one order, and whoever comes second sees
//! what the other one wrote before its fence. Neither acquire nor release gives that (each side
//! writes first and reads afterwards, and such a pair may be turned round). The wake must be
//! remembered until the consumer sleeps, as `mio::Waker` does: it may come before the sleep.
//! `tests/loom_doorbell.rs` runs all interleavings, and fails without either fence.

use std::sync::Arc;

use super::sync::{AtomicBool, Ordering, fence};

/// What a doorbell does to end the consumer's sleep.
pub trait Wake {
    /// Ends the sleep that is under way, or else the next one. Any thread may call it.
    fn wake(&self);
}

impl Wake for mio::Waker {
    fn wake(&self) {
        // It fails only when the poll is gone, and then nobody sleeps in it.
        let _ = mio::Waker::wake(self);
    }
}

impl<W: Wake + ?Sized> Wake for Arc<W> {
    fn wake(&self) {
        (**self).wake();
    }
}

/// The bell of one consumer, which may drain several rings; each producer holds a reference.
#[derive(Debug)]
pub struct Doorbell<W> {
    /// The consumer sleeps or is about to. Set by the consumer; cleared by it and by whoever
    /// rings.
    asleep: AtomicBool,
    wake: W,
}

impl<W: Wake> Doorbell<W> {
    /// A bell that rings by `wake`; its consumer is awake.
    pub fn new(wake: W) -> Self {
        Self { asleep: AtomicBool::new(false), wake }
    }

    /// Consumer: announces that it is going to sleep, then looks once more for work. True when it
    /// may sleep now; it calls [`Doorbell::wake_up`] when it has slept. False when `has_work` said
    /// that there is some.
    #[inline]
    pub fn lie_down(&self, has_work: impl FnOnce() -> bool) -> bool {
        // Relaxed: the fence below orders it before the look into the rings. A store would do, but
        // loom knows the order of read-modify-writes only; before a sleep it costs nothing.
        self.asleep.swap(true, Ordering::Relaxed);
        // SeqCst: pairs with the fence in `ring`; see the module's text.
        fence(Ordering::SeqCst);
        if has_work() {
            self.wake_up();
            return false;
        }
        true
    }

    /// Consumer: is awake, for whatever reason (a socket, a timer, the bell).
    #[inline]
    pub fn wake_up(&self) {
        // Relaxed: a producer that still reads true rings once too often, which is harmless.
        self.asleep.swap(false, Ordering::Relaxed);
    }

    /// Producer: call after a batch of pushes. Wakes the consumer when it sleeps; true when it
    /// did.
    #[inline]
    pub fn ring(&self) -> bool {
        // SeqCst: pairs with the fence in `lie_down`; orders the pushes before the look.
        fence(Ordering::SeqCst);
        // Relaxed: the fence orders it. The swap lets one of several producers pay for the wake.
        if self.asleep.load(Ordering::Relaxed) && self.asleep.swap(false, Ordering::Relaxed) {
            self.wake.wake();
            return true;
        }
        false
    }

    /// Wakes the consumer whether it sleeps or not, for those who hand it something that
    /// `has_work` does not look at.
    pub fn ring_always(&self) {
        self.wake.wake();
    }
}
