//! The list of instruments, which comes by a request beside the stream.
//! Books come in the stream whole.
//!
//! Source: bybit-exchange/docs `v5/market/instrument` and `v5/rate-limit` (state 2026-07).

use std::borrow::Cow;

use arrayvec::ArrayString;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::symbol::{canonical_date, contract_symbol};
use crate::exchange::rest::{Rows, if_stated, malformed, read_rows, step};
use crate::exchange::{ListPart, Listing, RestError, RestRequest};
use crate::instrument::{ExchangeId, Instrument, Symbol};

/// All spot pairs; this class is not paged.
pub(super) fn spot_requests(_: &[&str]) -> Vec<RestRequest> {
    vec![request("spot", "")]
}

/// All linear contracts: some 700 of the 1,000 that one page holds.
pub(super) fn linear_requests(_: &[&str]) -> Vec<RestRequest> {
    vec![request("linear", "")]
}

/// The page behind this one, which a cursor names (percent-encoded by the exchange).
pub(super) fn next_linear(body: &[u8]) -> Option<RestRequest> {
    let body: Body<'_> = serde_json::from_slice(body).ok()?;
    let cursor = body.result.next_page_cursor;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"%-_.~=+/".contains(&byte);
    let is_cursor = !cursor.is_empty() && cursor.len() <= 512 && cursor.bytes().all(is_plain);
    is_cursor.then(|| request("linear", &format!("&cursor={cursor}")))
}

