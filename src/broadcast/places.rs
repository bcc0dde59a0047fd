//! The few places of sessions that are owed more than any client may leave unread.
//!
//! An address holds no more of them than are left free: one alone gets half, the next half of what
//! is left, and so on, so that whoever comes finds a place, however many connections somebody has
//! who does not read. Who waits gets the next that its address may hold, in the order of coming.

use std::collections::VecDeque;
use std::net::IpAddr;

use arrayvec::ArrayVec;

use crate::limits::OWED_LARGE_MAX;

/// Who holds one of the few places for answers that a client has not read, and who waits for one.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// Whose sessions hold one, once for each.
    held_by: ArrayVec<IpAddr, OWED_LARGE_MAX>,
    /// Sessions that wait for one.
    waiting: VecDeque<(IpAddr, u32)>,
}

impl Places {
    /// Takes a place for a session of `address`; false when it may not have one now.
    pub(crate) fn take(&mut self, address: IpAddr) -> bool {
        self.may_hold(address) && self.held_by.try_push(address).is_ok()
    }

    fn may_hold(&self, address: IpAddr) -> bool {
        let held = self.held_by.iter().filter(|&&by| by == address).count();
        held < self.held_by.remaining_capacity()
    }

    /// Gives a place back.
    pub(crate) fn leave(&mut self, address: IpAddr) {
        if let Some(at) = self.held_by.iter().position(|&by| by == address) {
            self.held_by.swap_remove(at);
        }
    }

    /// Notes that a session waits for a place.
    pub(crate) fn wait(&mut self, address: IpAddr, slot: u32) {
        self.waiting.push_back((address, slot));
    }

    /// A session waits no more: what it wanted is gone, or it is.
    pub(crate) fn forget(&mut self, slot: u32) {
        self.waiting.retain(|&(_, waiting)| waiting != slot);
    }

    /// The session that waits longest of those that may have a place now; it waits no more.
    pub(crate) fn next(&mut self) -> Option<u32> {
        let at = self.waiting.iter().position(|&(address, _)| self.may_hold(address))?;
        self.waiting.remove(at).map(|(_, slot)| slot)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(last: u8) -> IpAddr {
        Ipv4Addr::new(127, 0, 0, last).into()
    }

    #[test]
    fn an_address_holds_no_more_than_it_leaves_to_others() {
        let mut places = Places::default();
        let counts = [1, 2, 3, 4, 5].map(|last| {
            let taken = std::iter::repeat_with(|| places.take(address(last)));
            taken.take_while(|&is_taken| is_taken).count()
        });
        assert_eq!(counts, [OWED_LARGE_MAX / 2, OWED_LARGE_MAX / 4, 2, 1, 1]);
        assert!(!places.take(address(6)), "all are taken");
    }

    #[test]
    fn the_next_is_the_first_whose_address_may_have_one() {
        let mut places = Places::default();
        while places.take(address(1)) {}
        places.wait(address(1), 10);
        places.wait(address(2), 20);
        places.wait(address(1), 11);
        assert_eq!(places.next(), Some(20));
        assert!(places.take(address(2)));
        assert_eq!(places.next(), None);
        places.leave(address(2));
        assert_eq!(places.next(), None, "it holds as many as are free");
        places.leave(address(1));
        assert_eq!(places.next(), Some(10));
        places.forget(11);
        places.leave(address(1));
        assert_eq!(places.next(), None, "nobody waits any more");
    }
}
