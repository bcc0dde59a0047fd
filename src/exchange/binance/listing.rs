//! The list of instruments, which comes by a request beside the stream.

use std::borrow::Cow;

use arrayvec::ArrayString;
use serde::Deserialize;

use super::book::read_body;
use super::symbol::contract_symbol;
use crate::exchange::rest::step;
use crate::exchange::{Listing, RestError, RestRequest};
use crate::instrument::{ExchangeId, Instrument, Symbol};
use crate::tick::Decimal;

/// All spot pairs.
pub(super) fn spot_requests(_: &[&str]) -> Vec<RestRequest> {
    vec![RestRequest { path: "/api/v3/exchangeInfo".to_owned(), weight: 20 }]
}

/// All futures contracts.
pub(super) fn futures_requests(_: &[&str]) -> Vec<RestRequest> {
    vec![RestRequest { path: "/fapi/v1/exchangeInfo".to_owned(), weight: 1 }]
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

pub(super) fn read_spot(body: &[u8]) -> Result<Vec<Listing>, RestError> {
    read(ExchangeId::Binance, body, |entry| {
        Symbol::parse(&format!("{}/{}", entry.base, entry.quote)).ok()
    })
}

pub(super) fn read_futures(body: &[u8]) -> Result<Vec<Listing>, RestError> {
    read(ExchangeId::BinanceFutures, body, |entry| {
        let contract = entry.symbol.split_once('_').map(|(_, contract)| contract);
        contract_symbol(&entry.base, &entry.quote, contract)
    })
}

/// Reads an `exchangeInfo`. An instrument whose name is no symbol is left out.
fn read(
    exchange: ExchangeId,
    body: &[u8],
    canonical: impl Fn(&SymbolBody<'_>) -> Option<Symbol>,
) -> Result<Vec<Listing>, RestError> {
    let listing: ListingBody<'_> = read_body(body)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_names_base_and_quote_itself() {
        let body = br#"{"timezone":"UTC","symbols":[
            {"symbol":"ODDPAIR","status":"BREAK","baseAsset":"ODD","quoteAsset":"PAIR",
             "filters":[{"filterType":"PRICE_FILTER","minPrice":"0","tickSize":"0.01000000"},
                        {"filterType":"LOT_SIZE","stepSize":"0.00000000"}]}]}"#;
        let listings = read_spot(body).expect("reads");
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
        let symbols: Vec<_> = read_futures(body)
            .expect("reads")
            .iter()
            .map(|listing| listing.instrument.symbol.to_string())
            .collect();
        assert_eq!(symbols, ["BTC/USDT:USDT", "BTC/USDT:261225", "BTC/USD:BTC"]);
    }
}
