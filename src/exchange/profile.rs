//! What is true of an exchange without a connection to it: its addresses, its rules, its spelling,
//! and how the answers to requests beside the stream read. Data and plain functions, so that
//! configuration, control threads and simulators need no adapter.

use std::time::Duration;

use arrayvec::ArrayString;

use super::refusal::Refusals;
use super::rest::refused_upgrade;
use super::spelling::likely_pair;
use super::{
    BookRules, BookSnapshot, ConnectionRules, DateRules, Listing, Refusal, RequestRules,
    RestRequest, binance, bybit, coinbase, coinbase_advanced, deriv, kraken, okx,
};
use crate::clock::UnixNanos;
use crate::instrument::{ExchangeId, SYMBOL_BYTES_MAX, Symbol, SymbolError};
use crate::tick::{Reason, Side};

/// One exchange's facts.
#[derive(Debug)]
pub struct Profile {
    /// Whose they are.
    pub exchange: ExchangeId,
    /// Where its streams are unless the configuration says otherwise; a connection's path follows.
    pub url: &'static str,
    /// The same for requests beside the stream.
    pub rest_url: &'static str,
    /// What it allows on a connection.
    pub connection: ConnectionRules,
    /// What it allows beside the stream.
    pub requests: RequestRules,
    /// How its books are proven.
    pub book: BookRules,
    /// What its dates are.
    pub dates: DateRules,
    /// Its spelling of a canonical symbol; `None` for what it cannot have.
    pub native_symbol: fn(&Symbol) -> Option<ArrayString<SYMBOL_BYTES_MAX>>,
    /// The canonical form of its spelling, by rule. The exchange's own listing knows better where
    /// it is at hand ([`Profile::listing`]). A spelling that no rule splits stays itself;
    /// `None` for what is no symbol at all.
    pub canonical_symbol: fn(&str) -> Option<Symbol>,
    /// Books beside the stream; `None` where they come in it.
    pub snapshot: Option<SnapshotRest>,
    /// The list of instruments beside the stream; `None` where it comes in it.
    pub listing: Option<ListingRest>,
    /// What it refuses with; see [`Profile::refusal`] and [`Profile::closed`].
    pub(super) refusals: Refusals,
}

impl Profile {
    /// Why a connection ended that the exchange closed with this code and these words, and the
    /// shortest wait before the next; `None` where they ask for nothing.
    pub fn closed(&self, code: u16, words: &str) -> Option<(Reason, Duration)> {
        self.refusals.close(code, words)
    }

    /// What an answer other than the one that was asked for asks of us, by its status, `Retry-After`,
    /// body and date.
    pub fn refusal(
        &self,
        status: u16,
        retry_after: Option<&str>,
        body: &[u8],
        now: UnixNanos,
    ) -> Refusal {
        self.refusals.answers.judge(status, retry_after, body, now)
    }

    /// The same of a wait that was counted from our own date, which may be wrong: it is no shorter
    /// than if the answer had said nothing.
    pub fn refusal_by_our_date(
        &self,
        status: u16,
        retry_after: Option<&str>,
        body: &[u8],
        now: UnixNanos,
    ) -> Refusal {
        let stated = self.refusal(status, retry_after, body, now);
        let usual = self.refusal(status, None, body, now);
        Refusal { retry_after: stated.retry_after.max(usual.retry_after), ..stated }
    }

    /// Why an upgrade was refused with this status, and the shortest wait before the next attempt.
    pub fn refused_upgrade(
        &self,
        status: u16,
        retry_after_seconds: Option<u32>,
        by_our_date: bool,
        body: &str,
        now: UnixNanos,
    ) -> (Reason, Duration) {
        let stated = retry_after_seconds.map(|seconds| seconds.to_string());
        let judge = if by_our_date { Self::refusal_by_our_date } else { Self::refusal };
        refused_upgrade(judge(self, status, stated.as_deref(), body.as_bytes(), now))
    }

