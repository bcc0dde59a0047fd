//! What a client may say on a WebSocket, and the answers: one for each symbol of a request.

use serde_json::Value;

use super::books::Window;
use super::channels::{self, DEPTHS, INTERVALS, Kind};
use super::frames::{self, Frame};
use super::listing::is_stock;
use super::{Caller, Kraken, Version};
use crate::clock::MonoNanos;
use crate::sim::date::date;
use crate::sim::exchange::Exchange;
use crate::sim::wires::{ConnectionId, Wires};

/// A request with what its answers repeat.
struct Asked<'a> {
    id: ConnectionId,
    method: &'a str,
    params: &'a Value,
    request: Option<&'a Value>,
    now: MonoNanos,
    /// The subscription is acknowledged and stays without data.
    mute: bool,
}

impl Exchange<Kraken> {
    /// Does what a client says.
    pub(super) fn obey(&mut self, id: ConnectionId, text: &str, now: MonoNanos, wires: &mut Wires) {
        let command: Value = serde_json::from_str(text).unwrap_or(Value::Null);
        let method = command.get("method").and_then(Value::as_str).unwrap_or("");
        let params = command.get("params").unwrap_or(&Value::Null);
        let request = command.get("req_id");
        let mut asked = Asked { id, method, params, request, now, mute: false };
        match method {
            "ping" => {
                let times = self.times(&asked);
                wires.text(id, &[format!(r#"{{"method":"pong"{times}}}"#).as_bytes()]);
            }
            "subscribe" | "unsubscribe" if params.get("channel") == Some(&"instrument".into()) => {
                self.instruments(&asked, wires);
            }
            "subscribe" if self.armed.strikes_too_many() => {
                let symbols = params.get("symbol").and_then(Value::as_array);
                for symbol in symbols.into_iter().flatten().filter_map(Value::as_str) {
                    self.refuse(&asked, "Exceeded msg rate", Some(symbol), wires);
                }
            }
            "subscribe" => {
                asked.mute = self.armed.strikes_subscription();
                self.each_symbol(&asked, wires);
            }
            "unsubscribe" => self.each_symbol(&asked, wires),
            _ if command.is_null() => self.refuse(&asked, "Malformed request", None, wires),
            _ => self.refuse(&asked, "Unsupported method", None, wires),
        }
    }

    /// Symbols are answered in any order, each before its own snapshot.
    fn each_symbol(&mut self, asked: &Asked<'_>, wires: &mut Wires) {
        let symbols = asked.params.get("symbol").and_then(Value::as_array);
        let symbols = symbols.into_iter().flatten().map(Value::as_str).collect::<Option<Vec<_>>>();
        let Some(mut symbols) = symbols.filter(|symbols| !symbols.is_empty()) else {
            return self.refuse(asked, "Symbol(s) not found", None, wires);
        };
        let first = self.own.random.below(symbols.len() as u64) as usize;
        symbols.rotate_left(first);
        for symbol in symbols {
            let kind = match Kind::parse(asked.params) {
                Ok(kind) => kind,
                // The words name no symbol then.
                Err(words) => {
                    self.refuse(asked, words, None, wires);
                    continue;
                }
            };
            let Some(&instrument) = self.by_native.get(symbol) else {
                let words = format!("Currency pair not supported {symbol}");
                self.refuse(asked, &words, Some(symbol), wires);
                continue;
            };
            match asked.method {
                "subscribe" => self.subscribe(asked, instrument, kind, wires),
                _ => self.unsubscribe(asked, instrument, kind, wires),
            }
        }
    }

    fn subscribe(&mut self, asked: &Asked<'_>, instrument: usize, kind: Kind, wires: &mut Wires) {
        let snapshot = asked.params.get("snapshot").and_then(Value::as_bool);
        let snapshot = snapshot.unwrap_or(kind.begins_with_snapshot());
        self.accept(asked, instrument, kind, Some(snapshot), wires);
        let channel = asked.params.get("channel").and_then(Value::as_str).unwrap_or("");
        let key = channels::key(channel, &self.spellings[instrument].symbol);
        if self.want_recorded(asked.id, key, asked.now) {
            return;
        }
        let Some(client) = self.callers.get_mut(&asked.id) else { return };
        client.own.begin_beats(asked.now);
        if asked.mute {
            return;
        }
        if !self.fanout.has((instrument, kind), asked.id) {
            self.fanout.add((instrument, kind), asked.id, Version::Second);
        }
        if snapshot {
            self.snapshot(asked, instrument, kind, wires);
        }
        if let Kind::Book(depth) = kind {
            self.window(instrument, depth);
        }
    }

    fn unsubscribe(&mut self, asked: &Asked<'_>, instrument: usize, kind: Kind, wires: &mut Wires) {
        if self.fanout.has((instrument, kind), asked.id) {
            self.leave(asked.id, (instrument, kind));
        } else if self.recording.is_none() {
            // So it is when the depth or the interval is another one.
            let symbol = self.spellings[instrument].symbol.clone();
            return self.refuse(asked, "Subscription Not Found", Some(&symbol), wires);
        }
        self.accept(asked, instrument, kind, None, wires);
    }

    /// The window of a depth, as its subscribers were told.
    pub(super) fn window(&mut self, instrument: usize, depth: usize) -> &Window {
        let book = &self.market.traded[instrument].book;
        let window = &mut self.own.windows[instrument * DEPTHS.len() + depth];
        window.get_or_insert_with(|| Window::of(book, DEPTHS[depth]))
    }

    /// What a subscription begins with.
    fn snapshot(&mut self, asked: &Asked<'_>, instrument: usize, kind: Kind, wires: &mut Wires) {
        let at = self.clock.date(asked.now);
        if let Kind::Book(depth) = kind {
            self.window(instrument, depth);
        }
        let (spelling, traded) = (&self.spellings[instrument], &self.market.traded[instrument]);
        let (channel, sent) = match kind {
            Kind::Trade => ("trade", None),
            Kind::Ticker | Kind::TickerBbo => ("ticker", None),
            Kind::Book(_) => ("book", None),
            Kind::Ohlc(_) => ("ohlc", Some(at)),
        };
        self.fanout.tell(asked.id, wires, |out| {
            let mut frame = Frame::new(out, spelling, channel, true, sent);
            match kind {
                Kind::Trade => {
                    let past = &self.own.schedule.past[instrument];
                    past.iter().for_each(|(print, at)| frame.trade(print, *at));
                }
                Kind::Ticker | Kind::TickerBbo => frame.ticker(traded, at),
                Kind::Book(depth) => {
                    if let Some(window) = &self.own.windows[instrument * DEPTHS.len() + depth] {
                        frame.book(window, at);
                    }
                }
                Kind::Ohlc(interval) => {
                    let (minutes, place) = INTERVALS[interval];
                    let bar = traded.candles.current(place);
                    if bar.count > 0 {
                        frame.candle(minutes, bar);
                    }
                }
            }
            frame.end();
            // A channel that has nothing yet to tell sends no snapshot.
            if out.ends_with(b"[]}") {
                out.clear();
            }
        });
    }

    /// The list of instruments: one subscription without symbols.
    fn instruments(&mut self, asked: &Asked<'_>, wires: &mut Wires) {
        let (method, times) = (asked.method, self.times(asked));
        let answer = format!(
            r#"{{"method":"{method}","result":{{"channel":"instrument","snapshot":true,"warnings":["tick_size is deprecated, use price_increment"]}},"success":true{times}}}"#
        );
        wires.text(asked.id, &[answer.as_bytes()]);
        let Some(client) = self.callers.get_mut(&asked.id) else { return };
        // Of a recording's instruments nothing is known here, least of all their digits.
        if method == "subscribe" && self.recording.is_none() {
            client.own.begin_beats(asked.now);
            // Tokenised stocks are told to those who ask for them.
            let key = "include_tokenized_assets";
            let all = asked.params.get(key).and_then(Value::as_bool) == Some(true);
            let list = self.market.traded.iter().map(|traded| &traded.listed);
            let list = list.filter(|listed| all || !is_stock(&listed.base));
            wires.text(asked.id, &[frames::instruments(list).as_bytes()]);
        }
    }

    fn accept(
        &self,
        asked: &Asked<'_>,
        instrument: usize,
        kind: Kind,
        snapshot: Option<bool>,
        wires: &mut Wires,
    ) {
        let (method, times) = (asked.method, self.times(asked));
        let symbol = &self.spellings[instrument].symbol;
        let recorded = self.own.depths.get(symbol);
        let stream = match (kind, recorded) {
            (Kind::Book(_), Some(depth)) => format!(r#""channel":"book","depth":{depth}"#),
            _ => kind.described(),
        };
        let snapshot = snapshot.map(|it| format!(r#","snapshot":{it}"#)).unwrap_or_default();
        let answer = format!(
            r#"{{"method":"{method}","result":{{{stream}{snapshot},"symbol":"{symbol}"}},"success":true{times}}}"#
        );
        wires.text(asked.id, &[answer.as_bytes()]);
    }

    fn refuse(&self, asked: &Asked<'_>, words: &str, symbol: Option<&str>, wires: &mut Wires) {
        let mut answer = serde_json::json!({ "error": words, "success": false });
        if !asked.method.is_empty() {
            answer["method"] = asked.method.into();
        }
        if let Some(symbol) = symbol {
            answer["symbol"] = symbol.into();
        }
        let answer = answer.to_string();
        let body = answer.strip_suffix('}').unwrap_or_default();
        wires.text(asked.id, &[body.as_bytes(), self.times(asked).as_bytes(), b"}"]);
    }

    /// The end of every answer: when the request came, when the answer left, and its number.
    fn times(&self, asked: &Asked<'_>) -> String {
        let date = date(self.clock.date(asked.now), 6);
        let request = asked.request.filter(|request| request.is_u64());
        let request = request.map(|it| format!(r#","req_id":{it}"#)).unwrap_or_default();
        format!(r#","time_in":"{date}","time_out":"{date}"{request}"#)
    }
}

impl Caller {
    /// Heartbeats begin with the first subscription.
    pub(super) fn begin_beats(&mut self, now: MonoNanos) {
        self.beat.get_or_insert_with(|| now.after(super::schedule::BEAT_EVERY));
    }
}
