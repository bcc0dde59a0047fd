//! A client's request, and our answer: an upgrade, or plain HTTP.

use std::borrow::Cow;
use std::io::{Read, Write};

use tungstenite::handshake::machine::TryParse;
use tungstenite::handshake::server::{create_response, write_response};
use tungstenite::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, Version};

use super::Step;
use super::head::{Incoming, Outgoing};
use crate::net::{Bounds, NetError, Role, WebSocket};

/// How far a [`ServerHandshake`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerStep {
    /// It waits for the socket, whichever way.
    Pending,
    /// The request is there, and wants [`ServerHandshake::accept`] or
    /// [`ServerHandshake::respond`].
    Requested,
    /// The upgrade is answered: [`ServerHandshake::into_websocket`].
    Upgraded,
    /// The plain answer is out: the connection is to be shut down.
    Responded,
}

#[derive(Debug)]
enum State {
    Reading,
    Requested(HttpRequest),
    Upgrading(Outgoing),
    Responding(Outgoing),
}

/// One connection that was accepted, from request to answer.
///
/// Its bytes are bounded here; its time is bounded by whoever calls.
#[derive(Debug)]
pub struct ServerHandshake<T> {
    transport: T,
    incoming: Incoming,
    state: State,
}

impl<T: Read + Write> ServerHandshake<T> {
    /// Waits for a request.
    pub fn new(transport: T) -> Self {
        Self { transport, incoming: Incoming::default(), state: State::Reading }
    }

    /// Goes on as far as it goes without waiting.
    ///
    /// # Errors
    /// [`NetError::HandshakeTooLarge`] and [`NetError::Handshake`] when the request is no HTTP,
    /// which may be answered with [`ServerHandshake::respond`]; and what the socket says. The
    /// connection is then to be dropped.
    pub fn advance(&mut self) -> Result<ServerStep, NetError> {
        if matches!(self.state, State::Reading) {
            let step = self.incoming.advance(&mut self.transport)?;
            // A head begins with a word. Who speaks TLS would wait for us as we for them.
            let is_odd = |byte: &u8| !byte.is_ascii_graphic() && !b"\r\n".contains(byte);
            if self.incoming.head().first().is_some_and(is_odd) {
                return Err(bad("not HTTP; TLS perhaps, which this port does not speak"));
            }
            if step == Step::Pending {
                return Ok(ServerStep::Pending);
            }
            self.state = State::Requested(HttpRequest::parse(self.incoming.head())?);
        }
        let (step, done) = match &mut self.state {
            State::Reading | State::Requested(_) => return Ok(ServerStep::Requested),
            State::Upgrading(out) => (out.advance(&mut self.transport)?, ServerStep::Upgraded),
            State::Responding(out) => (out.advance(&mut self.transport)?, ServerStep::Responded),
        };
        Ok(if step == Step::Done { done } else { ServerStep::Pending })
    }

    /// The request, between [`ServerStep::Requested`] and its answer.
    pub const fn request(&self) -> Option<&HttpRequest> {
        match &self.state {
            State::Requested(request) => Some(request),
            State::Reading | State::Upgrading(_) | State::Responding(_) => None,
        }
    }

    /// Answers with an upgrade, to the subprotocol named if one was agreed on.
    ///
    /// # Errors
    /// [`NetError::Handshake`] when the request is no valid upgrade (answer it with
    /// [`ServerHandshake::respond`] and 400 or 426), or when there is none to answer.
    pub fn accept(&mut self, protocol: Option<&str>) -> Result<(), NetError> {
        let Some(request) = self.request() else { return Err(bad("there is no request")) };
        let broken = |error: tungstenite::Error| bad(&error.to_string());
        let mut response = create_response(&request.0).map_err(broken)?;
        if let Some(protocol) = protocol {
            let value = HeaderValue::from_str(protocol).map_err(|_| bad("bad subprotocol"))?;
            response.headers_mut().insert("Sec-WebSocket-Protocol", value);
        }
        let mut head = Vec::with_capacity(256);
        write_response(&mut head, &response).map_err(broken)?;
        self.state = State::Upgrading(Outgoing::new(head));
        Ok(())
    }

    /// Answers without an upgrade: a refusal (400, 401, 403, 404, 426, 429, 503, …) or what a
    /// plain request asked for. `Content-Length` and `Connection: close` are added, and for 426
    /// the `Upgrade` header that it has to have.
    pub fn respond(&mut self, status: u16, headers: &[(&str, &str)], body: &[u8]) {
        self.state = State::Responding(Outgoing::new(response(status, headers, body)));
    }

    /// The open connection, once [`ServerStep::Upgraded`] was reached.
    pub fn into_websocket(self, bounds: Bounds) -> WebSocket<T> {
        debug_assert!(matches!(self.state, State::Upgrading(_)), "the handshake is done");
        WebSocket::new(self.transport, Role::Server, bounds, self.incoming.rest())
    }
}

impl<T> ServerHandshake<T> {
    /// What carries the bytes, e.g. to register it or to shut it down.
    pub const fn transport_mut(&mut self) -> &mut T {
        &mut self.transport
    }
}

fn response(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let reason = StatusCode::from_u16(status).ok().and_then(|code| code.canonical_reason());
    let mut out = Vec::with_capacity(256 + body.len());
    let mut line = |text: &str| {
        out.extend_from_slice(text.as_bytes());
        out.extend_from_slice(b"\r\n");
    };
    line(&format!("HTTP/1.1 {status} {}", reason.unwrap_or("Status")));
    line(&format!("Content-Length: {}", body.len()));
    if status == 426 {
        line("Connection: upgrade, close");
        line("Upgrade: websocket");
    } else {
        line("Connection: close");
    }
    for (name, value) in headers {
        debug_assert!(!value.contains(['\r', '\n']), "a header is one line");
        line(&format!("{name}: {value}"));
    }
    line("");
    out.extend_from_slice(body);
    out
}

