//! What is known of the streams of one instrument besides its book.

use super::event::BookStatus;
use crate::instrument::Channel;
use crate::tick::Interval;

/// States of channels, and of candles by their length where an exchange makes them, as far as any
/// was told.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Statuses {
    channels: [Option<BookStatus>; Channel::ALL.len()],
    candles: [Option<BookStatus>; Interval::ALL.len()],
}

impl Statuses {
    /// Of a channel as a whole, or of candles of a length.
    pub(super) const fn of(
        &self,
        channel: Channel,
        interval: Option<Interval>,
    ) -> Option<BookStatus> {
        match interval {
            Some(interval) => self.candles[interval as usize],
            None => self.channels[channel as usize],
        }
    }

    /// It is this now. What is said of all lengths of candles counts for each until more is said of
    /// one.
    pub(super) fn set(&mut self, channel: Channel, interval: Option<Interval>, status: BookStatus) {
        match interval {
            Some(interval) => {
                if let Some(all) = self.channels[channel as usize].take() {
                    self.candles = [Some(all); Interval::ALL.len()];
                }
                self.candles[interval as usize] = Some(status);
            }
            None => {
                self.channels[channel as usize] = Some(status);
                if channel == Channel::Candles {
                    self.candles = [None; Interval::ALL.len()];
                }
            }
        }
    }
}
