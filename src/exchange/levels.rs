//! Levels of books as most exchanges list them, read in place.

use crate::json::scan::Cursor;
use crate::tick::{Level, Side};

/// `["price","size"],…]` of one side, behind the list's opening bracket.
#[inline(always)]
pub(super) fn pairs(cursor: &mut Cursor<'_>, side: Side, levels: &mut Vec<Level>) -> Option<()> {
    if cursor.take(b"]") {
        return Some(());
    }
    cursor.expect(b"[\"")?;
    loop {
        let [price, size] = cursor.decimals()?;
        levels.push(Level { side, price, size });
        if !cursor.take(b"],[\"") {
            return cursor.expect(b"]]");
        }
    }
}

/// `,"b":[…],"a":[…]`. A function of its own over a cursor of its own: inlined into a frame's
/// reader, its loops had no register left for their place.
#[inline(never)]
pub(super) fn bids_and_asks(cursor: &mut Cursor<'_>, levels: &mut Vec<Level>) -> Option<()> {
    let mut ahead = *cursor;
    ahead.expect(b",\"b\":[")?;
    pairs(&mut ahead, Side::Bid, levels)?;
    ahead.expect(b",\"a\":[")?;
    pairs(&mut ahead, Side::Ask, levels)?;
    *cursor = ahead;
    Some(())
}
