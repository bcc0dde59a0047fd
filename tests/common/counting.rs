//! The system's allocator, counting what each thread asks of it. A test that names this module has
//! it as its global allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<u64> = const { Cell::new(0) };
}

/// How often this thread has allocated or reallocated.
pub(crate) fn allocations() -> u64 {
    ALLOCATIONS.get()
}

/// Bytes that this thread has asked for and not given back; what it gave back for another thread
/// counts, too, and may take it below zero, modulo 2⁶⁴.
#[allow(dead_code, reason = "most who count allocations do not ask how much they hold")]
pub(crate) fn bytes_held() -> u64 {
    BYTES.get()
}

fn count() {
    // A thread that ends has no counter any more.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

/// So many bytes are held instead of so many.
fn hold(now: usize, before: usize) {
    let change = (now as u64).wrapping_sub(before as u64);
    let _ = BYTES.try_with(|bytes| bytes.set(bytes.get().wrapping_add(change)));
}

struct Counting;

#[expect(unsafe_code, reason = "allocations cannot be counted otherwise")]
// SAFETY: every call is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        hold(layout.size(), 0);
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        hold(0, layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        hold(size, layout.size());
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
