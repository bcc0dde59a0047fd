//! Asking an exchange what it trades, apart from any feed: by its requests beside the stream, or on
//! a short connection of its own where the list comes in the stream.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use arrayvec::ArrayString;
use mio::Token;

use super::directory::Directory;
use super::rest::{Failure, Rest};
use crate::clock::UnixNanos;
use crate::exchange::{
    self, Batch, Frame, Listing, Listings, Profile, RestError, Subscription, adapter_at, profile,
};
use crate::instrument::{Channel, ExchangeId, InstrumentId};
use crate::limits::{LIST_BYTES_MAX, LIST_ENTRIES_MAX, LIST_PARTS_MAX, REST_REQUEST_MAX};
use crate::net::{
    Bounds, ClientHandshake, Endpoint, Fill, Message, NetError, Poller, Security, Step, Transport,
    Waiting, WebSocket, client_config, join,
};

/// Close code of somebody who has what he came for.
const NORMAL: u16 = 1000;

/// Where an exchange tells what it trades.
#[derive(Clone, Debug)]
pub struct ListSource {
    /// Which one.
    pub exchange: ExchangeId,
    /// Of its streams.
    pub url: String,
    /// Of the requests beside them.
    pub rest_url: String,
    /// Certificates to trust besides the system's.
    pub tls_ca_file: Option<PathBuf>,
}

/// An exchange that could not be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{exchange} at {url} could not be asked what it trades: {cause}")]
pub struct NotAsked {
    exchange: ExchangeId,
    url: String,
    cause: String,
}

/// How much of one list came so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extent {
    parts: usize,
    bytes: usize,
    entries: usize,
}

/// A list that is longer than any exchange's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the list is longer than any exchange's: {parts} parts, {bytes} bytes, {entries} entries")]
pub(super) struct TooLong {
    parts: usize,
    bytes: usize,
    entries: usize,
}

impl Extent {
    /// One more part came, of which so many entries are of use.
    pub(super) fn add(&mut self, bytes: usize, entries: usize) -> Result<(), TooLong> {
        self.parts += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.entries = self.entries.saturating_add(entries);
        let Self { parts, bytes, entries } = *self;
        let fits = parts <= LIST_PARTS_MAX && bytes <= LIST_BYTES_MAX;
        if fits && entries <= LIST_ENTRIES_MAX {
            return Ok(());
        }
        Err(TooLong { parts, bytes, entries })
    }
}

impl ListSource {
    /// Asks for the whole list, as far as it matters to these native symbols, and waits for it.
    ///
    /// # Errors
    /// When the exchange cannot be reached, refuses, or answers with something else.
    pub fn ask(&self, natives: &[&str]) -> Result<Directory, NotAsked> {
        let profile = profile(self.exchange);
        let (url, listings) = match profile.listing {
            Some(_) => (&self.rest_url, self.ask_beside_the_stream(profile, natives)),
            None => (&self.url, self.ask_in_the_stream()),
        };
        let cause = |cause| NotAsked { exchange: self.exchange, url: url.clone(), cause };
        let entries = listings.map_err(cause)?;
        if entries.is_empty() {
            return Err(cause("its list is empty".to_owned()));
        }
        let mut directory = Directory::default();
        match directory.note(&Listings { entries: entries.into(), whole: true }) {
            0 => Ok(directory),
            _ => Err(cause(RestError::TooLong.to_string())),
        }
    }

    fn ask_beside_the_stream(
        &self,
        profile: &'static Profile,
        natives: &[&str],
    ) -> Result<Vec<Listing>, String> {
        let Some(listing) = profile.listing else { return Ok(Vec::new()) };
        let rest = Rest::new(profile, &self.rest_url, self.tls_ca_file.as_deref())
            .map_err(|error| error.to_string())?;
        let (mut listings, mut extent) = (Vec::new(), Extent::default());
        for request in (listing.requests)(natives) {
            let mut next = Some(request);
            while let Some(request) = next {
                let is_wanted =
                    natives.iter().any(|native| (listing.covers)(&request.path, native));
                let body = match rest.fetch(&request.path, UnixNanos::NONE) {
                    Ok(body) => body,
                    // What is not asked about stands for itself.
                    Err(_) if !is_wanted => break,
                    Err(failure) => return Err(words_of(&failure, &request.path)),
                };
                match (listing.read)(&body) {
                    Ok(page) => {
                        let added = extent.add(body.len(), page.listings.len());
                        added.map_err(|error| error.to_string())?;
                        listings.extend(page.listings);
                    }
                    Err(_) if !is_wanted => break,
                    Err(error) => return Err(error.to_string()),
                }
                next = (listing.next)(&body);
            }
        }
        Ok(listings)
    }

