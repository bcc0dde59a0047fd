//! The requests beside the streams: what there is, what it weighs, and what is refused. The answers
//! about the market are in `lists`.

use super::{Binance, Product};
use crate::clock::{MonoNanos, UnixNanos};
use crate::sim::exchange::Exchange;
use crate::sim::http::{Response, Target};
use crate::sim::rate::Window;

/// Milliseconds of the window in which weight is counted, aligned to the clock.
const WINDOW_MS: i64 = 60_000;

/// What a request that is refused on demand, and not for its weight, is asked to wait.
const FAULT_SECONDS: u32 = 5;

/// How much older than every stream a stale book is, in update ids.
const STALE_BY: u64 = 1_000;

/// Why a request is refused: Binance's code and words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused(pub(super) i32, pub(super) String);

impl Refused {
    pub(super) fn missing(key: &str) -> Self {
        let text =
            format!("Mandatory parameter '{key}' was not sent, was empty/null, or malformed.");
        Self(-1102, text)
    }

    pub(super) fn symbol() -> Self {
        Self(-1121, "Invalid symbol.".to_owned())
    }

    pub(super) fn parameter(key: &str) -> Self {
        Self(-1130, format!("Data sent for parameter '{key}' is not valid."))
    }
}

/// What may be asked in a minute, by weight.
pub(super) const fn weight(product: Product) -> Window {
    let bound = match product {
        Product::Spot => 6_000,
        Product::Futures => 2_400,
    };
    Window::new(bound, WINDOW_MS)
}

/// Nothing is there.
pub(super) fn not_found() -> Response {
    Response::new(404, "{\"code\":-5000,\"msg\":\"Path is not found\"}".to_owned())
}

/// The name of what is asked for, as the weights know it.
fn name_of(product: Product, path: &str) -> Option<&str> {
    match product {
        // The first version still answers, and some clients ask it.
        Product::Spot => path.strip_prefix("/api/v3/").or_else(|| path.strip_prefix("/api/v1/")),
        Product::Futures => match path {
            "/fapi/v2/ticker/price" => Some("ticker/price"),
            _ => path.strip_prefix("/fapi/v1/"),
        },
    }
}

/// Clients list all of Binance's markets at start, each on its host. Here one host has one market,
/// and lists none of the others.
fn lists_another(product: Product, path: &str) -> bool {
    let own = match product {
        Product::Spot => "/api/v3/exchangeInfo",
        Product::Futures => "/fapi/v1/exchangeInfo",
    };
    let all = ["/api/v3/exchangeInfo", "/fapi/v1/exchangeInfo", "/dapi/v1/exchangeInfo"];
    path != own && all.contains(&path)
}

impl Exchange<Binance> {
    pub(super) fn response(&mut self, target: &Target, now: MonoNanos) -> Response {
        let at = self.clock.date(now);
        let is_other = lists_another(self.own.product, &target.path);
        let name = if is_other { Some("ping") } else { name_of(self.own.product, &target.path) };
        let weight = name.and_then(|name| Some((name, self.weight_of(name, target)?)));
        let Some((name, weight)) = weight else { return not_found() };
        if let Some(response) = self.refuse_by_fault(at) {
            return response;
        }
        if !self.own.weight.spend(weight, at.millis()) {
            return self.too_many(429, at);
        }
        let body = match is_other {
            true => Ok(self.listed(&[], at)),
            false => self.body(name, target, at),
        };
        let response = match body {
            Ok(body) => Response::new(200, body),
            Err(Refused(code, text)) => {
                Response::new(400, serde_json::json!({"code": code, "msg": text}).to_string())
            }
        };
        response.with("X-MBX-USED-WEIGHT-1M", self.own.weight.used)
    }

