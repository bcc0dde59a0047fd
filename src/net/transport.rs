//! A connected stream of bytes, plain or under TLS, that never blocks.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};
use socket2::{SockRef, TcpKeepalive};

use super::NetError;
use super::handshake::Step;
use super::socket::Socket;
use crate::clock::UnixNanos;
#[cfg(target_os = "linux")]
use crate::limits::UPSTREAM_UNACKNOWLEDGED_MAX;
use crate::limits::{KEEPALIVE_AFTER, KEEPALIVE_EVERY, TLS_SEND_BYTES_MAX};

/// Ciphertext taken from the kernel at once, from an exchange (bursts) and from a client
/// (requests).
const CLIENT_RECORDS_BYTES: usize = 64 << 10;
const SERVER_RECORDS_BYTES: usize = 4 << 10;

/// What protects a connection.
#[derive(Clone, Debug)]
pub enum Security {
    /// Nothing.
    Plain,
    /// TLS, and we are the client.
    Client {
        /// Whom to trust.
        config: Arc<ClientConfig>,
        /// Whom the certificate has to name.
        name: ServerName<'static>,
    },
    /// TLS, and we are the server.
    Server {
        /// Who we are.
        config: Arc<ServerConfig>,
    },
}

impl Security {
    /// TLS to `host`, a name or an address.
    ///
    /// # Errors
    /// [`NetError::Url`] when `host` is neither.
    pub fn client(config: Arc<ClientConfig>, host: &str) -> Result<Self, NetError> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| NetError::Url {
            url: host.into(),
            what: "the host is neither a DNS name nor an address",
        })?;
        Ok(Self::Client { config, name })
    }
}

/// What of a socket is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// That there is something to read, or room to write.
    All,
    /// That there is room to write, or that the connection is gone.
    Writing,
}

/// A TCP connection, with or without TLS on it.
///
/// Until [`Transport::advance`] says [`Step::Done`], nothing may be read or written.
#[derive(Debug)]
pub struct Transport {
    socket: Socket,
    peer: SocketAddr,
    tls: Option<Box<Tls>>,
    connecting: bool,
}

impl Transport {
    /// Begins to connect to `peer`.
    ///
    /// # Errors
    /// [`NetError::Connect`] when it fails at once, [`NetError::Tls`].
    pub fn connect(peer: SocketAddr, security: &Security) -> Result<Self, NetError> {
        let tls = Tls::new(security)?;
        let failed = |error: io::Error| NetError::Connect { peer, kind: error.kind() };
        let stream = TcpStream::connect(peer).map_err(failed)?;
        tune(&stream).map_err(failed)?;
        limit_unacknowledged(&stream).map_err(failed)?;
        Ok(Self { socket: Socket::new(stream), peer, tls, connecting: true })
    }

    /// Takes over a connection that was accepted.
    ///
    /// # Errors
    /// [`NetError::Tls`], [`NetError::Io`].
    pub fn accept(
        stream: TcpStream,
        peer: SocketAddr,
        security: &Security,
    ) -> Result<Self, NetError> {
        let tls = Tls::new(security)?;
        tune(&stream).map_err(|error| NetError::of_socket(&error))?;
        Ok(Self { socket: Socket::new(stream), peer, tls, connecting: false })
    }

    /// Goes on with connecting and with the TLS handshake, as far as it goes without waiting.
    ///
    /// # Errors
    /// [`NetError::Connect`], [`NetError::Tls`], [`NetError::Eof`], [`NetError::Reset`].
    pub fn advance(&mut self) -> Result<Step, NetError> {
        if self.connecting {
            self.connecting = !self.connected()?;
            if self.connecting {
                return Ok(Step::Pending);
            }
        }
        match &mut self.tls {
            None => Ok(Step::Done),
            Some(tls) => tls.advance(&mut self.socket).map_err(|error| NetError::of_socket(&error)),
        }
    }

    /// Whether the peer took the connection, secured or not yet.
    pub const fn is_connected(&self) -> bool {
        !self.connecting
    }

