//! What `repr(C)` records look like in memory: whoever documents the binary form, or reads a ring
//! in a debugger, relies on it.

use std::mem::{align_of, offset_of, size_of};

use tickwire::clock::{MonoNanos, UnixNanos};
use tickwire::instrument::InstrumentId;
use tickwire::tick::{Body, Decimal, Level, Tick};

#[test]
fn a_tick_is_one_cache_line_without_padding() {
    assert_eq!((size_of::<Tick>(), align_of::<Tick>()), (64, 64));
    assert_eq!(offset_of!(Tick, instrument), 0);
    assert_eq!(offset_of!(Tick, pushed_after_ns), 4);
    assert_eq!(offset_of!(Tick, exchange_time), 8);
    assert_eq!(offset_of!(Tick, received), 16);
    assert_eq!(offset_of!(Tick, body), 24);
    assert_eq!((size_of::<Body>(), align_of::<Body>()), (40, 8));
    let parts = size_of::<InstrumentId>()
        + size_of::<u32>()
        + size_of::<UnixNanos>()
        + size_of::<MonoNanos>()
        + size_of::<Body>();
    assert_eq!(parts, size_of::<Tick>());
}

#[test]
fn an_optional_tick_costs_no_more() {
    // The tag of the body has room for it, so `pop` moves one cache line.
    assert_eq!(size_of::<Option<Tick>>(), size_of::<Tick>());
}

#[test]
fn small_types_are_as_small_as_they_look() {
    assert_eq!(size_of::<InstrumentId>(), 4);
    assert_eq!(size_of::<MonoNanos>(), 8);
    assert_eq!(size_of::<UnixNanos>(), 8);
    assert_eq!(size_of::<Decimal>(), 16);
    assert_eq!(size_of::<Level>(), 40);
}