    /// Reads a symbol as people write it: canonical, or as the exchange spells it, which is then
    /// known by its canonical name wherever a rule leads there and back.
    ///
    /// # Errors
    /// See [`SymbolError`].
    pub fn symbol(&self, text: &str) -> Result<Symbol, SymbolError> {
        let symbol = Symbol::parse(text)?;
        if symbol.parts().is_some() {
            return Ok(symbol);
        }
        // A base of letters and digits: where names are joined, anything else splits by chance.
        let is_plain = |base: &str| base.chars().all(char::is_alphanumeric);
        let leads_back = |canonical: &Symbol| {
            canonical.parts().is_some_and(|(base, ..)| is_plain(base))
                && (self.native_symbol)(canonical).is_some_and(|native| *native == *text)
        };
        Ok((self.canonical_symbol)(text).filter(leads_back).unwrap_or(symbol))
    }

    /// The pair that was perhaps meant by a name that is none.
    pub fn likely_pair(&self, name: &str) -> Option<Symbol> {
        let pair = Symbol::parse(&likely_pair(name)?).ok()?;
        (self.native_symbol)(&pair).filter(|native| **native != *name).map(|_| pair)
    }
}

/// How a book is asked for beside the stream.
#[derive(Clone, Copy, Debug)]
pub struct SnapshotRest {
    /// The path of the request for the book of an instrument, by its native symbol and the most
    /// levels of a side that are to be answered.
    pub path: fn(&str, u32) -> String,
    /// How deep a book may be asked for, and what that costs; the deepest last.
    pub depths: &'static [SnapshotDepth],
    /// Reads the body that answers it.
    pub read: fn(&[u8]) -> Result<BookSnapshot, RestError>,
}

/// One depth in which a book may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotDepth {
    /// Most levels of a side in the answer.
    pub levels: u32,
    /// What it costs in the exchange's ledger.
    pub weight: u32,
}

impl SnapshotRest {
    /// The cheapest depth that a book fits into whose larger side had so many levels lately, with as
    /// many again; the deepest where that is not known, or is not enough.
    pub fn depth(&self, levels: Option<usize>) -> SnapshotDepth {
        let room = levels.map_or(usize::MAX, |levels| levels.saturating_mul(2).max(1));
        let fits = |depth: &&SnapshotDepth| depth.levels as usize >= room;
        let deepest = self.depths.last().copied();
        let depth = self.depths.iter().find(fits).copied().or(deepest);
        depth.unwrap_or(SnapshotDepth { levels: u32::MAX, weight: 0 })
    }

    /// Whether an answer of that depth may lack levels that a deeper one would have.
    pub fn is_cut(&self, depth: SnapshotDepth, snapshot: &BookSnapshot) -> bool {
        let deepest = self.depths.last().map_or(0, |deepest| deepest.levels);
        depth.levels < deepest && larger_side(snapshot) >= depth.levels as usize
    }
}

/// Levels of the side that has more of them.
pub fn larger_side(snapshot: &BookSnapshot) -> usize {
    let bids = snapshot.levels.iter().filter(|level| level.side == Side::Bid).count();
    bids.max(snapshot.levels.len() - bids)
}

/// How the list of instruments is asked for beside the stream.
#[derive(Clone, Copy, Debug)]
pub struct ListingRest {
    /// The requests whose answers together are the list, as far as these native symbols are in
    /// question: what nobody here wants may be left out.
    pub requests: fn(&[&str]) -> Vec<RestRequest>,
    /// The request for the page that follows the one of this body; `None` after the last.
    pub next: fn(&[u8]) -> Option<RestRequest>,
    /// Whether the answer to the request of that path lists that native symbol, if it is listed at
    /// all.
    pub covers: fn(&str, &str) -> bool,
    /// Reads the body that answers one of them.
    pub read: fn(&[u8]) -> Result<ListPart, RestError>,
}

/// What one answer lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPart {
    /// What is listed in it.
    pub listings: Vec<Listing>,
    /// Rows that could not be read, and are left out.
    pub unread: u32,
}