    /// What a request weighs; `None` where there is nothing.
    fn weight_of(&self, name: &str, target: &Target) -> Option<u32> {
        if self.recording.is_some() && !matches!(name, "depth" | "exchangeInfo" | "ping" | "time") {
            return None;
        }
        if name == "depth" {
            let limit = target.value("limit").map(str::parse::<u32>);
            return Some(depth_limit(self.own.product, limit).map_or(2, |(_, weight)| weight));
        }
        let is_one = target.value("symbol").is_some();
        let symbols = target.value("symbols").map_or(usize::MAX, |list| list.split(',').count());
        match self.own.product {
            Product::Spot => spot_weight(name, if is_one { 1 } else { symbols }),
            Product::Futures => futures_weight(name, is_one, target.value("limit")),
        }
    }

    fn body(&mut self, name: &str, target: &Target, at: UnixNanos) -> Result<String, Refused> {
        match name {
            "ping" => Ok("{}".to_owned()),
            "time" => Ok(format!("{{\"serverTime\":{}}}", at.millis())),
            "depth" => self.depth(target, at),
            "exchangeInfo" => self.listing(target, at),
            _ => self.about_market(name, target, at),
        }
    }

    fn refuse_by_fault(&mut self, at: UnixNanos) -> Option<Response> {
        let status = self.armed.strikes_request()?;
        if status != 429 {
            return Some(self.too_many(status, at));
        }
        // The minute is not spent, whatever is: until its end would be much to ask.
        let text = "Too many requests; please use the websocket for live updates to avoid polling.";
        let body = format!("{{\"code\":-1003,\"msg\":\"{text}\"}}");
        Some(Response::new(429, body).with("Retry-After", FAULT_SECONDS))
    }

    /// 429 asks to wait for the next minute, 418 is a ban for two.
    fn too_many(&self, status: u16, at: UnixNanos) -> Response {
        let wait_ms = WINDOW_MS - at.millis().rem_euclid(WINDOW_MS);
        let wait_ms = if status == 418 { wait_ms + 2 * WINDOW_MS } else { wait_ms };
        let bound = self.own.weight.bound;
        let text = match status {
            418 => format!(
                "Way too much request weight used; IP banned until {}. Please use WebSocket \
                 Streams for live updates to avoid bans.",
                at.millis() + wait_ms
            ),
            _ => format!(
                "Too much request weight used; current limit is {bound} request weight per 1 \
                 MINUTE. Please use WebSocket Streams for live updates to avoid polling the API."
            ),
        };
        let body = format!("{{\"code\":-1003,\"msg\":\"{text}\"}}");
        Response::new(status, body).with("Retry-After", (wait_ms + 999) / 1_000)
    }

    fn depth(&mut self, target: &Target, at: UnixNanos) -> Result<String, Refused> {
        let limit = target.value("limit").map(str::parse::<u32>);
        let count = depth_limit(self.own.product, limit).map(|(count, _)| count);
        let count = count.ok_or_else(|| Refused(-4021, "Invalid depth limit".to_owned()))?;
        let symbol = target.value("symbol").ok_or_else(|| Refused::missing("symbol"))?;
        if let Some(recording) = &mut self.recording {
            let body = recording.book(symbol).ok_or_else(Refused::symbol)?;
            return Ok(body.trim_end().to_owned());
        }
        let index = self.listed_at(symbol)?;
        let stale = self.armed.strikes_snapshot();
        let (market, back) = if stale { (&self.own.first, STALE_BY) } else { (&self.market, 0) };
        let traded = &market.traded[index];
        let row = self.row(index, |frame| {
            frame.snapshot(traded.update_id - back, count as usize, &traded.book, at);
        });
        if !stale {
            self.market.told_whole(index, count as usize);
        }
        Ok(row)
    }

    /// The instruments and what may be asked of the exchange.
    fn listing(&self, target: &Target, at: UnixNanos) -> Result<String, Refused> {
        let chosen = match self.own.product {
            Product::Spot => self.chosen(target)?.into_vec(),
            Product::Futures => (0..self.spellings.len()).collect(),
        };
        Ok(self.listed(&chosen, at))
    }

