//! Connections to the admin port: few at a time, and none that goes on without being answered.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep};

use crate::limits::{
    ADMIN_CONNECTIONS_MAX, ADMIN_READ_EVERY, ADMIN_READS_MAX, ADMIN_WAIT_MAX,
    DESCRIPTORS_TOLD_EVERY, DESCRIPTORS_WAIT,
};
use crate::metrics::AdminCounters;

/// A listener that ends the oldest connection of the busiest address when there are too many.
pub(super) struct GuardedListener {
    listener: TcpListener,
    /// The oldest first.
    places: Vec<Place>,
    counters: Arc<AdminCounters>,
    told_again_at: Instant,
}

struct Place {
    ip: IpAddr,
    /// Closed once the connection is gone.
    end: oneshot::Sender<()>,
}

impl GuardedListener {
    pub(super) fn new(listener: TcpListener, counters: Arc<AdminCounters>) -> Self {
        Self { listener, places: Vec::new(), counters, told_again_at: Instant::now() }
    }

    /// A place for a connection from there.
    fn place(&mut self, ip: IpAddr) -> oneshot::Receiver<()> {
        self.places.retain(|place| !place.end.is_closed());
        if self.places.len() >= ADMIN_CONNECTIONS_MAX {
            let count = |ip| self.places.iter().filter(|place| place.ip == ip).count();
            let busiest = self.places.iter().map(|place| place.ip).max_by_key(|&ip| count(ip));
            if let Some(oldest) = self.places.iter().position(|place| Some(place.ip) == busiest) {
                self.counters.displaced.increment();
                // It fails when the connection has ended this moment.
                let _ = self.places.remove(oldest).end.send(());
            }
        }
        let (end, ended) = oneshot::channel();
        self.places.push(Place { ip, end });
        ended
    }
}

impl Listener for GuardedListener {
    type Io = Guarded;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Guarded, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    let ended = self.place(peer.ip());
                    return (Guarded::new(stream, ended, Arc::clone(&self.counters)), peer);
                }
                Err(error) => {
                    if Instant::now() >= self.told_again_at {
                        self.told_again_at = Instant::now() + DESCRIPTORS_TOLD_EVERY;
                        tracing::warn!(%error, "the admin port cannot accept a connection");
                    }
                    tokio::time::sleep(DESCRIPTORS_WAIT).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that ends when it is told to, or when nothing was written to it for too long: a
/// request that never becomes whole, or an answer that nobody reads.
pub(super) struct Guarded {
    stream: TcpStream,
    ended: oneshot::Receiver<()>,
    wait: Pin<Box<Sleep>>,
    /// How often it may still be read at once before something is written to it.
    reads_left: u32,
    /// With none left: when it is read again.
    rest: Pin<Box<Sleep>>,
    is_over: bool,
    counters: Arc<AdminCounters>,
}

impl Guarded {
    fn new(stream: TcpStream, ended: oneshot::Receiver<()>, counters: Arc<AdminCounters>) -> Self {
        let wait = Box::pin(tokio::time::sleep(ADMIN_WAIT_MAX));
        let (reads_left, rest) =
            (ADMIN_READS_MAX, Box::pin(tokio::time::sleep_until(Instant::now())));
        Self { stream, ended, wait, reads_left, rest, is_over: false, counters }
    }

    /// An error once the connection is to end; until then the task is woken for it.
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if !self.is_over && Pin::new(&mut self.ended).poll(context).is_ready() {
            self.is_over = true;
        }
        if !self.is_over && self.wait.as_mut().poll(context).is_ready() {
            self.counters.timeouts.increment();
            self.is_over = true;
        }
        if self.is_over { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
    }

    /// Notes a read: who brings its request in crumbs has the next one later.
    fn has_read(&mut self) {
        if self.reads_left == 1 {
            self.counters.reads_put_off.increment();
        }
        self.reads_left = self.reads_left.saturating_sub(1);
        if self.reads_left == 0 {
            self.rest.as_mut().reset(Instant::now() + ADMIN_READ_EVERY);
        }
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        if self.reads_left == 0 && self.rest.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        let read = Pin::new(&mut self.stream).poll_read(context, into);
        if read.is_ready() {
            self.has_read();
        }
        read
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if matches!(written, Poll::Ready(Ok(_))) {
            self.wait.as_mut().reset(Instant::now() + ADMIN_WAIT_MAX);
            self.reads_left = ADMIN_READS_MAX;
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::Write;

    use super::*;

    /// The admin port, a connection of it, and its client.
    async fn connection() -> (GuardedListener, Guarded, std::net::TcpStream) {
        let counters = Arc::new(AdminCounters::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.set_nodelay(true).unwrap();
        let mut listener = GuardedListener::new(listener, counters);
        let guarded = listener.accept().await.0;
        (listener, guarded, client)
    }

    /// Reads what is there, if it may be read now.
    async fn read(guarded: &mut Guarded) -> usize {
        let (mut bytes, mut count) = ([0; 2_048], 0);
        poll_fn(|context| {
            let mut into = ReadBuf::new(&mut bytes);
            if let Poll::Ready(read) = Pin::new(&mut *guarded).poll_read(context, &mut into) {
                read.unwrap();
                count = into.filled().len();
            }
            Poll::Ready(())
        })
        .await;
        count
    }

    #[test]
    fn a_request_in_crumbs_is_read_rarely_until_it_is_answered() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // The runtime would have a task pause that is never without something to do.
        runtime.block_on(tokio::task::unconstrained(async {
            let (listener, mut guarded, mut client) = connection().await;
            // Far from now, whatever the machine does meanwhile.
            let later = Instant::now() + std::time::Duration::from_secs(3_600);
            guarded.wait.as_mut().reset(later);
            let (mut reads, mut bytes) = (0, 0);
            for _ in 0..300 {
                client.write_all(b"x").unwrap();
                guarded.stream.readable().await.unwrap();
                if guarded.reads_left == 0 {
                    guarded.rest.as_mut().reset(later);
                }
                let count = read(&mut guarded).await;
                (reads, bytes) = (reads + u32::from(count > 0), bytes + count);
            }
            assert_eq!((reads, bytes), (ADMIN_READS_MAX, ADMIN_READS_MAX as usize));
            assert_eq!(listener.counters.reads_put_off.value(), 1);
            // What came meanwhile is read once its time has come, and each read puts off the next.
            while bytes < 300 {
                guarded.rest.as_mut().reset(Instant::now());
                poll_fn(|context| guarded.rest.as_mut().poll(context)).await;
                guarded.stream.readable().await.unwrap();
                let before = Instant::now();
                bytes += read(&mut guarded).await;
                assert!(guarded.rest.deadline() >= before + ADMIN_READ_EVERY);
            }
            client.write_all(b"x").unwrap();
            // An answer begins a request anew.
            let written = poll_fn(|context| Pin::new(&mut guarded).poll_write(context, b"y")).await;
            assert_eq!(written.unwrap(), 1);
            guarded.stream.readable().await.unwrap();
            assert_eq!(read(&mut guarded).await, 1);
        }));
    }
}
