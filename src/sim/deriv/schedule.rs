//! What Deriv sends of its own accord, and when: ticks by the cadence of each instrument, made of a
//! market behind the scenes.

use super::prices::{GRANULARITIES, PriceTick};
use super::{Caller, Deriv, Dialect, Kind, Tick, commands};
use crate::clock::MonoNanos;
use crate::limits::SIM_EVENTS_PER_TURN_MAX;
use crate::sim::agenda::phase;
use crate::sim::exchange::{Exchange, Protocol};
use crate::sim::fault::Fault;
use crate::sim::http::{Response, Target};
use crate::sim::market::Print;
use crate::sim::resting::BookSide;
use crate::sim::truth::{Kept, TrueBar};
use crate::sim::wires::{ConnectionId, Wires};

impl Protocol for Exchange<Deriv> {
    fn admit(&mut self, id: ConnectionId, target: &Target) -> Result<(), Response> {
        let refused = |status, words: &str| {
            let body = format!("{{\"error\":{{\"code\":\"{words}\"}}}}");
            Err(Response::new(status, body))
        };
        let dialect = match target.path.as_str() {
            "/websockets/v3" => {
                let id = target.value("app_id").unwrap_or_default();
                if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
                    return refused(401, "InvalidAppID");
                }
                Dialect::Legacy
            }
            "/trading/v1/options/ws/public" => Dialect::Options,
            "/trading/v1/options/ws/demo" | "/trading/v1/options/ws/real" => {
                return refused(401, "InvalidToken");
            }
            _ => return refused(404, "NotFound"),
        };
        self.take_in(id, Caller { dialect, wants_status: None });
        Ok(())
    }

    fn command(&mut self, id: ConnectionId, text: &str, now: MonoNanos, wires: &mut Wires) {
        self.own.now = now;
        self.call(id, text, now, wires);
    }

    fn answer(&mut self, _: &Target, _: MonoNanos) -> Response {
        Response::new(404, "{\"error\":{\"code\":\"NotFound\"}}".to_owned())
    }

    fn strike(&mut self, fault: Fault) -> Option<Fault> {
        match fault {
            Fault::MarketClosed { symbol, lasts } => {
                self.own.closing.push((symbol, lasts));
                None
            }
            other => Some(other),
        }
    }

    /// Connections drop about a minute after the site says that it is updating.
    fn announce_end(&mut self, _: MonoNanos, wires: &mut Wires) {
        for (id, client) in &self.callers {
            let Some(request) = &client.own.wants_status else { continue };
            let status = commands::site_status("updating");
            let frame =
                format!("{{\"msg_type\":\"website_status\",{request}\"website_status\":{status}}}");
            wires.text(*id, &[frame.as_bytes()]);
        }
    }

    /// Markets close, and the one behind the prices comes to the present.
    fn care(&mut self, now: MonoNanos, _: &mut Wires) -> MonoNanos {
        self.own.now = now;
        self.close_markets(now);
        self.trade_until(now);
        MonoNanos::MAX
    }

    /// Nobody is told of those who trade behind the prices.
    fn run_step(&mut self, _: MonoNanos, _: &mut Wires) {}

    fn run_duty(&mut self, wires: &mut Wires) {
        let Some((planned, tick)) = self.agenda.pop() else { return };
        let Tick { instrument } = tick;
        self.agenda.plan(planned.after(self.spellings[instrument].cadence), tick);
        if self.is_open(instrument) {
            self.tell_tick(instrument, planned, wires);
        }
    }

    /// They are made of its ticks, not of what is traded behind them.
    fn own_bars(&self, instrument: usize, seconds: i64) -> Option<Vec<TrueBar>> {
        let Some(quoted) = self.spellings.get(instrument) else { return Some(Vec::new()) };
        let of_length = quoted.bars.iter().zip(GRANULARITIES);
        let bars = of_length.filter(|(_, length)| *length == seconds).flat_map(|(bars, _)| bars);
        let spelled = bars.map(|bar| TrueBar {
            start_ms: bar.open_time * 1_000,
            prices: [bar.open, bar.high, bar.low, bar.close].map(|price| quoted.padded.text(price)),
            volume: None,
            count: None,
        });
        Some(spelled.collect())
    }
}

impl Exchange<Deriv> {
    /// Every instrument has a price from the start; the next ones are spread over their cadence,
    /// so that not all speak at once.
    pub(super) fn plan_ticks(&mut self, now: MonoNanos) {
        let (count, epoch) = (self.spellings.len(), self.clock.date(now).millis() / 1_000);
        for index in 0..self.spellings.len() {
            if let Some(tick) = self.spellings[index].tick(epoch, &self.market.traded[index]) {
                self.keep(index, &tick, now);
            }
            let quoted = &self.spellings[index];
            let first = phase(now.after(quoted.cadence), quoted.cadence, index, count);
            self.agenda.plan(first, Tick { instrument: index });
        }
    }

    /// Ticks stand in the record as trades of nothing, numbered by their seconds.
    fn keep(&self, instrument: usize, tick: &PriceTick, planned: MonoNanos) {
        let (id, price) = (tick.epoch.unsigned_abs(), tick.quote);
        let print = Print { id, price, size: 0, taker: BookSide::Bid, order: id };
        self.truth.lock().keep(instrument, Kept { print, planned });
    }

    /// The market behind the prices comes to `now`.
    fn trade_until(&mut self, now: MonoNanos) {
        if self.agenda.is_paused() {
            self.own.next_order = now;
        }
        for _ in 0..SIM_EVENTS_PER_TURN_MAX {
            if self.own.next_order > now {
                return;
            }
            self.market.step(self.clock.date(self.own.next_order).millis(), &mut self.own.step);
            self.own.next_order = self.own.next_order.after(self.own.spacing);
        }
        // What a long pause left undone is left out.
        self.own.next_order = self.own.next_order.max(now);
    }

    /// The next tick of one instrument, to all who want it or bars of it.
    fn tell_tick(&mut self, instrument: usize, planned: MonoNanos, wires: &mut Wires) {
        let quoted = &mut self.spellings[instrument];
        let epoch = self.clock.date(planned).millis() / 1_000;
        let Some(tick) = quoted.tick(epoch, &self.market.traded[instrument]) else { return };
        self.agenda.note_trades(1);
        self.agenda.note_lateness(self.own.now.since(planned));
        self.keep(instrument, &tick, planned);
        let quoted = &self.spellings[instrument];
        let kinds = (0..GRANULARITIES.len()).map(Kind::Candles);
        for kind in [Kind::Ticks].into_iter().chain(kinds) {
            self.fanout.publish((instrument, kind), wires, |out, open| {
                if !open.mute {
                    open.write(out, quoted, &tick);
                }
            });
        }
    }

    fn close_markets(&mut self, now: MonoNanos) {
        for (symbol, lasts) in self.own.closing.drain(..) {
            for (quoted, until) in self.spellings.iter().zip(&mut self.own.closed_until) {
                let meant = symbol.as_ref();
                if meant.is_none_or(|symbol| quoted.native.eq_ignore_ascii_case(symbol)) {
                    *until = now.after(lasts);
                }
            }
        }
    }
}