    fn listed(&self, chosen: &[usize], at: UnixNanos) -> String {
        let rows = self.rows(chosen.iter().copied(), |frame, index| {
            frame.listing(&self.market.traded[index].listed);
        });
        let limit = |kind: &str, interval: &str, count: u32, limit: u32| {
            format!(
                "{{\"rateLimitType\":\"{kind}\",\"interval\":\"{interval}\",\
                 \"intervalNum\":{count},\"limit\":{limit}}}"
            )
        };
        let weight = limit("REQUEST_WEIGHT", "MINUTE", 1, self.own.weight.bound);
        let (head, limits) = match self.own.product {
            Product::Spot => (
                "",
                [
                    weight,
                    limit("ORDERS", "SECOND", 10, 100),
                    limit("ORDERS", "DAY", 1, 200_000),
                    limit("RAW_REQUESTS", "MINUTE", 5, 61_000),
                ]
                .join(","),
            ),
            Product::Futures => (
                "\"futuresType\":\"U_MARGINED\",\"assets\":[],",
                [weight, limit("ORDERS", "MINUTE", 1, 1_200), limit("ORDERS", "SECOND", 10, 300)]
                    .join(","),
            ),
        };
        format!(
            "{{\"timezone\":\"UTC\",\"serverTime\":{},{head}\"rateLimits\":[{limits}],\
             \"exchangeFilters\":[],\"symbols\":{rows}}}",
            at.millis()
        )
    }
}

/// By name and how many symbols are asked for.
fn spot_weight(name: &str, symbols: usize) -> Option<u32> {
    let is_one = symbols == 1;
    Some(match name {
        "ping" | "time" => 1,
        "exchangeInfo" => 20,
        "trades" | "historicalTrades" => 25,
        "aggTrades" => 4,
        "klines" | "uiKlines" | "avgPrice" => 2,
        "ticker/24hr" => match symbols {
            ..=20 => 2,
            21..=100 => 40,
            _ => 80,
        },
        "ticker/price" | "ticker/bookTicker" => {
            if is_one {
                2
            } else {
                4
            }
        }
        "ticker" | "ticker/tradingDay" => 4 * symbols.min(50) as u32,
        _ => return None,
    })
}

fn futures_weight(name: &str, is_one: bool, limit: Option<&str>) -> Option<u32> {
    let pick = |one, all| if is_one { one } else { all };
    Some(match name {
        "ping" | "time" | "exchangeInfo" | "fundingRate" | "fundingInfo" | "openInterest" => 1,
        "trades" => 5,
        "historicalTrades" | "aggTrades" => 20,
        "klines" | "continuousKlines" | "indexPriceKlines" | "markPriceKlines"
        | "premiumIndexKlines" => match limit.and_then(|limit| limit.parse().ok()).unwrap_or(500) {
            ..=99 => 1,
            100..=499 => 2,
            500..=1_000 => 5,
            _ => 10,
        },
        "premiumIndex" => pick(1, 10),
        "ticker/24hr" => pick(1, 40),
        "ticker/price" => pick(1, 2),
        "ticker/bookTicker" => pick(2, 5),
        _ => return None,
    })
}

/// Levels and weight of a request for a book; `None` when the limit is not allowed.
fn depth_limit(
    product: Product,
    limit: Option<Result<u32, std::num::ParseIntError>>,
) -> Option<(u32, u32)> {
    match product {
        Product::Spot => {
            let limit = limit.unwrap_or(Ok(100)).ok().filter(|limit| *limit > 0)?.min(5_000);
            let weight = match limit {
                ..=100 => 5,
                101..=500 => 25,
                501..=1_000 => 50,
                _ => 250,
            };
            Some((limit, weight))
        }
        Product::Futures => {
            let limit = limit.unwrap_or(Ok(500)).ok()?;
            let weight = match limit {
                5 | 10 | 20 | 50 => 2,
                100 => 5,
                500 => 10,
                1_000 => 20,
                _ => return None,
            };
            Some((limit, weight))
        }
    }
}
