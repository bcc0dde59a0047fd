//! Requests beside the stream: the book that deltas are joined to, and the list of instruments.

use std::borrow::Cow;

use arrayvec::ArrayString;
use serde::Deserialize;

use super::symbol::contract_symbol;
use crate::exchange::rest::{malformed, step};
use crate::exchange::{BookSnapshot, Listing, RestError, RestRequest, SnapshotDepth};
use crate::instrument::{ExchangeId, Instrument, Symbol};
use crate::tick::{Decimal, Level, Side};

/// Spot books. Levels beyond a snapshot stay unknown until touched: at 1,000 levels of BTCUSDT that is
/// 240 USD away, at 5,000 about 1,000 USD (measured 2026-08), so that only a book of fewer levels
/// is asked for in less than the greatest depth. Weights: "Order book", spot REST (2026-10).
pub(super) const SPOT_DEPTHS: &[SnapshotDepth] = &[
    SnapshotDepth { levels: 100, weight: 5 },
    SnapshotDepth { levels: 500, weight: 25 },
    SnapshotDepth { levels: 1_000, weight: 50 },
    SnapshotDepth { levels: 5_000, weight: 250 },
];

/// Futures books; other limits than 5 to 1,000 are refused with -4021. Weights: as above, futures.
pub(super) const FUTURES_DEPTHS: &[SnapshotDepth] = &[
    SnapshotDepth { levels: 100, weight: 5 },
    SnapshotDepth { levels: 500, weight: 10 },
    SnapshotDepth { levels: 1_000, weight: 20 },
];

pub(super) fn spot_snapshot_path(native: &str, levels: u32) -> String {
    format!("/api/v3/depth?symbol={}&limit={levels}", encoded(native))
}

pub(super) fn futures_snapshot_path(native: &str, levels: u32) -> String {
    format!("/fapi/v1/depth?symbol={}&limit={levels}", encoded(native))
}

/// All spot pairs.
pub(super) fn spot_listing_requests(_: &[&str]) -> Vec<RestRequest> {
    vec![RestRequest { path: "/api/v3/exchangeInfo".to_owned(), weight: 20 }]
}

/// All futures contracts.
pub(super) fn futures_listing_requests(_: &[&str]) -> Vec<RestRequest> {
    vec![RestRequest { path: "/fapi/v1/exchangeInfo".to_owned(), weight: 1 }]
}

/// A native symbol inside a query; some have letters beyond ASCII.
fn encoded(native: &str) -> String {
    let mut text = String::with_capacity(native.len());
    for byte in native.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' => text.push(byte.into()),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[derive(Deserialize)]
struct DepthBody<'a> {
    /// -1 for a book that never had an order.
    #[serde(rename = "lastUpdateId")]
    last_update_id: i64,
    #[serde(borrow)]
    bids: Vec<(&'a str, &'a str)>,
    #[serde(borrow)]
    asks: Vec<(&'a str, &'a str)>,
}

#[derive(Deserialize)]
struct ErrorBody {
    code: i64,
    #[serde(default)]
    msg: String,
}

#[derive(Deserialize)]
struct ListingBody<'a> {
    #[serde(borrow)]
    symbols: Vec<SymbolBody<'a>>,
}

#[derive(Deserialize)]
struct SymbolBody<'a> {
    // Not plain borrows: letters beyond ASCII may come escaped.
    #[serde(borrow)]
    symbol: Cow<'a, str>,
    #[serde(rename = "baseAsset", borrow)]
    base: Cow<'a, str>,
    #[serde(rename = "quoteAsset", borrow)]
    quote: Cow<'a, str>,
    #[serde(alias = "contractStatus")]
    status: &'a str,
    #[serde(default)]
    filters: Vec<FilterBody<'a>>,
}

#[derive(Deserialize)]
struct FilterBody<'a> {
    #[serde(rename = "filterType", borrow)]
    kind: &'a str,
    #[serde(rename = "tickSize", default, borrow)]
    tick_size: Option<&'a str>,
    #[serde(rename = "stepSize", default, borrow)]
    step_size: Option<&'a str>,
}

/// Reads a depth body of either market; futures' has `E` and `T` besides.
pub(super) fn read_snapshot(body: &[u8]) -> Result<BookSnapshot, RestError> {
    let depth: DepthBody<'_> = read(body)?;
    let mut levels = Vec::with_capacity(depth.bids.len() + depth.asks.len());
    for (side, field, entries) in [(Side::Bid, "bids", depth.bids), (Side::Ask, "asks", depth.asks)]
    {
        for (price, size) in entries {
            let (at, resting) = (number(field, price)?, number(field, size)?);
            if resting.is_negative() {
                return Err(no_number(field, size));
            }
            levels.push(Level { side, price: at, size: resting });
        }
    }
    let last_update_id = u64::try_from(depth.last_update_id).unwrap_or(0);
    Ok(BookSnapshot { last_update_id, levels })
}

pub(super) fn read_spot_listing(body: &[u8]) -> Result<Vec<Listing>, RestError> {
    read_listing(ExchangeId::Binance, body, |entry| {
        Symbol::parse(&format!("{}/{}", entry.base, entry.quote)).ok()
    })
}

pub(super) fn read_futures_listing(body: &[u8]) -> Result<Vec<Listing>, RestError> {
    read_listing(ExchangeId::BinanceFutures, body, |entry| {
        let contract = entry.symbol.split_once('_').map(|(_, contract)| contract);
        contract_symbol(&entry.base, &entry.quote, contract)
    })
}

