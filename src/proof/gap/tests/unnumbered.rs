//! Trades whose ids do not tell what follows what, and connections that take over from each other.

use super::*;

/// A feed whose ids say nothing about order, with a first trade by the first connection.
fn desk_of_uuids() -> Desk {
    let mut desk = desk_of(false, Continuity::None);
    desk.uuids = true;
    desk.leave(2);
    desk.trade(1, 1);
    assert_eq!(desk.seen(), [T(1)]);
    desk
}

const DISCONNECTED: Seen = Seen::Gap(0, Reason::Disconnected);
const MUTE: Seen = Seen::Gap(0, Reason::Mute);

#[test]
fn a_half_open_connection_that_is_replaced_leaves_a_gap() {
    let mut desk = desk_of_uuids();
    desk.opened(3);
    desk.trade(3, 5).trade(3, 6);
    assert_eq!(desk.seen(), [], "the old one may have 2 to 4 yet");
    desk.leave(1);
    desk.trade(3, 7);
    assert_eq!(desk.seen(), [DISCONNECTED, T(5), T(6), T(7)]);
}

#[test]
fn trades_are_known_up_to_the_last_one_as_long_as_others_wait() {
    let mut desk = desk_of_uuids();
    desk.now = MonoNanos(10);
    desk.trade(1, 2);
    assert_eq!(desk.numbers.known_until(), None);
    desk.opened(3);
    desk.now = MonoNanos(20);
    desk.trade(3, 5);
    assert_eq!(desk.numbers.known_until(), Some(MonoNanos(10)), "the old one may have 3 and 4 yet");
    desk.leave(1);
    assert_eq!(desk.numbers.known_until(), None);
    assert_eq!(desk.seen(), [T(2), DISCONNECTED, T(5)]);
}

#[test]
fn a_half_open_connection_leaves_a_gap_before_what_comes_when_it_is_gone() {
    let mut desk = desk_of_uuids();
    // The new one was being tried when the old one brought its last.
    desk.opened(3);
    desk.trade(1, 2);
    desk.leave(1);
    desk.trade(3, 5).trade(3, 6);
    assert_eq!(desk.seen(), [T(2), DISCONNECTED, T(5), T(6)]);
}

#[test]
fn a_connection_that_shares_a_trade_takes_over_without_a_gap() {
    let mut desk = desk_of_uuids();
    desk.opened(3);
    desk.trade(3, 2).trade(3, 3).trade(1, 2);
    desk.leave(1);
    desk.trade(3, 4);
    assert_eq!(desk.seen(), [T(2), T(3), T(4)]);
    // One that only finds what it shares when the old one is gone.
    desk.opened(4);
    desk.trade(3, 5);
    desk.leave(3);
    desk.trade(4, 5).trade(4, 6);
    assert_eq!(desk.seen(), [T(5), T(6)]);
}

#[test]
fn a_sign_of_life_lets_another_take_over_in_a_quiet_market() {
    let mut desk = desk_of_uuids();
    desk.opened(3);
    assert!(desk.numbers.is_apart(3, std::iter::once(ONE)));
    let ticket = desk.settled(3);
    desk.overlap(1, ticket);
    assert!(!desk.numbers.is_apart(3, std::iter::once(ONE)));
    desk.leave(1);
    // And from that one to the next.
    desk.opened(4);
    let ticket = desk.settled(4);
    desk.overlap(3, ticket);
    desk.leave(3);
    desk.trade(4, 2);
    assert_eq!(desk.seen(), [T(2)]);
}

#[test]
fn what_was_granted_and_does_not_come_speaks_for_nobody() {
    let mut desk = desk_of_uuids();
    desk.opened(3);
    let ticket = desk.settled(3);
    desk.overlap(1, ticket);
    // It is there by the word of the first, which brings what it does not.
    desk.trade(1, 2);
    desk.leave(1);
    desk.opened(4);
    let ticket = desk.settled(4);
    desk.overlap(3, ticket);
    assert!(desk.numbers.is_apart(4, std::iter::once(ONE)));
    desk.leave(3);
    desk.trade(4, 5).trade(4, 6);
    assert_eq!(desk.seen(), [T(2), DISCONNECTED, T(5), T(6)]);
}

