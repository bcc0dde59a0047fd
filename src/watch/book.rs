//! Order books as a client knows them, with the digits that came.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::line::Time;
use super::{Event, News};
use crate::tick::{Decimal, WideDecimal};

/// One price of a book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    value: Decimal,
    /// As it came.
    pub price: Box<str>,
    /// As it came.
    pub size: Box<str>,
}

/// What is known of a book.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// Nothing came yet.
    #[default]
    Awaited,
    /// As good as the gateway's.
    Live,
    /// Not good, in the gateway's words (`stale`, `resyncing`) or ours (`not connected`).
    Doubtful(Box<str>),
}

/// One instrument's order book.
#[derive(Clone, Debug, Default)]
pub struct Book {
    /// Best first.
    pub bids: Vec<Level>,
    /// Best first.
    pub asks: Vec<Level>,
    /// Whether it can be believed.
    pub condition: Condition,
    /// The exchange's time of the last event, in milliseconds since 1970.
    timestamp: Option<i64>,
    /// Of the last event.
    pub seq: Option<u64>,
}

impl Book {
    /// Time of day of the last event, UTC.
    pub fn time(&self) -> String {
        Time(self.timestamp).to_string()
    }

    /// Best ask less best bid, exactly; `None` when a side is empty.
    pub fn spread(&self) -> Option<String> {
        difference(&self.asks.first()?.price, &self.bids.first()?.price)
    }

    fn apply(&mut self, event: &Event<'_>) {
        let data = &event.data;
        if data.kind.as_deref() == Some("snapshot") {
            self.bids.clear();
            self.asks.clear();
            if self.condition == Condition::Awaited {
                self.condition = Condition::Live;
            }
        }
        for level in &data.bids {
            set(&mut self.bids, *level, |own, other| other.cmp_value(own));
        }
        for level in &data.asks {
            set(&mut self.asks, *level, |own, other| own.cmp_value(other));
        }
        self.timestamp = data.timestamp.or(event.envelope.timestamp);
        self.seq = event.envelope.seq;
    }
}

/// Replaces, adds or (size 0) removes a level of a side that is sorted by `order`.
fn set(
    side: &mut Vec<Level>,
    [price, size]: [&RawValue; 2],
    order: impl Fn(Decimal, Decimal) -> Ordering,
) {
    // A gateway of ours sends nothing else; another's odd level is not worth the book.
    let Ok(value) = Decimal::parse(price.get().as_bytes()) else { return };
    let gone = Decimal::parse(size.get().as_bytes()).is_ok_and(Decimal::is_zero);
    let level = || Level { value, price: price.get().into(), size: size.get().into() };
    match (side.binary_search_by(|own| order(own.value, value)), gone) {
        (Ok(at), true) => drop(side.remove(at)),
        (Ok(at), false) => side[at] = level(),
        (Err(_), true) => {}
        (Err(at), false) => side.insert(at, level()),
    }
}

/// `a` less `b`, exactly, of two numbers as they came; `None` when one is none.
pub fn difference(a: &str, b: &str) -> Option<String> {
    let a = WideDecimal::parse(a.as_bytes()).ok()?;
    let b = WideDecimal::parse(b.as_bytes()).ok()?;
    let minus = WideDecimal::new(-b.mantissa(), b.digits())?;
    a.checked_add(minus).map(|difference| difference.to_string())
}

/// The books of all instruments that came, by `exchange:symbol`.
#[derive(Debug, Default)]
pub struct Books {
    books: BTreeMap<Box<str>, Book>,
}

impl Books {
    /// Takes what concerns a book.
    pub fn event(&mut self, event: &Event<'_>) {
        let data = &event.data;
        match &*event.envelope.kind {
            "orderbook" => {
                let book = self.books.entry(data.instrument().into()).or_default();
                book.apply(event);
            }
            "status" if data.channel.as_deref() == Some("orderbook") => {
                let book = self.books.entry(data.instrument().into()).or_default();
                let state = data.state.as_deref().unwrap_or("unknown");
                book.condition = match (state, data.reason.as_deref()) {
                    ("live", _) => Condition::Live,
                    (_, None) => Condition::Doubtful(state.into()),
                    (_, Some(reason)) => Condition::Doubtful(format!("{state}: {reason}").into()),
                };
            }
            _ => {}
        }
    }

    /// While there is no connection no book is good; on a new one each is awaited.
    pub fn news(&mut self, news: &News<'_>) {
        let condition = match news {
            News::Connected { .. } => Condition::Awaited,
            News::Lost { .. } => Condition::Doubtful("not connected".into()),
            News::Resumed { .. } => return,
        };
        for book in self.books.values_mut() {
            book.condition = condition.clone();
        }
    }

    /// Forgets all but one.
    pub fn keep(&mut self, instrument: &str) {
        self.books.retain(|name, _| &**name == instrument);
    }

    /// One of them.
    pub fn of(&self, instrument: &str) -> Option<&Book> {
        self.books.get(instrument)
    }

    /// All, by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Book)> {
        self.books.iter().map(|(name, book)| (&**name, book))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(levels: &[Level]) -> Vec<(&str, &str)> {
        levels.iter().map(|level| (&*level.price, &*level.size)).collect()
    }

    #[test]
    fn a_book_is_sorted_changed_doubted_and_proven_with_its_own_digits() {
        let mut books = Books::default();
        let mut take = |text: &str| books.event(&Event::read(text.as_bytes()).unwrap());
        take(
            r#"{"type":"orderbook","data":{"symbol":"A","exchange":"b","kind":"snapshot",
            "bids":[[9.50,1.0],[10.00,2]],"asks":[[10.100,4],[10.05,3]],"timestamp":3723004},
            "seq":7}"#,
        );
        take(
            r#"{"type":"orderbook","data":{"symbol":"A","exchange":"b","kind":"update",
            "bids":[[10.00,0],[9.75,5.50]],"asks":[[10.05,0.10]],"timestamp":3723005},"seq":8}"#,
        );
        let book = books.of("b:A").unwrap();
        assert_eq!(side(&book.bids), [("9.75", "5.50"), ("9.50", "1.0")]);
        assert_eq!(side(&book.asks), [("10.05", "0.10"), ("10.100", "4")]);
        assert_eq!(book.spread().as_deref(), Some("0.30"));
        assert_eq!((book.time().as_str(), book.seq), ("01:02:03.005", Some(8)));
        assert_eq!(book.condition, Condition::Live);

        let stale = r#"{"type":"status","data":{"symbol":"A","exchange":"b",
            "channel":"orderbook","state":"stale","reason":"checksum"}}"#;
        books.event(&Event::read(stale.as_bytes()).unwrap());
        let told = Condition::Doubtful("stale: checksum".into());
        assert_eq!(books.of("b:A").unwrap().condition, told);
        books.news(&News::Connected { url: "ws://x" });
        assert_eq!(books.of("b:A").unwrap().condition, Condition::Awaited);
    }

    #[test]
    fn differences_are_exact() {
        assert_eq!(difference("65000.10", "65000").as_deref(), Some("0.10"));
        assert_eq!(difference("1", "1.5").as_deref(), Some("-0.5"));
        assert_eq!(difference("null", "1"), None);
    }
}
