//! Whether trades of which candles are made are carried to clients as well, as whoever listens was
//! told.

use super::Publisher;
use crate::clock::{MonoNanos, UnixNanos};
use crate::exchange::{Subscription, with_trades};
use crate::instrument::InstrumentId;
use crate::tick::{Body, Tick};

impl Publisher {
    /// The trades of these make candles alone, and those who listen know it.
    pub(in crate::feed) fn begin_with_hidden_trades(&mut self, carried: &[Subscription]) {
        self.shown_trades = Some((false, with_trades(carried).collect()));
    }

    /// Trades of which candles are made are carried to clients, or are not: whoever has known it
    /// otherwise is told, behind what came before. Where they always were there is nothing to tell.
    pub(in crate::feed) fn show_trades(
        &mut self,
        carried: &[Subscription],
        shown: bool,
        now: MonoNanos,
    ) {
        if shown && self.shown_trades.is_none() {
            return;
        }
        let traded: Vec<InstrumentId> = with_trades(carried).collect();
        let ticks = traded.iter().map(|&instrument| trades_shown(instrument, shown));
        self.rings.staged().extend(ticks);
        self.shown_trades = Some((shown, traded));
        self.stamp_and_push(now);
    }

    /// The same, of one instrument, to a ring that may have missed it.
    pub(super) fn retell_trades_shown(&mut self, instrument: InstrumentId) {
        if let Some((shown, _)) = self.shown_trades {
            self.rings.staged().push(trades_shown(instrument, shown));
        }
    }
}

fn trades_shown(instrument: InstrumentId, shown: bool) -> Tick {
    Tick::new(instrument, UnixNanos::NONE, Body::TradesShown { shown })
}
