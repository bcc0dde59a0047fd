//! The floor: a thread that hands bytes on between two sockets and does nothing else. No frame is
//! looked at, nothing is parsed, copied twice or encoded; whatever forwards at all takes this long.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use tickwire::net::Waiting;

const LISTENER: Token = Token(0);
const EXCHANGE: Token = Token(1);
const CLIENT: Token = Token(2);

/// The bytes of one read: as many as the feed of tickwire asks for.
const READ_BYTES: usize = 64 << 10;

/// A running forwarder for one client.
pub(crate) struct Forwarder {
    address: SocketAddr,
    stopping: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<()>>,
}

impl Forwarder {
    /// Hands on between the one client that will come and `exchange`.
    pub(crate) fn start(exchange: SocketAddr, waiting: Waiting) -> io::Result<Self> {
        let mut listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let address = listener.local_addr()?;
        let poll = Poll::new()?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopping);
        let thread = std::thread::Builder::new()
            .name("forward".to_owned())
            .spawn(move || forward(poll, &listener, exchange, waiting, &stop))?;
        Ok(Self { address, stopping, thread })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn stop(self) -> io::Result<()> {
        self.stopping.store(true, Ordering::Release);
        self.thread.join().map_err(|_| io::Error::other("the forwarding thread panicked"))?
    }
}

fn forward(
    mut poll: Poll,
    listener: &TcpListener,
    exchange: SocketAddr,
    waiting: Waiting,
    stop: &AtomicBool,
) -> io::Result<()> {
    let mut events = Events::with_capacity(16);
    let timeout = match waiting {
        Waiting::Block => Duration::from_millis(20),
        Waiting::EpollSpin | Waiting::Spin => Duration::ZERO,
    };
    let mut pair: Option<(TcpStream, TcpStream)> = None;
    let mut buffer = vec![0; READ_BYTES];
    let mut open = true;
    while open && !stop.load(Ordering::Acquire) {
        poll.poll(&mut events, Some(timeout))?;
        for event in &events {
            match (event.token(), &mut pair) {
                (LISTENER, None) => pair = Some(join(&poll, listener, exchange)?),
                (EXCHANGE, Some((upstream, client))) => {
                    open &= hand_on(upstream, client, &mut buffer)?;
                }
                (CLIENT, Some((upstream, client))) => {
                    open &= hand_on(client, upstream, &mut buffer)?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Accepts the client and connects to the exchange.
fn join(
    poll: &Poll,
    listener: &TcpListener,
    exchange: SocketAddr,
) -> io::Result<(TcpStream, TcpStream)> {
    let (mut client, _) = listener.accept()?;
    let upstream = std::net::TcpStream::connect(exchange)?;
    upstream.set_nonblocking(true)?;
    let mut upstream = TcpStream::from_std(upstream);
    upstream.set_nodelay(true)?;
    client.set_nodelay(true)?;
    poll.registry().register(&mut upstream, EXCHANGE, Interest::READABLE)?;
    poll.registry().register(&mut client, CLIENT, Interest::READABLE)?;
    Ok((upstream, client))
}

/// Hands on all that there is to read; false at the end of the stream.
fn hand_on(from: &mut TcpStream, to: &mut TcpStream, buffer: &mut [u8]) -> io::Result<bool> {
    loop {
        let count = match from.read(buffer) {
            Ok(0) => return Ok(false),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let mut rest = &buffer[..count];
        while !rest.is_empty() {
            match to.write(rest) {
                Ok(written) => rest = &rest[written..],
                // The client is behind: the floor has no queue, so it waits for room.
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::yield_now(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if count < buffer.len() {
            // As tickwire does: a short read means that the socket is empty.
            return Ok(true);
        }
    }
}
