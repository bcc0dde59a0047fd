//! What can go wrong between two sockets.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a connection could not be made or came to its end. Whatever the variant, the connection is
/// of no further use; the variants say whose fault it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// The URL cannot be used.
    #[error("url {url:?}: {what}")]
    Url {
        /// As given.
        url: Box<str>,
        /// What is wrong with it, and the remedy.
        what: &'static str,
    },
    /// TCP could not connect.
    #[error("cannot connect to {peer}: {kind}")]
    Connect {
        /// Whom we tried to reach.
        peer: SocketAddr,
        /// `ConnectionRefused`, `HostUnreachable`, …
        kind: io::ErrorKind,
    },
    /// A certificate or key file cannot be used.
    #[error("{field} {path:?}: {what}")]
    TlsFile {
        /// The configuration's name of the file.
        field: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: Box<str>,
    },
    /// There is no certificate authority to trust.
    #[error(
        "no certificate authorities found on this system: {what}; install ca-certificates or set \
         tls_ca_file"
    )]
    NoRoots {
        /// What the system said.
        what: Box<str>,
    },
    /// TLS failed: an untrusted certificate, another name, no common version, a broken record.
    #[error("tls: {0}")]
    Tls(Box<rustls::Error>),
    /// The upgrade was answered with another status than 101.
    #[error("the upgrade was refused: {0}")]
    Refused(Box<Refusal>),
    /// The head of a request or response is no HTTP, or not the upgrade it has to be.
    #[error("handshake: {what}")]
    Handshake {
        /// What is wrong.
        what: Box<str>,
    },
    /// The head of a request or response is longer than its bound.
    #[error("handshake: the head is longer than {max} bytes")]
    HandshakeTooLarge {
        /// The bound.
        max: usize,
    },
    /// The peer reset the connection.
    #[error("connection reset by the peer")]
    Reset,
    /// The peer ended the connection.
    #[error("connection closed by the peer")]
    Eof,
    /// Another failure of the system.
    #[error("socket: {kind}")]
    Io {
        /// What failed.
        kind: io::ErrorKind,
    },
    /// The peer broke the WebSocket protocol.
    #[error("websocket protocol: {what}")]
    Protocol {
        /// The rule that was broken.
        what: &'static str,
    },
    /// A frame, or a message put together of fragments, is larger than the connection's bound.
    #[error("a message of {bytes} bytes is over the bound of {max}")]
    TooLarge {
        /// As announced by the frame's head, or as gathered so far.
        bytes: u64,
        /// The bound.
        max: usize,
    },
    /// The peer sends frames that bring nothing, more than any that means well.
    #[error("{frames} frames within a second that bring nothing: pings, pongs, crumbs of messages")]
    Chatter {
        /// So many.
        frames: u32,
    },
    /// The peer sends pings without reading what they are answered.
    #[error("{bytes} bytes of replies to pings wait unread")]
    ControlFlood {
        /// Waiting.
        bytes: usize,
    },
}

const _: () = assert!(size_of::<NetError>() <= 64, "errors travel by value on the data plane");

impl NetError {
    /// The error of an open socket.
    pub(crate) fn of_socket(error: &io::Error) -> Self {
        use io::ErrorKind as K;
        if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Self::Tls(Box::new(tls.clone()));
        }
        match error.kind() {
            K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe => Self::Reset,
            K::UnexpectedEof => Self::Eof,
            kind => Self::Io { kind },
        }
    }
}

/// A server's answer that is no upgrade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status, e.g. 429.
    pub status: u16,
    /// Seconds that the `Retry-After` header asks for, or that are left to the date it states.
    pub retry_after_seconds: Option<u32>,
    /// The server did not say what date it is, so that those seconds are counted from ours, which
    /// may be wrong.
    pub by_our_date: bool,
    /// The first bytes of the body, as far as they came along with the head.
    pub body: Box<str>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HTTP {}", self.status)?;
        if let Some(seconds) = self.retry_after_seconds {
            write!(f, ", retry after {seconds} s")?;
        }
        // A page says what it is in its first line, and is not for a log.
        if let Some(line) = self.body.lines().find(|line| !line.trim().is_empty()) {
            write!(f, ": {}", line.trim())?;
        }
        Ok(())
    }
}
