//! The lines that `decode` prints: ticks put together to events, and notes on the other frames.

use std::io;

use crate::book::BookKind;
use crate::cache::{BookEvent, BookLevels, BookStatus, Event, EventBody, Stamp};
use crate::clock::UnixNanos;
use crate::dialect::{Label, actions};
use crate::exchange::Loss;
use crate::instrument::{Channel, Instrument, InstrumentId};
use crate::tick::{Body, BookState, Candle, Level, LevelFlags, Tick, Ticker};

/// What a frame was that is no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Note {
    Control(&'static str),
    Other,
    Rejected(&'static str),
}

/// Lines not written yet, and the parts of an event that is not whole yet.
#[derive(Debug, Default)]
pub(super) struct TextLines {
    text: Vec<u8>,
    /// By [`InstrumentId::index`].
    labels: Vec<Label>,
    ticker: Ticker,
    candle_prices: Option<Body>,
    levels: Vec<Level>,
}

impl TextLines {
    /// Tells of an instrument; they come in the order of their ids.
    pub(super) fn add(&mut self, id: InstrumentId, instrument: &Instrument) {
        if id.index() == self.labels.len() {
            self.labels.push(actions::label(instrument));
        }
    }

    /// Hands the lines over, at a frame's end.
    pub(super) fn flush(&mut self, write: impl FnOnce(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let written = write(&self.text);
        self.text.clear();
        written
    }

    /// A frame that is no event.
    pub(super) fn note(&mut self, line: u64, note: Note) {
        let text = match note {
            Note::Control(kind) => {
                format!("{{\"type\":\"control\",\"kind\":\"{kind}\",\"line\":{line}}}\n")
            }
            Note::Other => format!("{{\"type\":\"other\",\"line\":{line}}}\n"),
            Note::Rejected(reason) => {
                format!("{{\"type\":\"rejected\",\"line\":{line},\"reason\":\"{reason}\"}}\n")
            }
        };
        self.text.extend_from_slice(text.as_bytes());
    }

    /// Something before this frame is missing: trades of an instrument, or frames of the whole
    /// connection.
    pub(super) fn gap(
        &mut self,
        line: u64,
        channel: Option<Channel>,
        native: Option<&str>,
        missed: u64,
    ) {
        let text = serde_json::json!({
            "type": "gap",
            "line": line,
            "channel": channel.map(Channel::name),
            "symbol": native,
            // Of 0 nobody knows how many.
            "missed": (missed > 0).then_some(missed),
        });
        self.text.extend_from_slice(text.to_string().as_bytes());
        self.text.push(b'\n');
    }

    /// A frame, or a trade in one, that came before.
    pub(super) fn repeated(&mut self, line: u64, channel: Option<Channel>, native: Option<&str>) {
        let channel = channel.map(Channel::name);
        let text = serde_json::json!({
            "type": "repeated", "line": line, "channel": channel, "symbol": native,
        });
        self.text.extend_from_slice(text.to_string().as_bytes());
        self.text.push(b'\n');
    }

    /// Items of a frame that could not be read.
    pub(super) fn loss(&mut self, line: u64, loss: &Loss, native: Option<&str>) {
        let text = serde_json::json!({
            "type": "rejected",
            "line": line,
            "reason": loss.rejected.name(),
            "channel": loss.channel.name(),
            "symbol": native,
            "items": loss.count,
        });
        self.text.extend_from_slice(text.to_string().as_bytes());
        self.text.push(b'\n');
    }

    /// One tick; the last one of an event writes it.
    pub(super) fn tick(&mut self, at: UnixNanos, tick: &Tick) {
        if let Some((level, flags)) = tick.body.level() {
            self.level(at, tick, level, flags);
            return;
        }
        match &tick.body {
            Body::Trade { .. } => {
                if let Some(trade) = tick.body.trade() {
                    self.event(at, tick, EventBody::Trade(trade));
                }
            }
            Body::Quote { .. } => {
                if let Some(quote) = tick.body.quote() {
                    self.event(at, tick, EventBody::Quote(quote));
                }
            }
            body @ (Body::TickerPrices { .. }
            | Body::TickerChange { .. }
            | Body::TickerVolumes { .. }) => {
                if self.ticker.absorb(body) {
                    let ticker = std::mem::take(&mut self.ticker);
                    self.event(at, tick, EventBody::Ticker(&ticker));
                }
            }
            body @ Body::CandlePrices { .. } => self.candle_prices = Some(*body),
            body @ Body::CandleVolume { .. } => {
                let candle = self.candle_prices.and_then(|prices| Candle::join(&prices, body));
                if let Some(candle) = candle {
                    self.event(at, tick, EventBody::Candle(&candle));
                }
            }
            // Of the states only the loss of a book is told; the others say what the events do.
            &Body::BookState { state: state @ BookState::Stale, reason } => {
                let status = BookStatus { state, reason, since: tick.exchange_time.or(at) };
                self.event(at, tick, EventBody::BookState(status));
            }
            Body::BookState { .. }
            | Body::StreamState { .. }
            | Body::FeedState { .. }
            | Body::Gap { .. }
            | Body::Unheard { .. }
            | Body::TradesShown { .. }
            | Body::Time { .. }
            | Body::Level { .. } => {}
        }
    }

    fn level(&mut self, at: UnixNanos, tick: &Tick, level: Level, flags: LevelFlags) {
        if flags.has(LevelFlags::FIRST) {
            self.levels.clear();
        }
        if !flags.has(LevelFlags::EMPTY) {
            self.levels.push(level);
        }
        if !flags.has(LevelFlags::LAST) {
            return;
        }
        let is_snapshot = flags.has(LevelFlags::SNAPSHOT);
        let kind = if is_snapshot { BookKind::Snapshot } else { BookKind::Delta };
        let levels = std::mem::take(&mut self.levels);
        let listed = BookLevels::Listed(&levels);
        let event = BookEvent { kind, depth: None, conflated: 0, levels: listed };
        self.event(at, tick, EventBody::Book(event));
        self.levels = levels;
    }

    fn event(&mut self, at: UnixNanos, tick: &Tick, body: EventBody<'_>) {
        let stamp = Stamp { exchange_time: tick.exchange_time, received: at };
        let event = Event { instrument: tick.instrument, seq: 0, stamp, body };
        let label = self.labels.get(tick.instrument.index());
        actions::push_bare(&mut self.text, label, &event);
        self.text.push(b'\n');
    }
}