#[test]
fn what_was_granted_and_comes_late_has_a_hole() {
    for is_copied in [false, true] {
        let mut desk = desk_of_uuids();
        desk.opened(3);
        let ticket = desk.settled(3);
        desk.overlap(1, ticket);
        desk.trade(1, 2);
        desk.leave(1);
        // It was merely slower, or begins to come only now.
        if is_copied {
            desk.trade(3, 2);
        }
        desk.trade(3, 5);
        let told = if is_copied { vec![T(2), T(5)] } else { vec![T(2), DISCONNECTED, T(5)] };
        assert_eq!(desk.seen(), told);
    }
    // While another brings the same, what comes late waits until it is known to be the same.
    let mut desk = desk_of_uuids();
    desk.opened(3);
    let ticket = desk.settled(3);
    desk.overlap(1, ticket);
    desk.trade(1, 2).trade(3, 4);
    assert_eq!(desk.seen(), [T(2)]);
    desk.trade(1, 3).trade(1, 4);
    assert_eq!(desk.seen(), [T(3), T(4)]);
}

#[test]
fn one_that_is_found_mute_takes_its_word_back() {
    let mut desk = desk_of_uuids();
    desk.opened(3);
    let ticket = desk.settled(3);
    desk.overlap(1, ticket);
    desk.leave(1);
    desk.opened(4);
    let ticket = desk.settled(4);
    desk.overlap(3, ticket);
    assert!(!desk.numbers.is_apart(4, std::iter::once(ONE)), "the market is quiet");
    desk.numbers.doubt(ONE, 3);
    desk.leave(3);
    desk.trade(4, 5);
    assert_eq!(desk.seen(), [DISCONNECTED, T(5)]);
}

#[test]
fn a_stream_that_was_not_granted_is_no_matter_of_a_sign_of_life() {
    let mut desk = desk_of_uuids();
    desk.opened(3);
    let ticket = desk.numbers.settled(3, std::iter::empty()).expect("ids are remembered");
    desk.overlap(1, ticket);
    desk.leave(1);
    // It was refused for now, and comes later.
    desk.trade(3, 5);
    assert_eq!(desk.seen(), [DISCONNECTED, T(5)]);
}

#[test]
fn a_sign_of_life_releases_what_waited_for_the_slower_connection() {
    let mut desk = desk_of_uuids();
    desk.opened(3);
    desk.trade(3, 3).trade(3, 4);
    let ticket = desk.settled(3);
    desk.trade(1, 2);
    assert_eq!(desk.seen(), [T(2)]);
    desk.overlap(1, ticket);
    assert_eq!(desk.seen(), [T(3), T(4)]);
    desk.trade(1, 3).trade(1, 4).trade(1, 5).trade(3, 5);
    assert_eq!(desk.seen(), [T(5)]);
}

#[test]
fn a_sign_of_life_proves_nothing_of_what_it_was_not_asked_for() {
    let mut desk = desk_of_uuids();
    desk.opened(3);
    let early = desk.settled(3);
    let late = desk.settled(3);
    desk.overlap(1, early);
    assert!(desk.numbers.is_apart(3, std::iter::once(ONE)), "it was subscribed anew since");
    desk.numbers.doubt(ONE, 3);
    desk.overlap(1, late);
    assert!(desk.numbers.is_apart(3, std::iter::once(ONE)), "it was mute since");
    // One that cannot be compared itself speaks for nobody.
    desk.opened(4);
    let ticket = desk.settled(4);
    desk.overlap(3, ticket);
    assert!(desk.numbers.is_apart(4, std::iter::once(ONE)));
    // Nor does anybody speak for one that is gone.
    desk.leave(4);
    desk.overlap(1, ticket);
    desk.leave(1);
    desk.trade(3, 5);
    assert_eq!(desk.seen(), [DISCONNECTED, T(5)]);
}

