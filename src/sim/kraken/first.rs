//! Version 1 of the streams, which older clients speak: the same market in arrays, with numbers as
//! texts and the older names. It is told beside version 2, from the same state.

use serde_json::{Value, json};

use super::books::{Told, Window};
use super::channels::{DEPTHS, INTERVALS, Kind};
use super::frames::{Spelling, is_at_market};
use super::listing::Names;
use super::rest;
use super::{Kraken, Version};
use crate::clock::{MonoNanos, UnixNanos};
use crate::sim::candle::Bar;
use crate::sim::exchange::Exchange;
use crate::sim::fanout::Place;
use crate::sim::market::{Print, Traded};
use crate::sim::resting::{BookSide, Resting};
use crate::sim::wires::{ConnectionId, Wires};
use crate::sim::write::{decimal, text_of};

/// Once a second where somebody has subscribed.
pub(super) const HEARTBEAT: &[u8] = br#"{"event":"heartbeat"}"#;

/// What the exchange says of itself.
pub(super) fn status(system: &str, connection: u64) -> String {
    format!(
        r#"{{"connectionID":{connection},"event":"systemStatus","status":"{system}","version":"1.9.6"}}"#
    )
}

/// What one stream is called, and where its frames are written.
pub(super) struct Frame<'a> {
    pub(super) out: &'a mut Vec<u8>,
    pub(super) of: &'a Spelling,
    pub(super) names: &'a Names,
    pub(super) instrument: usize,
    pub(super) kind: Kind,
}

