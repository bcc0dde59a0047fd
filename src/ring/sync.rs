//! The atomics of this room, in one place: `tests/loom_doorbell.rs` compiles the room's sources
//! against loom's instead.

pub(super) use std::sync::atomic::{AtomicBool, Ordering, fence};
