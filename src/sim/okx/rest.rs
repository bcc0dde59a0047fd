//! The requests beside the streams: the list of instruments, the time.

use super::Okx;
use super::frames::Frame;
use super::listed::Class;
use crate::clock::{MonoNanos, UnixNanos};
use crate::sim::http::{Response, Target};
use crate::sim::listing::Listed;

/// Requests in two seconds. All clients here share one address.
const REQUESTS_MAX: usize = 20;
const WINDOW_NS: u64 = 2_000_000_000;

/// Nothing is there.
pub(super) fn not_found() -> Response {
    Response::new(404, "{\"msg\":\"Not Found\",\"code\":\"404\",\"data\":[]}".to_owned())
}

fn too_many(status: u16) -> Response {
    let body = "{\"msg\":\"Too Many Requests\",\"code\":\"50011\",\"data\":[]}".to_owned();
    Response::new(status, body)
}

impl Okx {
    pub(super) fn answer(&mut self, target: &Target, now: MonoNanos) -> Response {
        let Some(name) = target.path.strip_prefix("/api/v5/public/") else { return not_found() };
        if let Some(status) = self.armed.strikes_request() {
            return too_many(status);
        }
        while self.requests.pop_front_if(|at| now.since(*at) >= WINDOW_NS).is_some() {}
        self.requests.push_back(now);
        if self.requests.len() > REQUESTS_MAX {
            return too_many(429);
        }
        match name {
            "instruments" => self.instruments(target),
            "time" => Response::new(200, Self::time(self.clock.date(now))),
            _ => not_found(),
        }
    }

    fn time(at: UnixNanos) -> String {
        format!("{{\"code\":\"0\",\"data\":[{{\"ts\":\"{}\"}}],\"msg\":\"\"}}", at.millis())
    }

    fn instruments(&self, target: &Target) -> Response {
        let wrong = |what: &str| {
            let body = format!("{{\"msg\":\"{what}\",\"code\":\"51000\",\"data\":[]}}");
            Response::new(400, body)
        };
        let class = target.value("instType").unwrap_or("");
        let known = [Class::Spot, Class::Swap, Class::Futures, Class::Option];
        let Some(class) = known.into_iter().find(|known| known.name() == class) else {
            return wrong("Parameter instType error");
        };
        let family = target.value("instFamily");
        if class == Class::Option && family.is_none() {
            return wrong("Either parameter uly or instFamily is required.");
        }
        let is_of = |listed: &Listed| {
            family.is_none_or(|family| *family == *format!("{}-{}", listed.base, listed.quote))
        };
        let mut entries = Vec::new();
        let mut body = Vec::new();
        for (index, spelling) in self.spellings.iter().enumerate() {
            let listed = &self.market.traded[index].listed;
            if spelling.class == class && is_of(listed) {
                Frame::new(&mut body, spelling, self.era).listing(listed);
                entries.push(String::from_utf8_lossy(&body).into_owned());
            }
        }
        let entries = entries.join(",");
        Response::new(200, format!("{{\"code\":\"0\",\"data\":[{entries}],\"msg\":\"\"}}"))
    }
}
