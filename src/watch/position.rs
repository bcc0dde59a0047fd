//! How far each instrument's events were seen, to resume there.

use std::collections::BTreeMap;

use serde::Serialize;

/// The last `seq` of each channel and instrument, within one epoch of the gateway.
#[derive(Debug, Default)]
pub(super) struct Positions {
    epoch: Option<Box<str>>,
    seen: BTreeMap<(&'static str, Box<str>), u64>,
}

/// Where to resume one instrument.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct From<'a> {
    epoch: &'a str,
    seq: u64,
}

impl Positions {
    /// The gateway's epoch. Another one than before makes what was seen worthless; then it answers
    /// with true.
    pub(super) fn enter(&mut self, epoch: &str) -> bool {
        if self.epoch.as_deref() == Some(epoch) {
            return false;
        }
        self.seen.clear();
        self.epoch.replace(epoch.into()).is_some()
    }

    /// An event was printed.
    pub(super) fn advance(&mut self, channel: &'static str, instrument: &str, seq: u64) {
        self.seen.insert((channel, instrument.into()), seq);
    }

    /// What a subscription to `channel` asks to resume; empty at first.
    pub(super) fn resume(&self, channel: &str) -> BTreeMap<&str, From<'_>> {
        let Some(epoch) = self.epoch.as_deref() else { return BTreeMap::new() };
        let seen = self.seen.iter().filter(|((of, _), _)| *of == channel);
        seen.map(|((_, instrument), seq)| (&**instrument, From { epoch, seq: *seq })).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_channel_resumes_its_own_instruments_within_one_epoch() {
        let mut positions = Positions::default();
        assert!(positions.resume("trades").is_empty());
        assert!(!positions.enter("one"));
        positions.advance("trades", "binance:BTC/USDT", 41);
        positions.advance("trades", "binance:BTC/USDT", 42);
        positions.advance("quotes", "binance:BTC/USDT", 9);
        let json = serde_json::to_string(&positions.resume("trades")).unwrap();
        assert_eq!(json, r#"{"binance:BTC/USDT":{"epoch":"one","seq":42}}"#);
        assert!(!positions.enter("one"));
        assert_eq!(positions.resume("quotes")["binance:BTC/USDT"].seq, 9);
        assert!(positions.enter("two"));
        assert!(positions.resume("trades").is_empty());
    }
}
