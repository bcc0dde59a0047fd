//! The requests beside the streams: lists of products, the time.

use super::{Coinbase, Product};
use crate::clock::MonoNanos;
use crate::sim::http::{Response, Target};

pub(super) fn not_found() -> Response {
    Response::new(404, "{\"message\":\"NotFound\"}".to_owned())
}

impl Coinbase {
    pub(super) fn answer(&mut self, target: &Target, now: MonoNanos) -> Response {
        if let Some(status) = self.armed.strikes_request() {
            let body = "{\"message\":\"Public rate limit exceeded\"}".to_owned();
            return Response::new(status, body).with("Retry-After", 1);
        }
        match (self.product, target.path.as_str()) {
            (Product::Exchange, "/products") => Response::new(200, self.products()),
            (Product::Advanced, "/api/v3/brokerage/market/products") => {
                let count = self.spellings.len();
                let products = self.products();
                let body = format!("{{\"products\":{products},\"num_products\":{count}}}");
                Response::new(200, body)
            }
            (Product::Exchange, "/time") => {
                let seconds = self.clock.date(now).millis() / 1_000;
                Response::new(200, format!("{{\"epoch\":{seconds}}}"))
            }
            _ => not_found(),
        }
    }

    /// The list of products, as REST and the status channel give it.
    pub(super) fn products(&self) -> String {
        let products = self.spellings.iter().zip(&self.market.traded).map(|(of, traded)| {
            let step = |digits: u8| match digits {
                0 => "1".to_owned(),
                digits => format!("0.{}1", "0".repeat(usize::from(digits) - 1)),
            };
            let price_step = step(traded.listed.price_digits);
            let size_step = step(traded.listed.size_digits);
            let (native, base, quote) = (&of.native, &of.base, &of.quote);
            match self.product {
                Product::Exchange => format!(
                    "{{\"id\":\"{native}\",\"base_currency\":\"{base}\",\
                     \"quote_currency\":\"{quote}\",\"quote_increment\":\"{price_step}\",\
                     \"base_increment\":\"{size_step}\",\"display_name\":\"{native}\",\
                     \"min_market_funds\":\"1\",\"margin_enabled\":false,\"post_only\":false,\
                     \"limit_only\":false,\"cancel_only\":false,\"status\":\"online\",\
                     \"status_message\":\"\",\"trading_disabled\":false,\"fx_stablecoin\":false,\
                     \"auction_mode\":false}}"
                ),
                Product::Advanced => format!(
                    "{{\"product_id\":\"{native}\",\"base_increment\":\"{size_step}\",\
                     \"quote_increment\":\"{price_step}\",\"price_increment\":\"{price_step}\",\
                     \"is_disabled\":false,\"status\":\"online\",\"cancel_only\":false,\
                     \"limit_only\":false,\"post_only\":false,\"trading_disabled\":false,\
                     \"product_type\":\"SPOT\",\"base_currency_id\":\"{base}\",\
                     \"quote_currency_id\":\"{quote}\",\"alias\":\"\",\"alias_to\":[]}}"
                ),
            }
        });
        format!("[{}]", products.collect::<Vec<_>>().join(","))
    }
}
