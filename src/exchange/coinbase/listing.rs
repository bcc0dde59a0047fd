//! Requests beside the streams: the lists of products.

use std::borrow::Cow;
use std::time::Duration;

use arrayvec::ArrayString;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::symbol;
use crate::exchange::rest::{Rows, if_stated, malformed, read_rows, step};
use crate::exchange::{ListPart, Listing, RequestRules, RestError, RestRequest};
use crate::instrument::{ExchangeId, Instrument, Symbol};

/// 10 requests a second and address on public endpoints, of both APIs.
pub(in crate::exchange) const RULES: RequestRules =
    RequestRules { weight_max: 10, window: Duration::from_secs(1) };

/// All products of the Exchange.
pub(super) fn requests(_: &[&str]) -> Vec<RestRequest> {
    vec![RestRequest { path: "/products".to_owned(), weight: 1 }]
}

/// A product of the Exchange. Minimal fields; unknown ones are ignored.
#[derive(Deserialize)]
struct Product<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    base_currency: Cow<'a, str>,
    #[serde(borrow)]
    quote_currency: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "if_stated")]
    quote_increment: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "if_stated")]
    base_increment: Cow<'a, str>,
    #[serde(borrow, default)]
    status: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "if_stated")]
    trading_disabled: Option<bool>,
    #[serde(default, deserialize_with = "if_stated")]
    cancel_only: Option<bool>,
}

/// Reads the answer to [`requests`].
pub(super) fn read(body: &[u8]) -> Result<ListPart, RestError> {
    let products: Rows<&RawValue> = read_body(body)?;
    let listing = |product: &Product<'_>| {
        let symbol = pair(&product.base_currency, &product.quote_currency)?;
        let instrument = Instrument {
            exchange: ExchangeId::Coinbase,
            symbol,
            native: ArrayString::from(&product.id).ok()?,
            tick_size: step(&product.quote_increment),
            lot_size: step(&product.base_increment),
        };
        let online = product.status.as_deref().is_none_or(|status| status == "online");
        let stopped = product.trading_disabled == Some(true) || product.cancel_only == Some(true);
        Some(Listing { instrument, trading: online && !stopped })
    };
    read_rows(products, listing)
}

/// The canonical symbol of a product's currencies; a product whose name is no symbol is left out.
pub(in crate::exchange) fn pair(base: &str, quote: &str) -> Option<Symbol> {
    symbol::canonical(&format!("{base}-{quote}"))
}

#[derive(Deserialize)]
struct ErrorBody {
    message: String,
}

/// Reads a body, or the error that was sent in its place; it has no code.
pub(in crate::exchange) fn read_body<'a, T: Deserialize<'a>>(
    body: &'a [u8],
) -> Result<T, RestError> {
    serde_json::from_slice(body).map_err(|error| match serde_json::from_slice::<ErrorBody>(body) {
        Ok(ErrorBody { message }) => RestError::Refused { code: 0, message },
        Err(_) => malformed(&error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_products_is_read() {
        let body = br#"[{"id":"BTC-USD","base_currency":"BTC","quote_currency":"USD",
            "quote_increment":"0.01","base_increment":"0.00000001","display_name":"BTC-USD",
            "min_market_funds":"1","margin_enabled":false,"post_only":false,"limit_only":false,
            "cancel_only":false,"status":"online","status_message":"","trading_disabled":false,
            "fx_stablecoin":false,"auction_mode":false},
            {"id":"OLD-EUR","base_currency":"OLD","quote_currency":"EUR","quote_increment":"0",
            "status":"delisted","status_message":null}]"#;
        let listings = read(body).expect("reads").listings;
        let first = listings[0].instrument;
        assert_eq!((first.symbol.as_str(), first.native.as_str()), ("BTC/USD", "BTC-USD"));
        assert_eq!(first.tick_size.map(|step| step.to_string()).as_deref(), Some("0.01"));
        assert_eq!(first.lot_size.map(|step| step.to_string()).as_deref(), Some("0.00000001"));
        assert!(listings[0].trading && !listings[1].trading);
        assert_eq!(listings[1].instrument.tick_size, None);
    }

    #[test]
    fn a_refusal_is_read_in_place_of_a_list() {
        let error = read(br#"{"message":"NotFound"}"#).expect_err("refused");
        assert_eq!(error.to_string(), "the exchange refused with code 0: NotFound");
        assert!(matches!(read(b"[{"), Err(RestError::Malformed { line: 1, .. })));
    }

    #[test]
    fn a_row_that_cannot_be_read_costs_itself_alone() {
        let body = br#"[null,{"id":"A-USD","base_currency":null,"quote_currency":"USD"},
            {"id":"B-USD","base_currency":"B","quote_currency":"USD","base_increment":null,
            "quote_increment":1,"status":null,"trading_disabled":null}]"#;
        let part = read(body).expect("reads");
        let natives = part.listings.iter().map(|one| one.instrument.native.to_string());
        assert_eq!((natives.collect::<String>().as_str(), part.unread), ("B-USD", 2));
        assert!(part.listings[0].trading);
    }
}