/// Reads an `exchangeInfo`. An instrument whose name is no symbol is left out.
fn read_listing(
    exchange: ExchangeId,
    body: &[u8],
    canonical: impl Fn(&SymbolBody<'_>) -> Option<Symbol>,
) -> Result<Vec<Listing>, RestError> {
    let listing: ListingBody<'_> = read(body)?;
    let listings = listing.symbols.iter().filter_map(|entry| {
        let symbol = canonical(entry).or_else(|| Symbol::parse(&entry.symbol).ok())?;
        let of_filter = |kind: &str, of: fn(&FilterBody<'_>) -> Option<Decimal>| {
            entry.filters.iter().find(|filter| filter.kind == kind).and_then(of)
        };
        let instrument = Instrument {
            exchange,
            symbol,
            native: ArrayString::from(&entry.symbol).ok()?,
            tick_size: of_filter("PRICE_FILTER", |filter| filter.tick_size.and_then(step)),
            lot_size: of_filter("LOT_SIZE", |filter| filter.step_size.and_then(step)),
        };
        Some(Listing { instrument, trading: entry.status == "TRADING" })
    });
    Ok(listings.collect())
}

/// Reads a body, or the error that the exchange sent in its place.
fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, RestError> {
    serde_json::from_slice(body).map_err(|error| match serde_json::from_slice::<ErrorBody>(body) {
        Ok(ErrorBody { code, msg: message }) => RestError::Refused { code, message },
        Err(_) => malformed(&error),
    })
}

fn number(field: &'static str, text: &str) -> Result<Decimal, RestError> {
    Decimal::parse(text.as_bytes()).map_err(|_| no_number(field, text))
}

fn no_number(field: &'static str, text: &str) -> RestError {
    RestError::Number { field, value: text.chars().take(40).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_depth_body_of_either_market_is_read() {
        let spot = br#"{"lastUpdateId":160,"bids":[["0.0024","10"]],"asks":[["0.0026","100"]]}"#;
        let snapshot = read_snapshot(spot).expect("reads");
        assert_eq!(snapshot.last_update_id, 160);
        let sides: Vec<_> = snapshot.levels.iter().map(|level| level.side).collect();
        assert_eq!(sides, [Side::Bid, Side::Ask]);
        assert_eq!(snapshot.levels[1].price.to_string(), "0.0026");

        let futures = br#"{"lastUpdateId":5,"E":1,"T":2,"bids":[],"asks":[]}"#;
        assert_eq!(read_snapshot(futures).expect("reads").levels, []);
        let fresh = br#"{"lastUpdateId":-1,"bids":[],"asks":[]}"#;
        assert_eq!(read_snapshot(fresh).expect("reads").last_update_id, 0);
    }

    #[test]
    fn a_bad_depth_body_says_what_is_wrong() {
        let refused = br#"{"code":-1121,"msg":"Invalid symbol."}"#;
        let error = read_snapshot(refused).expect_err("refused");
        assert_eq!(error.to_string(), "the exchange refused with code -1121: Invalid symbol.");
        let huge = br#"{"lastUpdateId":1,"bids":[["1","46116860414.00000000"]],"asks":[]}"#;
        let error = read_snapshot(huge).expect_err("19 digits");
        let field = "bids is \"46116860414.00000000\", no decimal of at most 18 digits";
        assert_eq!(error.to_string(), field);
        let cut = br#"{"lastUpdateId":1,"bids":[["1","#;
        assert!(matches!(read_snapshot(cut), Err(RestError::Malformed { line: 1, .. })));
        assert!(read_snapshot(b"").is_err());
        assert!(read_snapshot(br#"{"lastUpdateId":1,"bids":[["1","-1"]],"asks":[]}"#).is_err());
    }

    #[test]
    fn a_listing_names_base_and_quote_itself() {
        let body = br#"{"timezone":"UTC","symbols":[
            {"symbol":"ODDPAIR","status":"BREAK","baseAsset":"ODD","quoteAsset":"PAIR",
             "filters":[{"filterType":"PRICE_FILTER","minPrice":"0","tickSize":"0.01000000"},
                        {"filterType":"LOT_SIZE","stepSize":"0.00000000"}]}]}"#;
        let listings = read_spot_listing(body).expect("reads");
        assert_eq!(listings.len(), 1);
        let instrument = listings[0].instrument;
        assert_eq!(instrument.symbol.as_str(), "ODD/PAIR");
        assert_eq!(instrument.native.as_str(), "ODDPAIR");
        assert_eq!(
            instrument.tick_size.map(|step| step.to_string()).as_deref(),
            Some("0.01000000")
        );
        assert_eq!(instrument.lot_size, None);
        assert!(!listings[0].trading);
    }

    #[test]
    fn futures_listings_tell_perpetuals_from_deliveries() {
        let body = br#"{"symbols":[
            {"symbol":"BTCUSDT","status":"TRADING","baseAsset":"BTC","quoteAsset":"USDT"},
            {"symbol":"BTCUSDT_261225","status":"TRADING","baseAsset":"BTC","quoteAsset":"USDT"},
            {"symbol":"BTCUSD_PERP","status":"TRADING","baseAsset":"BTC","quoteAsset":"USD"}]}"#;
        let symbols: Vec<_> = read_futures_listing(body)
            .expect("reads")
            .iter()
            .map(|listing| listing.instrument.symbol.to_string())
            .collect();
        assert_eq!(symbols, ["BTC/USDT:USDT", "BTC/USDT:261225", "BTC/USD:BTC"]);
    }

    #[test]
    fn names_beyond_ascii_are_encoded_in_the_query() {
        assert_eq!(
            futures_snapshot_path("币USDT", 1_000),
            "/fapi/v1/depth?symbol=%E5%B8%81USDT&limit=1000"
        );
    }
}