    fn connected(&self) -> Result<bool, NetError> {
        let failed = |error: io::Error| NetError::Connect { peer: self.peer, kind: error.kind() };
        if let Some(error) = self.socket.stream().take_error().map_err(failed)? {
            return Err(failed(error));
        }
        match self.socket.stream().peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    /// Whom we talk to.
    pub const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Registers for reading and writing, edge triggered, once and for all states.
    ///
    /// # Errors
    /// What the system says.
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(self.socket.stream_mut(), token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Watches a registered socket for reading again, or for nothing but room to write. What is there
    /// already is told once more.
    ///
    /// # Errors
    /// What the system says.
    pub fn watch(&mut self, registry: &Registry, token: Token, what: Watch) -> io::Result<()> {
        let interest = match what {
            Watch::All => Interest::READABLE | Interest::WRITABLE,
            Watch::Writing => Interest::WRITABLE,
        };
        registry.reregister(self.socket.stream_mut(), token, interest)
    }

    /// Undoes [`Transport::register`], before a move to another thread's poller.
    ///
    /// # Errors
    /// What the system says.
    pub fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        registry.deregister(self.socket.stream_mut())
    }

    /// Asks the kernel to tell when it received what is read. Only Linux does; elsewhere, and
    /// where it refuses, no stamps will be there.
    pub fn ask_for_kernel_stamps(&mut self) {
        self.socket.ask_for_stamps();
    }

    /// When the kernel received the newest bytes of the last read, by the system's clock; once.
    /// Most reads have none: one in [`READS_PER_KERNEL_STAMP`] is asked.
    ///
    /// [`READS_PER_KERNEL_STAMP`]: crate::limits::READS_PER_KERNEL_STAMP
    #[inline]
    pub fn take_kernel_stamp(&mut self) -> Option<UnixNanos> {
        self.socket.take_stamp()
    }

    /// Bytes that came and make no whole record of TLS yet, so that nothing was there to read; once.
    pub fn take_partial(&mut self) -> usize {
        self.tls.as_mut().map_or(0, |tls| std::mem::take(&mut tls.partial))
    }

    /// Whether ciphertext waits for the kernel: [`Write::flush`] when the socket is writable.
    pub fn wants_write(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.connection.wants_write())
    }

    /// Ends our side: what was written still goes out, then the peer reads the end.
    pub fn shutdown(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.connection.send_close_notify();
            // Whoever closes has no use for the outcome.
            let _ = tls.push(&mut self.socket);
        }
        let _ = self.socket.stream().shutdown(Shutdown::Write);
    }
}

impl Read for Transport {
    #[inline]
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => self.socket.read(into),
            Some(tls) => tls.read(&mut self.socket, into),
        }
    }
}

impl Write for Transport {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => self.socket.write(bytes),
            Some(tls) => tls.write(&mut self.socket, &[IoSlice::new(bytes)]),
        }
    }

    #[inline]
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match &mut self.tls {
            None => self.socket.write_vectored(slices),
            Some(tls) => tls.write(&mut self.socket, slices),
        }
    }

    /// Under TLS, writes the ciphertext that waits; `WouldBlock` when some is left.
    #[inline]
    fn flush(&mut self) -> io::Result<()> {
        match &mut self.tls {
            None => Ok(()),
            Some(tls) => tls.push(&mut self.socket),
        }
    }
}

fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(KEEPALIVE_EVERY);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

/// Ends a connection whose other side is gone without a word soon after we said something.
#[cfg(target_os = "linux")]
fn limit_unacknowledged(stream: &TcpStream) -> io::Result<()> {
    SockRef::from(stream).set_tcp_user_timeout(Some(UPSTREAM_UNACKNOWLEDGED_MAX))
}

/// Other systems have no such bound for one socket; theirs are minutes.
#[cfg(not(target_os = "linux"))]
fn limit_unacknowledged(_: &TcpStream) -> io::Result<()> {
    Ok(())
}

/// rustls and the ciphertext that it has not seen yet.
#[derive(Debug)]
struct Tls {
    connection: Connection,
    /// `records[start..end]` was read ahead. rustls alone would make one system call for each
    /// 4 KiB.
    records: Vec<u8>,
    start: usize,
    end: usize,
    /// Something came, and nothing whole.
    partial: usize,
}

impl Tls {
    fn new(security: &Security) -> Result<Option<Box<Self>>, NetError> {
        let failed = |error| NetError::Tls(Box::new(error));
        let (mut connection, size) = match security {
            Security::Plain => return Ok(None),
            Security::Client { config, name } => {
                let client = ClientConnection::new(Arc::clone(config), name.clone());
                (Connection::Client(client.map_err(failed)?), CLIENT_RECORDS_BYTES)
            }
            Security::Server { config } => {
                let server = ServerConnection::new(Arc::clone(config));
                (Connection::Server(server.map_err(failed)?), SERVER_RECORDS_BYTES)
            }
        };
        connection.set_buffer_limit(Some(TLS_SEND_BYTES_MAX));
        let records = vec![0; size];
        Ok(Some(Box::new(Self { connection, records, start: 0, end: 0, partial: 0 })))
    }