impl Frame<'_> {
    /// Writes a frame around its content.
    fn frame(&mut self, content: &str) {
        let Self { names, instrument, kind, .. } = *self;
        let (id, channel) = (channel_id(instrument, kind), channel(kind));
        let text = format!("[{id},{content},\"{channel}\",\"{}\"]", names.old_stream);
        self.out.extend_from_slice(text.as_bytes());
    }

    pub(super) fn trades(&mut self, prints: &[Print], at: UnixNanos) {
        let of = self.of;
        let trade = |print: &Print| {
            let side = if print.taker == BookSide::Bid { "b" } else { "s" };
            let order = if is_at_market(print) { "m" } else { "l" };
            let (price, size) = (of.price.text(print.price), of.size.text(print.size));
            format!(r#"["{price}","{size}","{}","{side}","{order}",""]"#, seconds(at))
        };
        let trades: Vec<String> = prints.iter().map(trade).collect();
        self.frame(&format!("[{}]", trades.join(",")));
    }

    pub(super) fn ticker(&mut self, traded: &Traded) {
        let ticker = rest::ticker(self.of, traded, Version::First);
        self.frame(&ticker);
    }

    pub(super) fn spread(&mut self, traded: &Traded, at: UnixNanos) {
        let of = self.of;
        let [bid, ask] = traded.best();
        let [bid_price, ask_price] = [bid, ask].map(|best| of.price.text(best.price));
        let [bid_size, ask_size] = [bid, ask].map(|best| of.size.text(best.size));
        let at = seconds(at);
        self.frame(&format!(r#"["{bid_price}","{ask_price}","{at}","{bid_size}","{ask_size}"]"#));
    }

    pub(super) fn snapshot(&mut self, window: &Window, at: UnixNanos) {
        let [asks, bids] = [BookSide::Ask, BookSide::Bid]
            .map(|side| levels(self.of, window.levels(side).iter().copied(), at));
        self.frame(&format!(r#"{{"as":[{asks}],"bs":[{bids}]}}"#));
    }

    /// What became of a book, each side in an object of its own; the last has the checksum.
    pub(super) fn changes(&mut self, told: &[Told], checksum: u32, at: UnixNanos) {
        let sides = [("a", BookSide::Ask), ("b", BookSide::Bid)].into_iter().filter_map(|it| {
            let own = told.iter().filter(|told| told.side == it.1);
            let own = own.map(|told| Resting { price: told.price, size: told.size });
            let levels = levels(self.of, own, at);
            (!levels.is_empty()).then(|| format!(r#"{{"{}":[{levels}]"#, it.0))
        });
        let sides = sides.collect::<Vec<_>>().join("},");
        self.frame(&format!(r#"{sides},"c":"{checksum}"}}"#));
    }

    pub(super) fn candle(&mut self, minutes: u64, bar: &Bar, at: UnixNanos) {
        let of = self.of;
        let sums = of.sums(bar);
        let [open, high, low, close] =
            [bar.open, bar.high, bar.low, bar.close].map(|ticks| of.price.text(ticks));
        let end = UnixNanos(bar.start_ms * 1_000_000 + minutes as i64 * 60_000_000_000);
        self.frame(&format!(
            r#"["{}","{}","{open}","{high}","{low}","{close}","{}",{}]"#,
            seconds(at),
            seconds(end),
            sums,
            bar.count,
        ));
    }
}

fn levels(of: &Spelling, levels: impl Iterator<Item = Resting>, at: UnixNanos) -> String {
    let at = seconds(at);
    let level = |level: Resting| {
        format!(r#"["{}","{}","{at}"]"#, of.price.text(level.price), of.size.text(level.size))
    };
    levels.map(level).collect::<Vec<_>>().join(",")
}

/// An instant in seconds, with six digits.
fn seconds(at: UnixNanos) -> String {
    text_of(|out| decimal(out, i128::from(at.0 / 1_000), 6))
}

fn channel_id(instrument: usize, kind: Kind) -> usize {
    1 + instrument * Kind::COUNT + kind.index()
}

/// What a stream's frames end with.
fn channel(kind: Kind) -> String {
    match kind {
        Kind::Trade => "trade".to_owned(),
        Kind::Ticker => "ticker".to_owned(),
        Kind::TickerBbo => "spread".to_owned(),
        Kind::Book(depth) => format!("book-{}", DEPTHS[depth]),
        Kind::Ohlc(interval) => format!("ohlc-{}", INTERVALS[interval].0),
    }
}

/// What a subscription asks for, in the words of version 2.
fn kind_of(subscription: &Value) -> Result<Kind, &'static str> {
    let mut params = subscription.clone();
    let Some(fields) = params.as_object_mut() else {
        return Err("Subscription field must be an object");
    };
    let name = fields.get("name").cloned().unwrap_or(Value::Null);
    if name == "spread" {
        return Ok(Kind::TickerBbo);
    }
    fields.insert("channel".to_owned(), name);
    Kind::parse(&params).map_err(|words| match words {
        "Channel not supported" => "Subscription name invalid",
        words => words,
    })
}

impl Exchange<Kraken> {
    /// Does what a client says.
    pub(super) fn obey_first(
        &mut self,
        id: ConnectionId,
        text: &str,
        now: MonoNanos,
        wires: &mut Wires,
    ) {
        let command: Value = serde_json::from_str(text).unwrap_or(Value::Null);
        let event = command["event"].as_str().unwrap_or("");
        if event == "ping" {
            let answer = with_request(json!({"event": "pong"}), &command);
            return wires.text(id, &[answer.as_bytes()]);
        }
        let refuse = |words: &str, pair: &Value, wires: &mut Wires| {
            let answer = json!({
                "errorMessage": words, "event": "subscriptionStatus", "pair": pair,
                "status": "error", "subscription": command["subscription"],
            });
            wires.text(id, &[with_request(answer, &command).as_bytes()]);
        };
        if !matches!(event, "subscribe" | "unsubscribe") {
            let answer = json!({"errorMessage": "Unsupported event", "event": "error"});
            return wires.text(id, &[with_request(answer, &command).as_bytes()]);
        }
        let kind = match kind_of(&command["subscription"]) {
            Ok(kind) => kind,
            Err(words) => return refuse(words, &Value::Null, wires),
        };
        let Some(pairs) = command["pair"].as_array() else {
            return refuse("Pair field must be an array", &Value::Null, wires);
        };
        let mute = event == "subscribe" && self.armed.strikes_subscription();
        for pair in pairs {
            let name = pair.as_str().unwrap_or("");
            let Some(instrument) = self.own.names.iter().position(|names| names.is(name)) else {
                refuse(&format!("Currency pair not supported {name}"), pair, wires);
                continue;
            };
            let answer = json!({
                "channelID": channel_id(instrument, kind), "channelName": channel(kind),
                "event": "subscriptionStatus", "pair": self.own.names[instrument].old_stream,
                "status": format!("{event}d"), "subscription": command["subscription"],
            });
            wires.text(id, &[with_request(answer, &command).as_bytes()]);
            if event == "unsubscribe" {
                self.leave(id, (instrument, kind));
                continue;
            }
            let Some(client) = self.callers.get_mut(&id) else { return };
            client.own.begin_beats(now);
            if !mute && !self.fanout.has((instrument, kind), id) {
                self.fanout.add((instrument, kind), id, Version::First);
                self.begin_first(id, instrument, kind, now, wires);
            }
        }
    }

    /// What a subscription begins with.
    fn begin_first(
        &mut self,
        id: ConnectionId,
        instrument: usize,
        kind: Kind,
        now: MonoNanos,
        wires: &mut Wires,
    ) {
        if let Kind::Book(depth) = kind {
            self.window(instrument, depth);
        }
        let (traded, at) = (&self.market.traded[instrument], self.clock.date(now));
        let (of, names) = (&self.spellings[instrument], &self.own.names[instrument]);
        self.fanout.tell(id, wires, |out| {
            let mut frame = Frame { out, of, names, instrument, kind };
            match kind {
                Kind::Trade => {}
                Kind::Ticker => frame.ticker(traded),
                Kind::TickerBbo => frame.spread(traded, at),
                Kind::Book(depth) => {
                    if let Some(window) = &self.own.windows[instrument * DEPTHS.len() + depth] {
                        frame.snapshot(window, at);
                    }
                }
                Kind::Ohlc(interval) => {
                    let (minutes, place) = INTERVALS[interval];
                    let bar = traded.candles.current(place);
                    if bar.count > 0 {
                        frame.candle(minutes, bar, at);
                    }
                }
            }
        });
    }
}

/// An answer that repeats the number of its request.
fn with_request(mut answer: Value, command: &Value) -> String {
    if let Some(number) = command.get("reqid") {
        answer["reqid"] = number.clone();
    }
    answer.to_string()
}
