//! Just enough HTTP: requests without a body in, responses with a length out.

use std::num::ParseIntError;

use crate::limits::SIM_REQUEST_BYTES_MAX;

use tungstenite::handshake::machine::TryParse;
use tungstenite::handshake::server::{Request, create_response, write_response};

/// Path and query of a request, percent signs resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Target {
    /// Starts with a slash.
    pub(super) path: String,
    /// In the order of the text.
    pub(super) query: Vec<(String, String)>,
}

impl Target {
    pub(super) fn parse(text: &str) -> Self {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let pair = |part: &str| {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            (decode(key), decode(value))
        };
        let query = query.split('&').filter(|part| !part.is_empty()).map(pair).collect();
        Self { path: decode(path), query }
    }

    /// A whole number in the query; `None` when it is not there or empty.
    ///
    /// # Errors
    /// When it is no whole number.
    pub(super) fn whole(&self, key: &str) -> Result<Option<i64>, ParseIntError> {
        self.value(key).filter(|text| !text.is_empty()).map(str::parse).transpose()
    }

    /// The value of a query key.
    pub(super) fn value(&self, key: &str) -> Option<&str> {
        self.query.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

/// Resolves `%40` and the like; what is no such code stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = tail.get(..2).filter(|_| *first == b'%');
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A response with a JSON body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

impl Response {
    pub(super) const fn new(status: u16, body: String) -> Self {
        Self { status, headers: Vec::new(), body }
    }

    #[must_use]
    pub(super) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// Appends the whole response to `out`.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let reason = match self.status {
            200 => "OK",
            400 => "Bad Request",
            403 => "Forbidden",
            404 => "Not Found",
            418 => "I'm a teapot",
            429 => "Too Many Requests",
            503 => "Service Unavailable",
            _ => "Refused",
        };
        let mut head = format!("HTTP/1.1 {} {reason}\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("Content-Type: application/json;charset=UTF-8\r\n");
        head.push_str(&format!("Content-Length: {}\r\n\r\n", self.body.len()));
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(self.body.as_bytes());
    }
}

/// What the first bytes of a connection hold.
#[derive(Debug)]
pub(super) enum Head {
    /// Not a whole request yet.
    Partial,
    /// No request that is served here.
    Bad,
    /// A request of that many bytes.
    Whole(usize, Box<Request>),
}

/// Reads a request's head.
pub(super) fn read_head(bytes: &[u8]) -> Head {
    match Request::try_parse(bytes) {
        Ok(Some((size, request))) => Head::Whole(size, Box::new(request)),
        Ok(None) if bytes.len() < SIM_REQUEST_BYTES_MAX => Head::Partial,
        Ok(None) | Err(_) => Head::Bad,
    }
}

/// Whether the request wants another protocol.
pub(super) fn wants_upgrade(request: &Request) -> bool {
    request.headers().contains_key("Upgrade")
}

/// Appends the answer that opens the WebSocket; false when the request is no proper handshake.
pub(super) fn write_upgrade(request: &Request, out: &mut Vec<u8>) -> bool {
    match create_response(request) {
        Ok(response) => write_response(out, &response).is_ok(),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_split_and_decoded() {
        let target = Target::parse("/stream?streams=btcusdt%40trade/ethusdt@depth&timeUnit=ms&x");
        assert_eq!(target.path, "/stream");
        assert_eq!(target.value("streams"), Some("btcusdt@trade/ethusdt@depth"));
        assert_eq!(target.value("x"), Some(""));
        assert_eq!(target.value("y"), None);
        assert_eq!(Target::parse("/ws/a%4").path, "/ws/a%4");
    }

    #[test]
    fn heads_are_whole_partial_or_bad() {
        let text = b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\nrest";
        assert!(matches!(read_head(text), Head::Whole(size, _) if size == text.len() - 4));
        assert!(matches!(read_head(&text[..20]), Head::Partial));
        assert!(matches!(read_head(b"POST / HTTP/1.1\r\n\r\n"), Head::Bad));
        assert!(matches!(read_head(b"\x16\x03\x01\x02\x00 no http \r\n\r\n"), Head::Bad));
    }
}