    fn advance(&mut self, socket: &mut Socket) -> io::Result<Step> {
        loop {
            match self.push(socket) {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                _ => {}
            }
            if !self.connection.is_handshaking() {
                return Ok(Step::Done);
            }
            match self.pull(socket) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Step::Pending);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Fills `into` from one read of the socket at most, unless that held no whole record.
    fn read(&mut self, socket: &mut Socket, into: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < into.len() {
            match self.connection.reader().read(&mut into[filled..]) {
                Ok(0) => break,
                Ok(count) => {
                    filled += count;
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // What came before the end is given first; the end comes with the next read.
                Err(_) if filled > 0 => break,
                Err(error) => return Err(error),
            }
            if filled > 0 && self.start == self.end {
                break;
            }
            match self.pull(socket) {
                Ok(taken) => self.partial += taken,
                Err(_) if filled > 0 => break,
                Err(error) => return Err(error),
            }
        }
        if self.connection.wants_write() {
            // Answers of TLS itself (new keys); what the kernel refuses goes with the next flush.
            let _ = self.push(socket);
        }
        self.partial = 0;
        Ok(filled)
    }

    /// Gives rustls more ciphertext, from memory where there is some, else from the socket. 0 at
    /// the end of the stream.
    fn pull(&mut self, socket: &mut Socket) -> io::Result<usize> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            self.end = socket.read(&mut self.records)?;
        }
        let mut unread = &self.records[self.start..self.end];
        let taken = self.connection.read_tls(&mut unread)?;
        self.start += taken;
        if let Err(error) = self.connection.process_new_packets() {
            // Tells the peer why, if the kernel takes it.
            let _ = self.push(socket);
            return Err(io::Error::new(io::ErrorKind::InvalidData, error));
        }
        Ok(taken)
    }

    /// Writes ciphertext until none waits, or the kernel takes no more.
    fn push(&mut self, socket: &mut Socket) -> io::Result<()> {
        while self.connection.wants_write() {
            match self.connection.write_tls(socket) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes plaintext only when no ciphertext waits, so that a slow peer is noticed here as it is
    /// without TLS.
    fn write(&mut self, socket: &mut Socket, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.push(socket)?;
        let taken = self.connection.writer().write_vectored(slices)?;
        match self.push(socket) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(taken),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::{Duration, Instant};

    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use rustls::RootCertStore;
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

    use super::*;

    /// A connection and the other end of it, which takes no part yet.
    fn pair(security: &Security) -> (Transport, std::net::TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let transport = Transport::connect(listener.local_addr().unwrap(), security).unwrap();
        (transport, listener.accept().unwrap().0)
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_an_exchange_never_acknowledges_ends_its_connection_and_nobody_elses() {
        let (transport, peer) = pair(&Security::Plain);
        let bound = |stream: &TcpStream| SockRef::from(stream).tcp_user_timeout().unwrap();
        let own = bound(transport.socket.stream());
        assert_eq!(own, Some(UPSTREAM_UNACKNOWLEDGED_MAX));
        let from = peer.peer_addr().unwrap();
        let accepted = Transport::accept(TcpStream::from_std(peer), from, &Security::Plain);
        assert_eq!(bound(accepted.unwrap().socket.stream()), None);
    }

    /// A TLS connection whose handshake is done, and the other end of it.
    fn secure_pair() -> (Transport, std::net::TcpStream, ServerConnection) {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let provider = || Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).unwrap();
        let client = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let mut server = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        // Nothing but what the test writes.
        server.send_tls13_tickets = 0;
        let mut server = ServerConnection::new(Arc::new(server)).unwrap();
        let (mut transport, mut peer) =
            pair(&Security::client(Arc::new(client), "localhost").unwrap());
        peer.set_nonblocking(true).unwrap();
        let end = Instant::now() + Duration::from_secs(20);
        while transport.advance().unwrap() == Step::Pending || server.is_handshaking() {
            assert!(Instant::now() < end, "no handshake");
            if server.read_tls(&mut peer).is_ok() {
                server.process_new_packets().unwrap();
            }
            while server.wants_write() && server.write_tls(&mut peer).is_ok() {}
        }
        (transport, peer, server)
    }

    #[test]
    fn half_a_record_is_nothing_to_read_and_a_sign_of_life() {
        let (mut transport, mut peer, mut server) = secure_pair();
        let mut into = [0; 64];
        let end = Instant::now() + Duration::from_secs(20);
        let mut read = |transport: &mut Transport, enough: &dyn Fn(&mut Transport) -> bool| {
            loop {
                assert!(Instant::now() < end, "nothing came");
                match transport.read(&mut into) {
                    Ok(count) => return into[..count].to_vec(),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => panic!("{error}"),
                }
                if enough(transport) {
                    return Vec::new();
                }
            }
        };
        server.writer().write_all(b"a frame").unwrap();
        let mut record = Vec::new();
        server.write_tls(&mut record).unwrap();
        peer.write_all(&record[..3]).unwrap();
        assert!(read(&mut transport, &|transport| transport.take_partial() > 0).is_empty());
        assert_eq!(transport.take_partial(), 0, "told once");
        peer.write_all(&record[3..]).unwrap();
        assert_eq!(read(&mut transport, &|_| false), b"a frame");
        assert_eq!(transport.take_partial(), 0, "what is read says it all");
    }
}