#[test]
fn of_two_lines_that_were_compared_one_may_die() {
    let mut desk = desk_of_uuids();
    desk.opened(3);
    desk.trade(3, 1);
    desk.leave(1);
    desk.trade(3, 2);
    desk.opened(4);
    let ticket = desk.settled(4);
    desk.overlap(3, ticket);
    desk.leave(3);
    desk.trade(4, 3);
    assert_eq!(desk.seen(), [T(2), T(3)]);
}

#[test]
fn a_stream_that_was_mute_is_told_to_have_a_hole_once() {
    let mut desk = desk_of_uuids();
    desk.numbers.doubt(ONE, 1);
    desk.trade(1, 4).trade(1, 5);
    assert_eq!(desk.seen(), [MUTE, T(4), T(5)]);
    // While another line brings the same nothing is missing.
    desk.trade(2, 5);
    desk.numbers.doubt(ONE, 1);
    desk.trade(2, 6).trade(1, 7).trade(2, 7);
    desk.leave(2);
    desk.trade(1, 8);
    assert_eq!(desk.seen(), [T(6), T(7), T(8)]);
}

#[test]
fn a_stream_that_never_spoke_needs_no_gap_and_numbers_need_no_doubt() {
    let mut desk = desk_of(false, Continuity::None);
    desk.uuids = true;
    desk.numbers.doubt(ONE, 1);
    desk.trade(1, 4);
    assert_eq!(desk.seen(), [T(4)]);
    let mut desk = self::desk();
    desk.trade(1, 4);
    desk.numbers.doubt(ONE, 1);
    desk.trade(1, 5);
    assert_eq!(desk.seen(), [T(4), T(5)]);
    assert_eq!(desk.numbers.settled(1, std::iter::once(ONE)), None);
    assert!(!desk.numbers.is_apart(2, std::iter::once(ONE)));
}

#[test]
fn a_half_open_connection_is_not_waited_for_longer_than_the_bound() {
    let mut desk = desk_of_uuids();
    desk.opened(3);
    desk.trade(3, 5);
    let due = desk.numbers.due();
    desk.numbers.expire(due, &mut desk.out);
    assert_eq!(desk.seen(), [DISCONNECTED, T(5)]);
    desk.trade(3, 6);
    desk.leave(1);
    desk.trade(3, 7);
    assert_eq!(desk.seen(), [T(6), T(7)], "told once");
}

#[test]
fn what_a_connection_brought_that_is_gone_holds_nobody_back() {
    let mut desk = desk_of_uuids();
    desk.opened(3);
    desk.trade(3, 2);
    desk.leave(3);
    desk.trade(1, 2);
    desk.leave(1);
    desk.opened(4);
    desk.trade(4, 5);
    assert_eq!(desk.seen(), [T(2), DISCONNECTED, T(5)]);
}

#[test]
fn of_two_connections_that_wait_one_gap_is_told() {
    let mut desk = desk_of_uuids();
    desk.opened(4);
    desk.trade(3, 5).trade(4, 5).trade(4, 6);
    desk.leave(1);
    assert_eq!(desk.seen(), [DISCONNECTED, T(5), T(6)]);
    desk.trade(3, 6);
    desk.leave(4);
    desk.trade(3, 7);
    assert_eq!(desk.seen(), [T(7)]);
}

/// One of several connections that bring the same.
struct Carrier {
    generation: u32,
    /// The next trade that it will bring.
    next: u64,
    /// It brings nothing any more, and is there all the same.
    half_open: bool,
    /// Tickets that it is asked for, each with the trade before which it answers.
    asked: Vec<(u64, u64)>,
}

