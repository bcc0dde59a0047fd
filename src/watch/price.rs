//! The last prices of each instrument, with the digits that came.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::Event;

/// What is known of one instrument; empty is what nobody told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// Of the last trade.
    pub last: Box<str>,
    /// Best bid.
    pub bid: Box<str>,
    /// Its size.
    pub bid_size: Box<str>,
    /// Best ask.
    pub ask: Box<str>,
    /// Its size.
    pub ask_size: Box<str>,
    /// Over 24 hours, in percent.
    pub change_percent: Box<str>,
}

/// The last prices by `exchange:symbol`.
#[derive(Debug, Default)]
pub struct Prices {
    prices: BTreeMap<Box<str>, Price>,
}

impl Prices {
    /// Takes quotes, tickers and trades.
    pub fn event(&mut self, event: &Event<'_>) {
        let data = &event.data;
        let kind = &*event.envelope.kind;
        if !matches!(kind, "quote" | "ticker" | "trade") {
            return;
        }
        let price = self.prices.entry(data.instrument().into()).or_default();
        match kind {
            "quote" => {
                put(&mut price.bid, data.bid);
                put(&mut price.bid_size, data.bid_size);
                put(&mut price.ask, data.ask);
                put(&mut price.ask_size, data.ask_size);
            }
            "ticker" => {
                put(&mut price.last, data.last);
                put(&mut price.change_percent, data.change_percent);
            }
            _ => put(&mut price.last, data.price),
        }
    }

    /// Of one instrument.
    pub fn of(&self, instrument: &str) -> Option<&Price> {
        self.prices.get(instrument)
    }
}

fn put(place: &mut Box<str>, number: Option<&RawValue>) {
    let text = number.map_or("", RawValue::get);
    let text = if text == "null" { "" } else { text };
    if &**place != text {
        *place = text.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_each_is_kept_as_it_came() {
        let mut prices = Prices::default();
        for text in [
            r#"{"type":"quote","data":{"symbol":"A","exchange":"b","bid":1.10,"bidSize":2,
                "ask":1.20,"askSize":null}}"#,
            r#"{"type":"ticker","data":{"symbol":"A","exchange":"b","last":1.150,"bid":1,
                "changePercent":-0.50}}"#,
            r#"{"type":"status","data":{"symbol":"C","exchange":"b"}}"#,
        ] {
            prices.event(&Event::read(text.as_bytes()).unwrap());
        }
        let price = prices.of("b:A").unwrap();
        assert_eq!((&*price.last, &*price.bid, &*price.ask_size), ("1.150", "1.10", ""));
        assert_eq!(&*price.change_percent, "-0.50");
        assert_eq!(prices.of("b:C"), None);
    }
}
