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
    ADMIN_CONNECTIONS_MAX, ADMIN_WAIT_MAX, DESCRIPTORS_TOLD_EVERY, DESCRIPTORS_WAIT,
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
    is_over: bool,
    counters: Arc<AdminCounters>,
}

impl Guarded {
    fn new(stream: TcpStream, ended: oneshot::Receiver<()>, counters: Arc<AdminCounters>) -> Self {
        let wait = Box::pin(tokio::time::sleep(ADMIN_WAIT_MAX));
        Self { stream, ended, wait, is_over: false, counters }
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
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_read(context, into)
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