impl Carrier {
    /// Brings at most so much of what was printed.
    fn bring(&mut self, most: u64, printed: u64, desk: &mut Desk) {
        for _ in 0..most {
            while let Some((ticket, _)) = self.asked.pop_if(|(_, before)| *before <= self.next) {
                desk.overlap(self.generation, ticket);
            }
            if self.next < printed && !self.half_open {
                desk.trade(self.generation, self.next);
                self.next += 1;
            }
        }
    }
}

/// Connections that are opened, go silent and are lost at any time, slower than each other, but
/// not by as much as it takes to open one: what is published is in order, and nothing is missing
/// without a gap.
#[test]
fn whatever_connections_come_and_go_no_loss_of_unnumbered_trades_is_untold() {
    let (mut losses, mut gaps) = (0, 0);
    for seed in 0..2_000_u64 {
        let mut desk = desk_of(false, Continuity::None);
        desk.uuids = true;
        let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut chance = |below: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % below
        };
        let (mut carriers, mut newest, mut printed) = (Vec::<Carrier>::new(), 0, 1);
        let pace = 1 + chance(9);
        for _ in 0..600 {
            printed += chance(4) / (1 + chance(pace));
            let count = carriers.len() as u64;
            match chance(40) {
                0..=2 if count < 3 => {
                    newest += 1;
                    desk.opened(newest);
                    let ticket = desk.settled(newest);
                    for carrier in &mut carriers {
                        carrier.bring(u64::from(!carrier.half_open) * 600, printed, &mut desk);
                        carrier.asked.insert(0, (ticket, printed));
                    }
                    let (generation, next) = (newest, printed);
                    carriers.push(Carrier { generation, next, half_open: false, asked: vec![] });
                }
                3 if count > 0 => carriers[chance(count) as usize].half_open = true,
                4 if count > 0 => {
                    let gone = carriers.remove(chance(count) as usize);
                    desk.leave(gone.generation);
                }
                _ if count > 0 => {
                    let carrier = &mut carriers[chance(count) as usize];
                    let most = if carrier.half_open { 0 } else { chance(6) };
                    carrier.bring(most, printed, &mut desk);
                }
                _ => {}
            }
        }
        let (mut last, mut is_told) = (None, false);
        for one in desk.seen() {
            let Seen::Trade(id) = one else {
                (is_told, gaps) = (true, gaps + 1);
                continue;
            };
            if let Some(last) = last {
                assert!(id > last, "seed {seed}: {id} after {last}");
                assert!(id == last + 1 || is_told, "seed {seed}: {id} after {last}");
                losses += u64::from(id > last + 1);
            }
            (last, is_told) = (Some(id), false);
        }
    }
    // Where a connection is lost before it could answer, there may be nothing missing.
    assert!(losses > 1_000 && gaps < 3 * losses, "{gaps} gaps for {losses} losses");
}

#[test]
fn what_comes_too_late_for_its_place_is_told_as_missing() {
    let mut desk = desk_of_uuids();
    desk.opened(3);
    desk.leave(1);
    desk.opened(4);
    desk.trade(4, 5).trade(3, 3).trade(3, 4).trade(3, 5).trade(3, 6).trade(4, 6);
    let late = Seen::Gap(2, Reason::Disconnected);
    assert_eq!(desk.seen(), [DISCONNECTED, T(5), late, T(6)]);
}

#[test]
fn what_finds_no_room_to_wait_for_a_shared_trade_is_published_behind_a_gap() {
    let mut desk = desk_of_uuids();
    desk.opened(3);
    let held = 3..3 + crate::limits::HELD_BACK_MAX as u64;
    held.clone().for_each(|id| _ = desk.trade(3, id));
    assert_eq!(desk.seen(), []);
    desk.trade(3, held.end);
    assert_eq!(desk.seen().len(), held.count() + 2);
    desk.trade(1, 2).trade(1, 3);
    assert_eq!(desk.seen(), [Seen::Gap(1, Reason::Disconnected)]);
}
