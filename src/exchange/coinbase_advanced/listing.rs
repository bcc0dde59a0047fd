//! Requests beside the streams: the list of products.

use std::borrow::Cow;

use arrayvec::ArrayString;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::symbol;
use crate::exchange::coinbase::listing::{pair, read_body};
use crate::exchange::rest::{Rows, if_stated, read_rows, step};
use crate::exchange::{ListPart, Listing, RestError, RestRequest};
use crate::instrument::{ExchangeId, Instrument, Symbol};

/// All spot products; without a limit all are given at once.
pub(super) fn requests(_: &[&str]) -> Vec<RestRequest> {
    let path = "/api/v3/brokerage/market/products?product_type=SPOT".to_owned();
    vec![RestRequest { path, weight: 1 }]
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    products: Rows<&'a RawValue>,
}

/// Minimal fields; unknown ones are ignored.
#[derive(Deserialize)]
struct Product<'a> {
    #[serde(borrow)]
    product_id: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "if_stated")]
    base_currency_id: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "if_stated")]
    quote_currency_id: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "if_stated")]
    price_increment: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "if_stated")]
    quote_increment: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "if_stated")]
    base_increment: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "if_stated")]
    status: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "if_stated")]
    trading_disabled: bool,
    #[serde(default, deserialize_with = "if_stated")]
    is_disabled: bool,
    #[serde(default, deserialize_with = "if_stated")]
    cancel_only: bool,
}

/// Reads the answer to [`requests`].
pub(super) fn read(body: &[u8]) -> Result<ListPart, RestError> {
    let body: Body<'_> = read_body(body)?;
    read_rows(body.products, Product::listing)
}

impl Product<'_> {
    fn listing(&self) -> Option<Listing> {
        let symbol = match (&*self.base_currency_id, &*self.quote_currency_id) {
            ("", _) | (_, "") => Symbol::parse(&self.product_id).ok()?,
            (base, quote) => pair(base, quote)?,
        };
        let is_pair =
            *self.product_id == *format!("{}-{}", self.base_currency_id, self.quote_currency_id);
        let native = match is_pair {
            true => symbol::native(&symbol)?,
            false => ArrayString::from(&self.product_id).ok()?,
        };
        let price_step = self.price_increment.as_deref().or(self.quote_increment.as_deref());
        let instrument = Instrument {
            exchange: ExchangeId::CoinbaseAdvanced,
            symbol: if is_pair { symbol } else { Symbol::parse(&self.product_id).ok()? },
            native,
            tick_size: price_step.and_then(step),
            lot_size: self.base_increment.as_deref().and_then(step),
        };
        let online =
            self.status.as_deref().is_none_or(|status| status.is_empty() || status == "online");
        let stopped = self.trading_disabled || self.is_disabled || self.cancel_only;
        Some(Listing { instrument, trading: online && !stopped })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_products_is_read() {
        let body = br#"{"products":[{"product_id":"BTC-USD","price":"65083.67",
            "base_increment":"0.00000001","quote_increment":"0.01","price_increment":"0.01",
            "is_disabled":false,"new":false,"status":"online","cancel_only":false,
            "trading_disabled":false,"product_type":"SPOT","quote_currency_id":"USD",
            "base_currency_id":"BTC","alias":"","alias_to":["BTC-USDC"]},
            {"product_id":"BTC-USDC","base_increment":"0.00000001","price_increment":"0.01",
            "status":"online","quote_currency_id":"USDC","base_currency_id":"BTC",
            "alias":"BTC-USD"},
            {"product_id":"BIT-31OCT25-CDE","price_increment":"5","status":"","trading_disabled":true,
            "quote_currency_id":"USD","base_currency_id":""}],"num_products":3}"#;
        let listings = read(body).expect("reads").listings;
        let names: Vec<_> = listings
            .iter()
            .map(|one| {
                (one.instrument.symbol.as_str(), one.instrument.native.as_str(), one.trading)
            })
            .collect();
        assert_eq!(
            names,
            [
                ("BTC/USD", "BTC-USD", true),
                ("BTC/USDC", "BTC-USD", true),
                ("BIT-31OCT25-CDE", "BIT-31OCT25-CDE", false)
            ]
        );
        assert!(read(br#"{"message":"rate limited"}"#).is_err());
    }
}
