//! The list of instruments, which comes by a request beside the stream.

use std::borrow::Cow;

use arrayvec::ArrayString;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::book::read_body;
use super::symbol::contract_symbol;
use crate::exchange::rest::{Rows, if_stated, read_rows, step};
use crate::exchange::{ListPart, Listing, RestError, RestRequest};
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
    symbols: Rows<&'a RawValue>,
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
    #[serde(alias = "contractStatus", default, borrow)]
    status: Option<Cow<'a, str>>,
    #[serde(default, borrow, deserialize_with = "if_stated")]
    filters: Rows<&'a RawValue>,
}

#[derive(Deserialize)]
struct FilterBody<'a> {
    #[serde(rename = "filterType", borrow)]
    kind: Cow<'a, str>,
    #[serde(rename = "tickSize", default, borrow)]
    tick_size: Option<Cow<'a, str>>,
    #[serde(rename = "stepSize", default, borrow)]
    step_size: Option<Cow<'a, str>>,
}

impl SymbolBody<'_> {
    /// A step out of one of its filters. One that cannot be read says nothing of the others.
    fn step(&self, kind: &str, of: fn(&FilterBody<'_>) -> Option<Decimal>) -> Option<Decimal> {
        self.filters.kept().iter().find_map(|raw| {
            let filter: FilterBody<'_> = serde_json::from_str(raw.get()).ok()?;
            if filter.kind == kind { of(&filter) } else { None }
        })
    }
}

pub(super) fn read_spot(body: &[u8]) -> Result<ListPart, RestError> {
    read(ExchangeId::Binance, body, |entry| {
        Symbol::parse(&format!("{}/{}", entry.base, entry.quote)).ok()
    })
}

pub(super) fn read_futures(body: &[u8]) -> Result<ListPart, RestError> {
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
) -> Result<ListPart, RestError> {
    let body: ListingBody<'_> = read_body(body)?;
    let listing = |entry: &SymbolBody<'_>| {
        let symbol = canonical(entry).or_else(|| Symbol::parse(&entry.symbol).ok())?;
        let tick_size = entry.step("PRICE_FILTER", |filter| step(filter.tick_size.as_deref()?));
        let lot_size = entry.step("LOT_SIZE", |filter| step(filter.step_size.as_deref()?));
        let native = ArrayString::from(&entry.symbol).ok()?;
        let instrument = Instrument { exchange, symbol, native, tick_size, lot_size };
        let trading = entry.status.as_deref().is_none_or(|status| status == "TRADING");
        Some(Listing { instrument, trading })
    };
    read_rows(body.symbols, listing)
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
        let listings = read_spot(body).expect("reads").listings;
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
            .listings
            .iter()
            .map(|listing| listing.instrument.symbol.to_string())
            .collect();
        assert_eq!(symbols, ["BTC/USDT:USDT", "BTC/USDT:261225", "BTC/USD:BTC"]);
    }

    #[test]
    fn a_row_that_cannot_be_read_costs_itself_alone() {
        let row = |symbol: &str, more: &str| {
            format!(r#"{{"symbol":"{symbol}","quoteAsset":"USDT",{more}}}"#)
        };
        let filter = r#"{"filterType":"PRICE_FILTER","tickSize":"0.01"}"#;
        let rows = [
            row("AUSDT", r#""baseAsset":null,"status":"TRADING""#),
            row("BUSDT", r#""status":"TRADING""#),
            "null".to_owned(),
            "7".to_owned(),
            row("CUSDT", r#""baseAsset":"C","status":null,"filters":null"#),
            row("DUSDT", r#""baseAsset":"D""#),
            row(
                "EUSDT",
                r#""baseAsset":"E","filters":[null,{},{"filterType":null},{"filterType":"PRICE_FILTER","tickSize":null}]"#,
            ),
            row("FUSDT", &format!(r#""baseAsset":"F","filters":[null,{filter}]"#)),
            row("GUSDT", r#""baseAsset":"G","status":"BREAK","filters":{}"#),
        ];
        let body = format!(r#"{{"symbols":[{}]}}"#, rows.join(","));
        for read in [read_spot, read_futures] {
            let part = read(body.as_bytes()).expect("reads");
            let natives = part.listings.iter().map(|one| one.instrument.native.to_string());
            assert_eq!(natives.collect::<String>(), "CUSDTDUSDTEUSDTFUSDTGUSDT");
            assert_eq!(part.unread, 4);
            let steps = part.listings.iter().map(|one| one.instrument.tick_size.is_some());
            assert_eq!(steps.collect::<Vec<_>>(), [false, false, false, true, false]);
            let trading: Vec<_> = part.listings.iter().map(|one| one.trading).collect();
            assert_eq!(trading, [true, true, true, true, false]);
        }
    }
}