/// The facts of an exchange.
pub fn profile(exchange: ExchangeId) -> &'static Profile {
    match exchange {
        ExchangeId::Binance => &binance::SPOT,
        ExchangeId::BinanceFutures => &binance::FUTURES,
        ExchangeId::Okx => &okx::PROFILE,
        ExchangeId::Deriv => &deriv::PROFILE,
        ExchangeId::Bybit => &bybit::SPOT,
        ExchangeId::BybitLinear => &bybit::LINEAR,
        ExchangeId::Coinbase => &coinbase::EXCHANGE,
        ExchangeId::CoinbaseAdvanced => &coinbase_advanced::ADVANCED,
        ExchangeId::Kraken => &kraken::V2,
        ExchangeId::KrakenV1 => &kraken::V1,
    }
}

/// Why the answer to a request beside the stream cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RestError {
    /// Not the JSON that was asked for.
    #[error("the answer does not read as expected, at line {line} column {column}")]
    Malformed {
        /// Line of the body, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// The exchange answered with an error of its own.
    #[error("the exchange refused with code {code}: {message}")]
    Refused {
        /// Its code.
        code: i64,
        /// Its words.
        message: String,
    },
    /// A list of more entries than any exchange's.
    #[error(
        "the list has more than {} entries, as no exchange's has",
        crate::limits::LIST_ENTRIES_MAX
    )]
    TooLong,
    /// A price or size that is no decimal of at most 18 digits.
    #[error("{field} is {value:?}, no decimal of at most 18 digits")]
    Number {
        /// Which list it stood in.
        field: &'static str,
        /// As written, cut to 40 characters.
        value: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_the_exchange_is_known_by_its_canonical_form() {
        let of = |exchange, text: &str| {
            profile(exchange).symbol(text).expect("a symbol").as_str().to_owned()
        };
        assert_eq!(of(ExchangeId::Binance, "BTCUSDT"), "BTC/USDT");
        assert_eq!(of(ExchangeId::BinanceFutures, "BTCUSDT"), "BTC/USDT:USDT");
        assert_eq!(of(ExchangeId::Okx, "BTC-USDT-SWAP"), "BTC/USDT:USDT");
        assert_eq!(of(ExchangeId::Okx, "BTC-USD-261225-60000-C"), "BTC/USD:261225-60000-C");
        assert_eq!(of(ExchangeId::BybitLinear, "BTCPERP"), "BTC/USDC:USDC");
        assert_eq!(of(ExchangeId::Deriv, "cryBTCUSD"), "BTC/USD");
        assert_eq!(of(ExchangeId::Coinbase, "BTC-USD"), "BTC/USD");
        assert_eq!(of(ExchangeId::Kraken, "AAPLx/USD"), "AAPLX/USD");
    }

    #[test]
    fn a_wait_by_our_own_date_is_no_shorter_than_if_none_were_stated() {
        let wait = |exchange, seconds, by_our_date| {
            let now = UnixNanos::from_millis(1_659_146_340_000);
            profile(exchange).refused_upgrade(429, seconds, by_our_date, "", now).1.as_secs()
        };
        for exchange in [ExchangeId::Binance, ExchangeId::Kraken, ExchangeId::Okx] {
            let usual = wait(exchange, None, false);
            assert!(usual > 1, "{exchange}");
            assert_eq!(wait(exchange, Some(0), true), usual, "{exchange}");
            assert_eq!(wait(exchange, Some(1), true), usual, "{exchange}");
            assert_eq!(wait(exchange, Some(900), true), 900, "{exchange}");
            assert_eq!(wait(exchange, Some(1), false), 1, "its own word");
        }
    }

    #[test]
    fn a_name_that_no_rule_leads_back_to_stays_as_it_is() {
        for (exchange, name) in [
            (ExchangeId::Binance, "btcusdt"),
            (ExchangeId::Binance, "BTC-USDT"),
            (ExchangeId::Binance, "BTC_USDT"),
            (ExchangeId::Deriv, "R_100"),
            // Its frames come under another name.
            (ExchangeId::CoinbaseAdvanced, "BTC-USDC"),
        ] {
            assert_eq!(profile(exchange).symbol(name).expect("a symbol").as_str(), name);
        }
    }
}