    /// The list that a connection begins with.
    pub(super) fn ask_in_the_stream(&self) -> Result<Vec<Listing>, String> {
        let told = |error: NetError| error.to_string();
        let mut adapter = adapter_at(self.exchange, &self.url);
        // Which stream it is makes no difference: none is asked for.
        let any = Subscription {
            instrument: InstrumentId(0),
            native: ArrayString::new(),
            channel: Channel::Quotes,
            interval: None,
        };
        let plan = exchange::Exchange::plan(&adapter, &[any]).into_iter().next();
        let plan = plan.ok_or("it has no list in its stream")?;
        let bounds = Bounds::upstream(profile(self.exchange).connection.frame_bytes_max);
        let url = join(&self.url, &plan.path);
        let mut call = Call::new(&url, self.tls_ca_file.as_deref()).map_err(told)?;
        let mut socket = call.connect(&url, bounds).map_err(told)?;
        for message in &plan.greeting {
            socket.queue_text(message).map_err(told)?;
        }
        let mut batch = Batch::new();
        loop {
            socket.flush().map_err(told)?;
            while let Some(message) = socket.next().map_err(told)? {
                match message {
                    Message::Text(frame) => {
                        let read = exchange::Exchange::parse(&mut adapter, frame, &mut batch);
                        if let Ok(Frame::Listing(Listings { entries, whole: true })) = read {
                            socket.queue_close(NORMAL, "");
                            // Whether the peer hears it makes no difference any more.
                            let _ = socket.flush();
                            return Ok(entries.into_vec());
                        }
                    }
                    Message::Close { code, reason } => {
                        return Err(format!("it closed with {code} {reason}"));
                    }
                    Message::Binary(_) | Message::Ping | Message::Pong(_) | Message::Part(_) => {}
                }
            }
            match socket.fill().map_err(told)? {
                Fill::Read(_) => {}
                Fill::Blocked => call.wait().map_err(told)?,
            }
        }
    }
}

/// One connection that is waited for, within a bound of time.
struct Call {
    endpoint: Endpoint,
    security: Security,
    poller: Poller,
    until: Instant,
}

impl Call {
    fn new(url: &str, tls_ca_file: Option<&Path>) -> Result<Self, NetError> {
        let endpoint = Endpoint::parse(url)?;
        let security = if endpoint.tls {
            Security::client(client_config(tls_ca_file)?, &endpoint.host)?
        } else {
            Security::Plain
        };
        let poller = Poller::new().map_err(|error| NetError::of_socket(&error))?;
        Ok(Self { endpoint, security, poller, until: Instant::now() + REST_REQUEST_MAX })
    }

    /// The first of the host's addresses that answers.
    fn connect(&mut self, url: &str, bounds: Bounds) -> Result<WebSocket<Transport>, NetError> {
        let host = (self.endpoint.host.as_str(), self.endpoint.port);
        let found = host.to_socket_addrs().map_err(|error| NetError::of_socket(&error))?;
        let addresses: Vec<SocketAddr> = found.collect();
        let end = self.until;
        let mut failed = late();
        for (index, address) in addresses.iter().enumerate() {
            let left = end.saturating_duration_since(Instant::now());
            self.until = Instant::now() + left / (addresses.len() - index) as u32;
            match self.connect_to(*address, url, bounds) {
                Ok(socket) => {
                    self.until = end;
                    return Ok(socket);
                }
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    fn connect_to(
        &mut self,
        address: SocketAddr,
        url: &str,
        bounds: Bounds,
    ) -> Result<WebSocket<Transport>, NetError> {
        let mut transport = Transport::connect(address, &self.security)?;
        let registered = transport.register(self.poller.registry(), Token(0));
        registered.map_err(|error| NetError::of_socket(&error))?;
        while transport.advance()? == Step::Pending {
            self.wait()?;
        }
        let agent = concat!("tickwire/", env!("CARGO_PKG_VERSION"));
        let mut handshake = ClientHandshake::new(transport, url, &[("User-Agent", agent)])?;
        while handshake.advance()? == Step::Pending {
            self.wait()?;
        }
        Ok(handshake.into_websocket(bounds))
    }

    /// Waits until the socket may have something.
    fn wait(&mut self) -> Result<(), NetError> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(late());
        }
        let looked = left.min(Duration::from_millis(100));
        let waited = self.poller.wait(Waiting::Block, Some(looked));
        waited.map_err(|error| NetError::of_socket(&error))
    }
}

/// Why no answer came to the request of that path.
fn words_of(failure: &Failure, path: &str) -> String {
    match failure {
        Failure::Refused(refusal) => format!("{path}: {}", refusal.reason.name()),
        Failure::Broken(error) | Failure::Unreadable(error) => format!("{path}: {error}"),
    }
}

fn late() -> NetError {
    NetError::of_socket(&std::io::ErrorKind::TimedOut.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_may_have_so_many_parts_bytes_and_entries_and_no_more() {
        let parts = |count: usize, bytes, entries| {
            let mut extent = Extent::default();
            (0..count).try_for_each(|_| extent.add(bytes, entries)).is_ok()
        };
        assert!(parts(LIST_PARTS_MAX, 1, 1) && !parts(LIST_PARTS_MAX + 1, 1, 1));
        assert!(parts(2, LIST_BYTES_MAX / 2, 1) && !parts(3, LIST_BYTES_MAX / 2, 1));
        assert!(parts(2, 1, LIST_ENTRIES_MAX / 2) && !parts(3, 1, LIST_ENTRIES_MAX / 2));
    }
}
