//! Our request for an upgrade.

use std::io::{self, Read, Write};

use tungstenite::client::IntoClientRequest;
use tungstenite::error::Error;
use tungstenite::handshake::client::Response;
use tungstenite::handshake::{HandshakeError, MidHandshake};
use tungstenite::http::{HeaderName, HeaderValue};
use tungstenite::protocol::WebSocketConfig;

use super::Step;
use super::head::{Incoming, Outgoing};
use crate::clock::UnixNanos;
use crate::json::{http_date, retry_after};
use crate::limits;
use crate::net::{Bounds, NetError, Refusal, Role, WebSocket};

/// What we never offer: whoever answers with one means frames that we would misread (RFC 6455,
/// section 4.1).
const EXTENSIONS: &str = "sec-websocket-extensions";

type Machine = MidHandshake<tungstenite::ClientHandshake<Pipe>>;

/// The upgrade of one connection, from request to answer.
#[derive(Debug)]
pub struct ClientHandshake<T> {
    transport: T,
    outgoing: Outgoing,
    incoming: Incoming,
    /// Taken when the answer is judged.
    machine: Option<Machine>,
}

impl<T: Read + Write> ClientHandshake<T> {
    /// Prepares the request for `url` (whose host and port become the `Host` header) with further
    /// `headers`, e.g. `User-Agent`. Nothing is sent yet.
    ///
    /// # Errors
    /// [`NetError::Url`], or [`NetError::Handshake`] when a header cannot be sent.
    pub fn new(transport: T, url: &str, headers: &[(&str, &str)]) -> Result<Self, NetError> {
        let refuse = |_| NetError::Url { url: url.into(), what: "not a ws:// or wss:// URL" };
        let mut request = url.into_client_request().map_err(refuse)?;
        for &(name, value) in headers {
            let bad = || NetError::Handshake { what: format!("bad header {name:?}").into() };
            let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
            request.headers_mut().insert(parsed, HeaderValue::from_str(value).map_err(|_| bad())?);
        }
        // Its WebSocket is not used, only its judgement: no need for its large buffer.
        let config = WebSocketConfig::default().read_buffer_size(0);
        let started = tungstenite::ClientHandshake::start(Pipe::default(), request, Some(config));
        let (machine, request) = match started.map_err(|error| broken(&error))?.handshake() {
            Err(HandshakeError::Interrupted(mut machine)) => {
                let request = std::mem::take(&mut machine.get_mut().get_mut().outgoing);
                (machine, request)
            }
            Err(HandshakeError::Failure(error)) => return Err(broken(&error)),
            Ok(_) => return Err(unexpected()),
        };
        let outgoing = Outgoing::new(request);
        Ok(Self { transport, outgoing, incoming: Incoming::default(), machine: Some(machine) })
    }

    /// Goes on as far as it goes without waiting. After [`Step::Done`], the WebSocket is there
    /// to be taken.
    ///
    /// # Errors
    /// [`NetError::Refused`] with the status when the answer is no upgrade,
    /// [`NetError::Handshake`] and [`NetError::HandshakeTooLarge`] when it is no answer at all,
    /// and what the socket says.
    pub fn advance(&mut self) -> Result<Step, NetError> {
        if self.outgoing.advance(&mut self.transport)? == Step::Pending {
            return Ok(Step::Pending);
        }
        if self.incoming.advance(&mut self.transport)? == Step::Pending {
            return Ok(Step::Pending);
        }
        match self.machine.take() {
            Some(machine) => self.judge(machine),
            None => Ok(Step::Done),
        }
    }

    /// Gives tungstenite exactly the answer's head.
    fn judge(&self, mut machine: Machine) -> Result<Step, NetError> {
        machine.get_mut().get_mut().incoming.extend_from_slice(self.incoming.head());
        match machine.handshake() {
            Ok((_, response)) if response.headers().contains_key(EXTENSIONS) => {
                let what = "the answer names an extension that was not offered";
                Err(NetError::Handshake { what: what.into() })
            }
            Ok(_) => Ok(Step::Done),
            Err(HandshakeError::Failure(Error::Http(response))) => {
                Err(NetError::Refused(Box::new(self.refusal(&response))))
            }
            Err(HandshakeError::Failure(error)) => Err(broken(&error)),
            Err(HandshakeError::Interrupted(_)) => Err(unexpected()),
        }
    }

    fn refusal(&self, response: &Response) -> Refusal {
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let asked = header("retry-after");
        // A date counts from the server's own, else from ours.
        let theirs = header("date").and_then(http_date);
        let by_our_date = theirs.is_none() && asked.and_then(http_date).is_some();
        let now = theirs.unwrap_or_else(UnixNanos::system);
        let wait = asked.and_then(|text| retry_after(text, now));
        let body = self.incoming.rest();
        let body = String::from_utf8_lossy(&body[..body.len().min(limits::REFUSAL_BYTES_KEPT)]);
        Refusal {
            status: response.status().as_u16(),
            retry_after_seconds: wait.map(|wait| u32::try_from(wait.as_secs()).unwrap_or(u32::MAX)),
            by_our_date,
            body: body.trim().into(),
        }
    }

    /// The open connection, with what came behind the answer, once [`Step::Done`] was reached.
    pub fn into_websocket(self, bounds: Bounds) -> WebSocket<T> {
        debug_assert!(self.machine.is_none(), "the handshake is done");
        WebSocket::new(self.transport, Role::Client, bounds, self.incoming.rest())
    }
}

impl<T> ClientHandshake<T> {
    /// What carries the bytes, e.g. to deregister it.
    pub const fn transport_mut(&mut self) -> &mut T {
        &mut self.transport
    }
}

#[cold]
fn broken(error: &Error) -> NetError {
    NetError::Handshake { what: error.to_string().into() }
}

#[cold]
fn unexpected() -> NetError {
    NetError::Handshake { what: "it ended before it began, or not with its head".into() }
}

/// What tungstenite takes for the socket: it sees whole heads and nothing else.
#[derive(Debug, Default)]
struct Pipe {
    outgoing: Vec<u8>,
    incoming: Vec<u8>,
}

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.incoming.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = self.incoming.len().min(into.len());
        into[..count].copy_from_slice(&self.incoming[..count]);
        self.incoming.drain(..count);
        Ok(count)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
