//! A TCP socket that can tell when the kernel received what it gives.

use std::io::{self, IoSlice, Read, Write};

use mio::net::TcpStream;

use crate::clock::UnixNanos;

#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    /// Where the kernel was asked for stamps.
    stamps: Option<Stamps>,
}

/// The stamps of one in so many reads.
///
/// Only reads that brought something are counted: a wake is mostly one such read and one that finds
/// nothing left, and counting both would ask for the stamps of none but the latter.
#[derive(Debug, Default)]
struct Stamps {
    reads: u32,
    last: Option<UnixNanos>,
}

impl Socket {
    pub(super) const fn new(stream: TcpStream) -> Self {
        Self { stream, stamps: None }
    }

    pub(super) const fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(super) const fn stream_mut(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    pub(super) fn ask_for_stamps(&mut self) {
        self.stamps = kernel::enable(&self.stream).then(Stamps::default);
    }

    #[inline]
    pub(super) fn take_stamp(&mut self) -> Option<UnixNanos> {
        self.stamps.as_mut()?.last.take()
    }
}

impl Read for Socket {
    #[inline]
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match &mut self.stamps {
            None => self.stream.read(into),
            Some(stamps) => stamps.read(&mut self.stream, into),
        }
    }
}

impl Stamps {
    fn read(&mut self, stream: &mut TcpStream, into: &mut [u8]) -> io::Result<usize> {
        self.last = None;
        if self.reads < crate::limits::READS_PER_KERNEL_STAMP {
            let count = stream.read(into)?;
            self.reads += 1;
            return Ok(count);
        }
        let (count, stamp) = kernel::read_stamped(stream, into)?;
        (self.reads, self.last) = (1, stamp);
        Ok(count)
    }
}

impl Write for Socket {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    #[inline]
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.stream.write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[cfg(target_os = "linux")]
mod kernel {
    use std::io::{self, IoSliceMut};
    use std::os::fd::AsRawFd;

    use mio::net::TcpStream;
    use nix::sys::socket::{
        ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt::ReceiveTimestampns,
    };

    use crate::clock::UnixNanos;

    /// More than the one control message that was asked for takes: its head of 16 bytes and its
    /// time of 16.
    const CONTROL_BYTES: usize = 64;

    /// Aligned as the heads of control messages are.
    #[repr(align(16))]
    struct ControlBuffer([u8; CONTROL_BYTES]);

    pub(super) fn enable(stream: &TcpStream) -> bool {
        setsockopt(stream, ReceiveTimestampns, &true).is_ok()
    }

    pub(super) fn read_stamped(
        stream: &TcpStream,
        into: &mut [u8],
    ) -> io::Result<(usize, Option<UnixNanos>)> {
        let mut control = ControlBuffer([0; CONTROL_BYTES]);
        let mut slices = [IoSliceMut::new(into)];
        let descriptor = stream.as_raw_fd();
        let flags = MsgFlags::empty();
        let received = recvmsg::<()>(descriptor, &mut slices, Some(&mut control.0), flags)?;
        let stamp = received.cmsgs()?.find_map(|message| match message {
            ControlMessageOwned::ScmTimestampns(time) => {
                let nanos = time.tv_sec().checked_mul(1_000_000_000)?;
                Some(UnixNanos(nanos.checked_add(time.tv_nsec())?))
            }
            _ => None,
        });
        Ok((received.bytes, stamp))
    }
}

#[cfg(not(target_os = "linux"))]
mod kernel {
    use std::io::{self, Read};

    use mio::net::TcpStream;

    use crate::clock::UnixNanos;

    pub(super) fn enable(_: &TcpStream) -> bool {
        false
    }

    pub(super) fn read_stamped(
        stream: &mut TcpStream,
        into: &mut [u8],
    ) -> io::Result<(usize, Option<UnixNanos>)> {
        Ok((stream.read(into)?, None))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::limits::READS_PER_KERNEL_STAMP;
    use crate::net::{Poller, Waiting};

    #[test]
    fn one_in_so_many_reads_tells_when_the_kernel_received() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let mut socket = Socket::new(TcpStream::from_std(stream));
        socket.ask_for_stamps();
        let mut poller = Poller::new().unwrap();
        let interest = mio::Interest::READABLE;
        poller.registry().register(socket.stream_mut(), mio::Token(0), interest).unwrap();
        let before = UnixNanos::system();
        let (mut reads, mut stamps) = (0, Vec::new());
        // The kernel begins to stamp some time after it was asked for the first time.
        let deadline = Instant::now() + Duration::from_secs(20);
        while stamps.len() < 3 {
            assert!(Instant::now() < deadline, "{reads} reads brought {stamps:?}");
            peer.write_all(b"frame").unwrap();
            let mut into = [0; 16];
            let count = loop {
                match socket.read(&mut into) {
                    Ok(count) => break count,
                    Err(_) => poller.wait(Waiting::Block, None).unwrap(),
                }
            };
            assert_eq!(&into[..count], b"frame");
            reads += 1;
            stamps.extend(socket.take_stamp());
            assert_eq!(socket.take_stamp(), None, "a stamp is told once");
        }
        let after = UnixNanos::system();
        assert!(reads > 3 * READS_PER_KERNEL_STAMP, "{reads} reads were enough");
        assert!(stamps.is_sorted() && before <= stamps[0] && stamps[2] <= after, "{stamps:?}");
    }
}