/// What a client asks for.
#[derive(Clone, Debug)]
pub struct HttpRequest(Request<()>);

impl HttpRequest {
    /// Reads a head, which ends with its empty line.
    fn parse(head: &[u8]) -> Result<Self, NetError> {
        let line_end = memchr::memmem::find(head, b"\r\n").ok_or_else(|| bad("no request line"))?;
        let (line, fields) = head.split_at(line_end);
        let line = str::from_utf8(line).map_err(|_| bad("the request line is not text"))?;
        let mut words = line.split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(bad("the request line is not METHOD TARGET VERSION"));
        };
        if !matches!(version, "HTTP/1.1" | "HTTP/1.0") {
            return Err(bad("the version is not HTTP/1.1"));
        }
        let mut request = Request::new(());
        *request.method_mut() =
            Method::from_bytes(method.as_bytes()).map_err(|_| bad("the method is no word"))?;
        *request.uri_mut() = target.parse::<Uri>().map_err(|_| bad("the target is no path"))?;
        if version == "HTTP/1.0" {
            *request.version_mut() = Version::HTTP_10;
        }
        match HeaderMap::try_parse(&fields[2..]) {
            Ok(Some((_, headers))) => *request.headers_mut() = with_one_list(headers),
            Ok(None) => return Err(bad("the headers do not end")),
            Err(error) => return Err(bad(&error.to_string())),
        }
        Ok(Self(request))
    }

    /// `GET`, …
    pub fn method(&self) -> &str {
        self.0.method().as_str()
    }

    /// The target up to its `?`.
    pub fn path(&self) -> &str {
        self.0.uri().path()
    }

    /// What follows the `?`, as it came.
    pub fn query(&self) -> Option<&str> {
        self.0.uri().query()
    }

    /// The first value of a query parameter, percent-decoded.
    pub fn parameter(&self, name: &str) -> Option<Cow<'_, str>> {
        let pairs = self.query()?.split('&');
        let mut pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| percent_decoded(value))
    }

    /// The first value of a header, whose name is in any case; `None` when it is not ASCII text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.headers().get(name)?.to_str().ok()
    }

    /// Whether it asks for a WebSocket (validly or not, which [`ServerHandshake::accept`] finds
    /// out).
    pub fn is_upgrade(&self) -> bool {
        self.header("upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
    }

    /// What makes it no request that may be answered otherwise than with 400: a header that has to
    /// be there once and is not, or is there twice, or one that announces a body, so that two readers
    /// could take it for two different requests.
    pub fn fault(&self) -> Option<&'static str> {
        let count = |name: &str| self.0.headers().get_all(name).iter().count();
        let hosts = count("host");
        if hosts > 1 || (hosts == 0 && self.0.version() == Version::HTTP_11) {
            return Some("a request has exactly one Host header");
        }
        if hosts == 1 && self.header("host").is_none() {
            return Some("the Host header is not text");
        }
        if count("sec-websocket-key") > 1 {
            return Some("an upgrade has exactly one Sec-WebSocket-Key header");
        }
        if count("sec-websocket-version") > 1 {
            return Some("an upgrade has exactly one Sec-WebSocket-Version header");
        }
        // What follows the head would be a body to one reader, and frames to another.
        let has_length = match count("content-length") {
            0 => false,
            1 => self.header("content-length") != Some("0"),
            _ => true,
        };
        if has_length || count("transfer-encoding") > 0 {
            return Some(
                "a request here has no body: no Content-Length but 0, no Transfer-Encoding",
            );
        }
        None
    }

    /// Every value of the `Origin` header; `None` stands for one that is no text.
    pub fn origins(&self) -> impl Iterator<Item = Option<&str>> {
        self.0.headers().get_all("origin").iter().map(|value| value.to_str().ok())
    }

    /// Whether `protocol` is among the subprotocols that the client offers.
    pub fn offers_protocol(&self, protocol: &str) -> bool {
        let mut values = self.0.headers().get_all("sec-websocket-protocol").iter();
        values.any(|value| {
            value.to_str().is_ok_and(|list| list.split(',').any(|one| one.trim() == protocol))
        })
    }
}

/// Several `Connection` headers are one list (RFC 9110, 5.3), of which the judge reads the first
/// alone; of an `Upgrade` header that offers more than a WebSocket the rest is left out.
fn with_one_list(mut headers: HeaderMap) -> HeaderMap {
    let list = |headers: &HeaderMap, name: &str| {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.collect::<Vec<_>>().join(", ")
    };
    if headers.get_all("connection").iter().count() > 1
        && let Ok(value) = HeaderValue::from_str(&list(&headers, "connection"))
    {
        headers.insert("connection", value);
    }
    let upgrades = list(&headers, "upgrade");
    if upgrades.split(',').any(|one| one.trim().eq_ignore_ascii_case("websocket")) {
        headers.insert("upgrade", HeaderValue::from_static("websocket"));
    }
    headers
}

#[cold]
fn bad(what: &str) -> NetError {
    NetError::Handshake { what: what.into() }
}

/// Undoes `%40` and the like; what is no such escape, and what would be no UTF-8, stays as it is.
fn percent_decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escape = (first == b'%').then(|| tail.get(..2)).flatten();
        let byte = escape
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok());
        out.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8(out).map_or(Cow::Borrowed(text), Cow::Owned)
}
