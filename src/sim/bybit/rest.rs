//! The requests beside the streams: the list of instruments and the time.

use super::{Bybit, Class};
use crate::clock::{MonoNanos, UnixNanos};
use crate::sim::http::{Response, Target};
use crate::sim::listing::Listed;
use crate::sim::write::Scale;

/// Requests of one address in [`WINDOW_MS`], over all paths.
const REQUESTS_MAX: u32 = 600;

const WINDOW_MS: i64 = 5_000;

/// What was asked of the exchange in this window. All clients here share one address.
#[derive(Debug, Default)]
pub(super) struct Rate {
    window: i64,
    used: u32,
}

impl Rate {
    /// Counts one request; false when this window has no more.
    fn count(&mut self, unix_ms: i64) -> bool {
        let window = unix_ms.div_euclid(WINDOW_MS);
        if window != self.window {
            (self.window, self.used) = (window, 0);
        }
        self.used += 1;
        self.used <= REQUESTS_MAX
    }
}

/// Nothing is there.
pub(super) fn not_found() -> Response {
    Response::new(404, String::new())
}

fn answer(code: i32, words: &str, result: &str, at: UnixNanos) -> String {
    let at_ms = at.millis();
    format!(
        r#"{{"retCode":{code},"retMsg":"{words}","result":{{{result}}},"retExtInfo":{{}},"time":{at_ms}}}"#
    )
}

impl Bybit {
    pub(super) fn reply(&mut self, target: &Target, now: MonoNanos) -> Response {
        let at = self.clock.date(now);
        if !matches!(target.path.as_str(), "/v5/market/instruments-info" | "/v5/market/time") {
            return not_found();
        }
        if let Some(status) = self.armed.strikes_request() {
            return Response::new(status, answer(10_006, "Too many visits!", "", at));
        }
        if !self.rate.count(at.millis()) {
            return Response::new(403, "access too frequent".to_owned());
        }
        if target.path.ends_with("time") {
            let seconds = at.millis().div_euclid(1_000);
            let result = format!(r#""timeSecond":"{seconds}","timeNano":"{}""#, at.0);
            return Response::new(200, answer(0, "OK", &result, at));
        }
        let own = match self.class {
            Class::Spot => "spot",
            Class::Linear => "linear",
        };
        match target.value("category") {
            Some(category) if category == own => {
                let list: Vec<String> =
                    self.market.traded.iter().map(|one| listing(self.class, &one.listed)).collect();
                let result = format!(
                    r#""category":"{own}","list":[{}],"nextPageCursor":"""#,
                    list.join(",")
                );
                Response::new(200, answer(0, "OK", &result, at))
            }
            _ => Response::new(200, answer(10_001, "Illegal category", "", at)),
        }
    }
}

/// One instrument in the list of all.
fn listing(class: Class, listed: &Listed) -> String {
    let Listed { native, base, quote, .. } = listed;
    let tick = Scale::new(listed.price_digits, listed.price_digits).text(1);
    let lot = Scale::new(listed.size_digits, listed.size_digits).text(1);
    let head = format!(
        r#"{{"symbol":"{native}","status":"Trading","baseCoin":"{base}","quoteCoin":"{quote}""#
    );
    match class {
        Class::Spot => format!(
            concat!(
                r#"{},"innovation":"0","marginTrading":"both","lotSizeFilter":{{"#,
                r#""basePrecision":"{}","quotePrecision":"0.00000001"}},"#,
                r#""priceFilter":{{"tickSize":"{}"}}}}"#
            ),
            head, lot, tick
        ),
        Class::Linear => format!(
            concat!(
                r#"{},"settleCoin":"{}","contractType":"LinearPerpetual","deliveryTime":"0","#,
                r#""priceScale":"{}","priceFilter":{{"minPrice":"{}","tickSize":"{}"}},"#,
                r#""lotSizeFilter":{{"qtyStep":"{}","minOrderQty":"{}"}},"fundingInterval":480}}"#
            ),
            head, quote, listed.price_digits, tick, tick, lot, lot
        ),
    }
}