fn request(category: &str, page: &str) -> RestRequest {
    let path = format!("/v5/market/instruments-info?category={category}&limit=1000{page}");
    RestRequest { path, weight: 1 }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    ret_code: i64,
    #[serde(default, borrow)]
    ret_msg: Cow<'a, str>,
    #[serde(default, borrow)]
    result: ResultBody<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResultBody<'a> {
    /// Empty on the last page, absent where nothing is paged.
    #[serde(default, borrow, deserialize_with = "if_stated")]
    next_page_cursor: Cow<'a, str>,
    #[serde(default, borrow)]
    list: Rows<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    #[serde(borrow)]
    symbol: Cow<'a, str>,
    #[serde(borrow)]
    base_coin: Cow<'a, str>,
    #[serde(borrow)]
    quote_coin: Cow<'a, str>,
    #[serde(default, borrow, deserialize_with = "if_stated")]
    settle_coin: Cow<'a, str>,
    #[serde(default, borrow, deserialize_with = "if_stated")]
    contract_type: Cow<'a, str>,
    #[serde(default, borrow)]
    status: Option<Cow<'a, str>>,
    #[serde(default, borrow, deserialize_with = "if_stated")]
    price_filter: PriceFilter<'a>,
    #[serde(default, borrow, deserialize_with = "if_stated")]
    lot_size_filter: LotSizeFilter<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PriceFilter<'a> {
    #[serde(default, borrow, deserialize_with = "if_stated")]
    tick_size: Cow<'a, str>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LotSizeFilter<'a> {
    /// Of contracts.
    #[serde(default, borrow, deserialize_with = "if_stated")]
    qty_step: Cow<'a, str>,
    /// Of spot pairs.
    #[serde(default, borrow, deserialize_with = "if_stated")]
    base_precision: Cow<'a, str>,
}

pub(super) fn read_spot(body: &[u8]) -> Result<ListPart, RestError> {
    read(ExchangeId::Bybit, body, |entry| {
        Symbol::parse(&format!("{}/{}", entry.base_coin, entry.quote_coin)).ok()
    })
}

pub(super) fn read_linear(body: &[u8]) -> Result<ListPart, RestError> {
    read(ExchangeId::BybitLinear, body, |entry| {
        let date = entry.symbol.split_once('-').and_then(|(_, date)| canonical_date(date));
        let settle = match (date, entry.contract_type.ends_with("Futures")) {
            (Some(date), _) => Cow::Owned(date),
            // Dated, but its name does not say when: it keeps its name.
            (None, true) => return None,
            (None, false) => Cow::Borrowed(entry.settle_coin.as_ref()),
        };
        contract_symbol(&entry.base_coin, &entry.quote_coin, &settle)
    })
}

/// Reads a list. An instrument whose name is no symbol is left out.
fn read(
    exchange: ExchangeId,
    body: &[u8],
    canonical: impl Fn(&Entry<'_>) -> Option<Symbol>,
) -> Result<ListPart, RestError> {
    let body: Body<'_> = serde_json::from_slice(body).map_err(|error| malformed(&error))?;
    if body.ret_code != 0 {
        let message = body.ret_msg.into_owned();
        return Err(RestError::Refused { code: body.ret_code, message });
    }
    let listing = |entry: &Entry<'_>| {
        let symbol = canonical(entry).or_else(|| Symbol::parse(&entry.symbol).ok())?;
        let lots = &entry.lot_size_filter;
        let instrument = Instrument {
            exchange,
            symbol,
            native: ArrayString::from(&entry.symbol).ok()?,
            tick_size: step(&entry.price_filter.tick_size),
            lot_size: step(&lots.qty_step).or_else(|| step(&lots.base_precision)),
        };
        let trading = entry.status.as_deref().is_none_or(|status| status == "Trading");
        Some(Listing { instrument, trading })
    };
    read_rows(body.result.list, listing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spot_listing_names_its_parts_and_steps() {
        let body = br#"{"retCode":0,"retMsg":"OK","result":{"category":"spot","list":[
            {"symbol":"ODDPAIR","baseCoin":"ODD","quoteCoin":"PAIR","innovation":"0",
             "status":"Trading","marginTrading":"utaOnly",
             "lotSizeFilter":{"basePrecision":"0.000001","quotePrecision":"0.0000001"},
             "priceFilter":{"tickSize":"0.01"}}]},"retExtInfo":{},"time":1672712468011}"#;
        let listings = read_spot(body).expect("reads").listings;
        let instrument = listings[0].instrument;
        assert_eq!(instrument.symbol.as_str(), "ODD/PAIR");
        assert_eq!(instrument.native.as_str(), "ODDPAIR");
        let steps = [instrument.tick_size, instrument.lot_size];
        let steps = steps.map(|step| step.map(|step| step.to_string()));
        assert_eq!(steps, [Some("0.01".to_owned()), Some("0.000001".to_owned())]);
        assert!(listings[0].trading);
    }

    #[test]
    fn contracts_are_told_apart() {
        let entry = |symbol: &str, coins: [&str; 3], kind: &str, status: &str| {
            let [base, quote, settle] = coins;
            format!(
                concat!(
                    r#"{{"symbol":"{}","contractType":"{}","status":"{}","baseCoin":"{}","#,
                    r#""quoteCoin":"{}","settleCoin":"{}","lotSizeFilter":{{"qtyStep":"0.001"}}}}"#
                ),
                symbol, kind, status, base, quote, settle
            )
        };
        let (perpetual, futures) = ("LinearPerpetual", "LinearFutures");
        let entries = [
            entry("BTCUSDT", ["BTC", "USDT", "USDT"], perpetual, "Trading"),
            entry("BTCPERP", ["BTC", "USDC", "USDC"], perpetual, "PreLaunch"),
            entry("BTCUSDT-25DEC26", ["BTC", "USDT", "USDT"], futures, "Trading"),
            entry("BTC-5DEC26", ["BTC", "USDC", "USDC"], futures, "Trading"),
            entry("ODDNAME", ["BTC", "USDC", "USDC"], futures, "Trading"),
        ];
        let list = entries.join(",");
        let body = format!(r#"{{"retCode":0,"retMsg":"OK","result":{{"list":[{list}]}}}}"#);
        let listings = read_linear(body.as_bytes()).expect("reads").listings;
        let symbols: Vec<_> =
            listings.iter().map(|listing| listing.instrument.symbol.to_string()).collect();
        let expected =
            ["BTC/USDT:USDT", "BTC/USDC:USDC", "BTC/USDT:261225", "BTC/USDC:261205", "ODDNAME"];
        assert_eq!(symbols, expected);
        assert!(listings[0].trading && !listings[1].trading);
        assert_eq!(listings[0].instrument.tick_size, None);
    }

    #[test]
    fn the_next_page_is_asked_for_by_the_cursor_of_this_one() {
        let next = |cursor: &str| {
            let result = format!(r#"{{"list":[],"nextPageCursor":"{cursor}"}}"#);
            next_linear(format!(r#"{{"retCode":0,"result":{result}}}"#).as_bytes())
        };
        let path = "/v5/market/instruments-info?category=linear&limit=1000&cursor=first%3DABC";
        assert_eq!(next("first%3DABC").map(|request| request.path).as_deref(), Some(path));
        assert_eq!(next(""), None);
        assert_eq!(next("a&b c"), None, "no part of a query of its own");
        assert_eq!(next_linear(br#"{"retCode":0,"result":{"list":[]}}"#), None);
    }

    #[test]
    fn a_refused_listing_says_why() {
        let body = br#"{"retCode":10006,"retMsg":"Too many visits!","result":{}}"#;
        let error = read_spot(body).expect_err("refused");
        assert_eq!(error.to_string(), "the exchange refused with code 10006: Too many visits!");
        assert!(matches!(read_spot(b"<html>"), Err(RestError::Malformed { .. })));
    }

    #[test]
    fn a_row_that_cannot_be_read_costs_itself_alone() {
        let row = |symbol: &str, base: &str, more: &str| {
            format!(
                r#"{{"symbol":"{symbol}","quoteCoin":"USDT","settleCoin":"USDT",{base}{more}}}"#
            )
        };
        let rows = [
            row("AUSDT", r#""baseCoin":null,"#, r#""status":"Trading""#),
            row("BUSDT", "", r#""status":"Trading""#),
            "null".to_owned(),
            row(
                "CUSDT",
                r#""baseCoin":"C","#,
                r#""status":null,"priceFilter":null,"lotSizeFilter":null"#,
            ),
            row(
                "DUSDT",
                r#""baseCoin":"D","#,
                r#""status":"Trading","priceFilter":{"tickSize":null},"lotSizeFilter":[]"#,
            ),
            row(
                "EUSDT",
                r#""baseCoin":"E","#,
                r#""status":"Closed","priceFilter":{"tickSize":"0.1"}"#,
            ),
        ];
        let list = rows.join(",");
        let body = format!(r#"{{"retCode":0,"retMsg":"OK","result":{{"list":[{list}]}}}}"#);
        for read in [read_spot, read_linear] {
            let part = read(body.as_bytes()).expect("reads");
            let natives = part.listings.iter().map(|one| one.instrument.native.to_string());
            assert_eq!(natives.collect::<String>(), "CUSDTDUSDTEUSDT");
            assert_eq!(part.unread, 3);
            let steps = part.listings.iter().map(|one| one.instrument.tick_size.is_some());
            assert_eq!(steps.collect::<Vec<_>>(), [false, false, true]);
        }
    }
}
