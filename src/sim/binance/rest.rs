//! The requests beside the streams: order books, the list of instruments, the time.

use super::frames::Frame;
use super::{Binance, Product, TimeUnit};
use crate::clock::{MonoNanos, UnixNanos};
use crate::sim::http::{Response, Target};

/// Milliseconds of the window in which weight is counted, aligned to the clock.
const WINDOW_MS: i64 = 60_000;

/// How much older than every stream a stale book is, in update ids.
const STALE_BY: u64 = 1_000;

/// What was asked of the exchange in this minute. All clients here share one address.
#[derive(Debug)]
pub(super) struct Weight {
    bound: u32,
    window: i64,
    used: u32,
}

impl Weight {
    pub(super) const fn new(product: Product) -> Self {
        let bound = match product {
            Product::Spot => 6_000,
            Product::Futures => 2_400,
        };
        Self { bound, window: 0, used: 0 }
    }

    /// Spends `weight`; false when this minute has no more.
    fn spend(&mut self, weight: u32, unix_ms: i64) -> bool {
        let window = unix_ms.div_euclid(WINDOW_MS);
        if window != self.window {
            (self.window, self.used) = (window, 0);
        }
        self.used = self.used.saturating_add(weight);
        self.used <= self.bound
    }
}

/// Nothing is there.
pub(super) fn not_found() -> Response {
    Response::new(404, "{\"code\":-5000,\"msg\":\"Path is not found\"}".to_owned())
}

fn refused(code: i32, text: &str) -> Response {
    Response::new(400, format!("{{\"code\":{code},\"msg\":\"{text}\"}}"))
}

impl Binance {
    pub(super) fn answer(&mut self, target: &Target, now: MonoNanos) -> Response {
        let at = self.clock.date(now);
        let prefix = match self.product {
            Product::Spot => "/api/v3/",
            Product::Futures => "/fapi/v1/",
        };
        let Some(name) = target.path.strip_prefix(prefix) else { return not_found() };
        let limit = target.value("limit").map(str::parse::<u32>);
        let weight = match (name, self.product) {
            ("depth", product) => match depth_limit(product, limit) {
                Some((_, weight)) => weight,
                None => return refused(-4021, "Invalid depth limit"),
            },
            ("exchangeInfo", Product::Spot) => 20,
            ("exchangeInfo" | "time" | "ping", _) => 1,
            _ => return not_found(),
        };
        if let Some(response) = self.refuse_by_fault(at) {
            return response;
        }
        if !self.weight.spend(weight, at.millis()) {
            return self.too_many(429, at);
        }
        let response = match name {
            "depth" => self.depth(target, at),
            "exchangeInfo" => Response::new(200, self.listing(at)),
            "time" => Response::new(200, format!("{{\"serverTime\":{}}}", at.millis())),
            _ => Response::new(200, "{}".to_owned()),
        };
        response.with("X-MBX-USED-WEIGHT-1M", self.weight.used)
    }

    fn refuse_by_fault(&mut self, at: UnixNanos) -> Option<Response> {
        let status = self.armed.strikes_request()?;
        Some(self.too_many(status, at))
    }

    /// 429 asks to wait for the next minute, 418 is a ban for two.
    fn too_many(&self, status: u16, at: UnixNanos) -> Response {
        let wait_ms = WINDOW_MS - at.millis().rem_euclid(WINDOW_MS);
        let wait_ms = if status == 418 { wait_ms + 2 * WINDOW_MS } else { wait_ms };
        let bound = self.weight.bound;
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

    fn depth(&mut self, target: &Target, at: UnixNanos) -> Response {
        let Some(symbol) = target.value("symbol") else {
            return refused(
                -1102,
                "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.",
            );
        };
        if let Some(recording) = &self.recording {
            return match recording.books.get(symbol) {
                Some(body) => Response::new(200, body.trim_end().to_owned()),
                None => refused(-1121, "Invalid symbol."),
            };
        }
        let Some(&index) = self.by_native.get(symbol) else {
            return refused(-1121, "Invalid symbol.");
        };
        let limit = target.value("limit").map(str::parse::<u32>);
        let count = depth_limit(self.product, limit).map_or(0, |(count, _)| count);
        let stale = self.armed.strikes_snapshot();
        let (market, back) = if stale { (&self.first, STALE_BY) } else { (&self.market, 0) };
        let traded = &market.traded[index];
        let mut body = Vec::new();
        Frame::new(&mut body, TimeUnit::Millis, &self.spellings[index]).snapshot(
            traded.update_id - back,
            count as usize,
            &traded.book,
            at,
        );
        Response::new(200, String::from_utf8_lossy(&body).into_owned())
    }

    fn listing(&self, at: UnixNanos) -> String {
        let mut out = format!(
            "{{\"timezone\":\"UTC\",\"serverTime\":{},\"rateLimits\":[],\"exchangeFilters\":[],\
             \"symbols\":[",
            at.millis()
        );
        let mut body = Vec::new();
        for (index, spelling) in self.spellings.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            let listed = &self.market.traded[index].listed;
            Frame::new(&mut body, TimeUnit::Millis, spelling).listing(listed);
            out.push_str(&String::from_utf8_lossy(&body));
        }
        out.push_str("]}");
        out
    }
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
