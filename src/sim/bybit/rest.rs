//! The requests beside the streams: what there is, how often it may be asked for, what is refused.
//! The answers about the market are in `lists`.

use serde_json::json;

use super::{Bybit, Class};
use crate::clock::{MonoNanos, UnixNanos};
use crate::limits::SIM_LOTS_MAX;
use crate::sim::exchange::Exchange;
use crate::sim::http::{Response, Target};
use crate::sim::listing::Listed;
use crate::sim::write::Scale;

/// Fact: requests of one address in [`WINDOW_MS`], over all paths.
pub(super) const REQUESTS_MAX: u32 = 600;

pub(super) const WINDOW_MS: i64 = 5_000;

/// Why a request is refused: Bybit's code and words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused(pub(super) u32, pub(super) &'static str);

/// Nothing is there.
pub(super) fn not_found() -> Response {
    Response::new(404, String::new())
}

fn answer(code: u32, words: &str, result: &str, at: UnixNanos) -> String {
    let at_ms = at.millis();
    format!(
        r#"{{"retCode":{code},"retMsg":"{words}","result":{{{result}}},"retExtInfo":{{}},"time":{at_ms}}}"#
    )
}

impl Class {
    /// Its name as a category.
    const fn name(self) -> &'static str {
        match self {
            Self::Spot => "spot",
            Self::Linear => "linear",
        }
    }
}

/// What is asked for under `/v5/market/`, or elsewhere under `/v5/`.
fn name_of(path: &str) -> Option<&str> {
    const NAMES: [&str; 12] = [
        "funding/history",
        "index-price-kline",
        "instruments-info",
        "kline",
        "mark-price-kline",
        "open-interest",
        "orderbook",
        "premium-index-price-kline",
        "recent-trade",
        "tickers",
        "time",
        "/v5/system/status",
    ];
    let name = path.strip_prefix("/v5/market/").unwrap_or(path);
    NAMES.contains(&name).then_some(name)
}

impl Exchange<Bybit> {
    pub(super) fn response(&mut self, target: &Target, now: MonoNanos) -> Response {
        let at = self.clock.date(now);
        let Some(name) = name_of(&target.path) else { return not_found() };
        if self.recording.is_some() && !matches!(name, "instruments-info" | "time") {
            return not_found();
        }
        if let Some(status) = self.armed.strikes_request() {
            return Response::new(status, answer(10_006, "Too many visits!", "", at));
        }
        if !self.own.rate.spend(1, at.millis()) {
            return Response::new(403, "access too frequent".to_owned());
        }
        let body = match self.result(name, target, at) {
            Ok(result) => answer(0, "OK", &result, at),
            Err(Refused(code, words)) => answer(code, words, "", at),
        };
        Response::new(200, body)
    }

    fn result(&mut self, name: &str, target: &Target, at: UnixNanos) -> Result<String, Refused> {
        match name {
            "time" => {
                let seconds = at.millis().div_euclid(1_000);
                Ok(format!(r#""timeSecond":"{seconds}","timeNano":"{}""#, at.0))
            }
            "/v5/system/status" => Ok(r#""list":[]"#.to_owned()),
            _ => {
                let category = target.value("category").unwrap_or("");
                let known = ["spot", "linear", "inverse", "option"];
                match known.contains(&category) {
                    true if category == self.own.class.name() => {
                        let rows = match name {
                            "instruments-info" => self.listing(target)?,
                            _ => return self.about_market(name, category, target, at),
                        };
                        Ok(listed(category, &rows))
                    }
                    // One host answers for all categories, and this exchange lists one of them.
                    true => Ok(listed(category, &[])),
                    false => Err(Refused(10_001, "Illegal category")),
                }
            }
        }
    }

    /// The instruments. Whoever asks for those that are not traded yet gets none.
    fn listing(&self, target: &Target) -> Result<Vec<String>, Refused> {
        if target.value("status").is_some_and(|status| status != "Trading") {
            return Ok(Vec::new());
        }
        if let Some(symbol) = target.value("symbol") {
            let index = self.listed_at(symbol)?;
            return Ok(vec![listing(self.own.class, &self.market.traded[index].listed)]);
        }
        let base = target.value("baseCoin");
        let list = self.market.traded.iter().map(|traded| &traded.listed);
        let list = list.filter(|listed| base.is_none_or(|base| base == listed.base));
        Ok(list.map(|listed| listing(self.own.class, listed)).collect())
    }
}

/// A result that is one list, at its end.
pub(super) fn listed(category: &str, rows: &[String]) -> String {
    let rows = rows.join(",");
    format!(r#""category":"{category}","list":[{rows}],"nextPageCursor":"""#)
}

/// One instrument in the list of all.
fn listing(class: Class, listed: &Listed) -> String {
    let tick = Scale::new(listed.price_digits, listed.price_digits);
    let lot = Scale::new(listed.size_digits, listed.size_digits);
    let most = lot.text(SIM_LOTS_MAX);
    let limits = json!({"priceLimitRatioX": "0.05", "priceLimitRatioY": "0.1"});
    let entry = match class {
        Class::Spot => json!({
            "symbol": listed.native, "status": "Trading",
            "baseCoin": listed.base, "quoteCoin": listed.quote,
            "innovation": "0", "symbolType": "", "marginTrading": "both", "stTag": "0",
            "lotSizeFilter": {
                "basePrecision": lot.text(1), "quotePrecision": "0.00000001",
                "minOrderQty": lot.text(1), "maxOrderQty": most,
                "minOrderAmt": "5", "maxOrderAmt": "8000000",
                "maxLimitOrderQty": most, "maxMarketOrderQty": most,
                "postOnlyMaxLimitOrderSize": most,
            },
            "priceFilter": {"tickSize": tick.text(1)},
            "riskParameters": limits,
        }),
        Class::Linear => json!({
            "symbol": listed.native, "status": "Trading", "contractType": "LinearPerpetual",
            "baseCoin": listed.base, "quoteCoin": listed.quote, "settleCoin": listed.quote,
            "symbolType": "", "displayName": "", "launchTime": "1584230400000",
            "deliveryTime": "0", "deliveryFeeRate": "",
            "priceScale": listed.price_digits.to_string(),
            "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
            "priceFilter": {
                "minPrice": tick.text(1), "maxPrice": tick.text(listed.start.saturating_mul(100)),
                "tickSize": tick.text(1),
            },
            "lotSizeFilter": {
                "qtyStep": lot.text(1), "minOrderQty": lot.text(1), "maxOrderQty": most,
                "maxMktOrderQty": most, "postOnlyMaxOrderQty": most, "minNotionalValue": "5",
            },
            "unifiedMarginTrade": true, "fundingInterval": 480, "copyTrading": "none",
            "upperFundingRate": "0.005", "lowerFundingRate": "-0.005",
            "isPreListing": false, "preListingInfo": null, "riskParameters": limits,
        }),
    };
    entry.to_string()
}
