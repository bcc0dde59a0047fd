//! The requests beside the streams: the list of instruments, the time.

use super::Okx;
use super::frames::Frame;
use super::listed::Class;
use crate::clock::{MonoNanos, UnixNanos};
use crate::sim::http::{Response, Target};

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
            "instruments" => self.instruments(target.value("instType").unwrap_or("")),
            "time" => Response::new(200, Self::time(self.clock.date(now))),
            _ => not_found(),
        }
    }

    fn time(at: UnixNanos) -> String {
        format!("{{\"code\":\"0\",\"data\":[{{\"ts\":\"{}\"}}],\"msg\":\"\"}}", at.millis())
    }

    fn instruments(&self, class: &str) -> Response {
        let known = [Class::Spot, Class::Swap, Class::Futures];
        let Some(class) = known.into_iter().find(|known| known.name() == class) else {
            let body = "{\"msg\":\"Parameter instType error\",\"code\":\"51000\",\"data\":[]}";
            return Response::new(400, body.to_owned());
        };
        let mut entries = Vec::new();
        let mut body = Vec::new();
        for (index, spelling) in self.spellings.iter().enumerate() {
            if spelling.class == class {
                let listed = &self.market.traded[index].listed;
                Frame::new(&mut body, spelling, self.era).listing(listed);
                entries.push(String::from_utf8_lossy(&body).into_owned());
            }
        }
        let entries = entries.join(",");
        Response::new(200, format!("{{\"code\":\"0\",\"data\":[{entries}],\"msg\":\"\"}}"))
    }
}
