//! Waiting for sockets: asleep in the kernel, asking it over and over, or hardly asking at all.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use mio::event::Event;
use mio::{Events, Poll, Registry, Token, Waker};

use super::Waiting;

/// Turns of a spinning thread between two looks at the kernel's list of ready sockets. A look
/// costs 150 ns, so 1/64 of it is lost in each turn; connections in the making, writability and
/// wakers are then seen some microseconds late.
const SPINS_PER_LOOK: u32 = 64;

/// Events taken from the kernel at once; more of them come with the next look.
const EVENTS_PER_LOOK: usize = 256;

/// A thread's sockets and the means to wake it.
#[derive(Debug)]
pub struct Poller {
    poll: Poll,
    events: Events,
    waker: Arc<Waker>,
    spins: u32,
}

impl Poller {
    /// The token of the waker's own events.
    pub const WAKER: Token = Token(usize::MAX);

    /// A poller without sockets.
    ///
    /// # Errors
    /// What the system says, usually that no file descriptors are left.
    pub fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), Self::WAKER)?);
        Ok(Self { poll, events: Events::with_capacity(EVENTS_PER_LOOK), waker, spins: 0 })
    }

    /// Wakes the thread that waits here; any thread may call it.
    pub fn waker(&self) -> Arc<Waker> {
        Arc::clone(&self.waker)
    }

    /// Where sockets are registered.
    pub fn registry(&self) -> &Registry {
        self.poll.registry()
    }

    /// Waits for at most `timeout` (`None`: for ever) when blocking, looks without waiting
    /// otherwise; then [`Poller::events`] holds what is ready. In [`Waiting::Spin`] most calls do
    /// not even look and leave no events: the caller tries its open sockets in every turn.
    ///
    /// # Errors
    /// What the system says; an interruption by a signal is no error.
    pub fn wait(&mut self, waiting: Waiting, timeout: Option<Duration>) -> io::Result<()> {
        let timeout = match waiting {
            Waiting::Block => timeout,
            Waiting::EpollSpin => Some(Duration::ZERO),
            Waiting::Spin => {
                self.spins = self.spins.wrapping_add(1);
                if !self.spins.is_multiple_of(SPINS_PER_LOOK) {
                    self.events.clear();
                    return Ok(());
                }
                Some(Duration::ZERO)
            }
        };
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.events.clear();
                Ok(())
            }
            other => other,
        }
    }

    /// Waits asleep for at most `timeout`, which may end within a millisecond: `epoll_wait` counts in
    /// whole ones and rounds up.
    ///
    /// # Errors
    /// As of [`Poller::wait`].
    pub fn wait_exactly(&mut self, timeout: Duration) -> io::Result<()> {
        self.wait_readable(timeout)?;
        self.wait(Waiting::Block, Some(Duration::ZERO))
    }

    /// Waits until the poll itself is readable.
    #[cfg(target_os = "linux")]
    fn wait_readable(&self, timeout: Duration) -> io::Result<()> {
        use std::os::fd::AsFd;

        use nix::errno::Errno;
        use nix::poll::{PollFd, PollFlags, ppoll};

        let mut polled = [PollFd::new(self.poll.registry().as_fd(), PollFlags::POLLIN)];
        match ppoll(&mut polled, Some(timeout.into()), None) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Elsewhere the thread goes on turning rather than sleep too long.
    #[cfg(not(target_os = "linux"))]
    fn wait_readable(&self, _timeout: Duration) -> io::Result<()> {
        Ok(())
    }

    /// What the last [`Poller::wait`] found, the waker's own events left out.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(|event| event.token() != Self::WAKER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waker_ends_a_wait_that_has_no_end() {
        let mut poller = Poller::new().unwrap();
        let waker = poller.waker();
        let thread = std::thread::spawn(move || waker.wake().unwrap());
        poller.wait(Waiting::Block, None).unwrap();
        assert_eq!(poller.events().count(), 0);
        thread.join().unwrap();
    }

    #[test]
    fn an_exact_wait_ends_by_its_time_and_by_what_is_ready() {
        let mut poller = Poller::new().unwrap();
        poller.wait_exactly(Duration::from_micros(50)).unwrap();
        assert_eq!(poller.events().count(), 0);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = mio::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        poller.registry().register(&mut stream, Token(7), mio::Interest::WRITABLE).unwrap();
        poller.wait_exactly(Duration::from_secs(600)).unwrap();
        assert_eq!(poller.events().map(Event::token).collect::<Vec<_>>(), [Token(7)]);
    }

    #[test]
    fn a_spinner_sees_a_ready_socket_within_its_number_of_turns() {
        let mut poller = Poller::new().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = mio::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        poller.registry().register(&mut stream, Token(7), mio::Interest::WRITABLE).unwrap();
        let mut peer = mio::net::TcpStream::from_std(listener.accept().unwrap().0);
        poller.registry().register(&mut peer, Token(8), mio::Interest::WRITABLE).unwrap();
        let mut seen = Vec::new();
        for _ in 0..2 * SPINS_PER_LOOK {
            poller.wait(Waiting::Spin, None).unwrap();
            seen.extend(poller.events().map(Event::token));
        }
        seen.sort();
        assert_eq!(seen, [Token(7), Token(8)]);
    }
}
