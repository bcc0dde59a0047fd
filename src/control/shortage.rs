//! What is left to do when there are no file descriptors left: refuse whoever connects, by one that
//! was kept for this, and say so once a minute.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::SocketAddr;

use mio::net::TcpStream;

use crate::clock::MonoNanos;
use crate::limits::DESCRIPTORS_TOLD_EVERY;

const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    Content-Length: 0\r\nConnection: close\r\nRetry-After: 5\r\n\r\n";

/// `EMFILE` and `ENFILE`, the same numbers on Linux, macOS and the BSDs.
const SHORTAGES: [i32; 2] = [24, 23];

/// Whether no file descriptor was left, for the process or for the whole system.
pub(super) fn is_shortage(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| SHORTAGES.contains(&code))
}

/// The descriptor that is kept for refusing whoever connects when there is no other left.
#[derive(Debug)]
pub(super) struct Shortage {
    /// Open for nothing but to be closed.
    spare: Option<File>,
    told_again_at: MonoNanos,
}

impl Shortage {
    pub(super) fn new() -> Self {
        Self { spare: spare(), told_again_at: MonoNanos::ZERO }
    }

    /// Says that there is a shortage, once a minute.
    pub(super) fn tell(&mut self, error: &io::Error, now: MonoNanos) {
        if now >= self.told_again_at {
            self.told_again_at = now.after(DESCRIPTORS_TOLD_EVERY);
            tracing::warn!(%error, "no file descriptors are left; clients are refused with 503");
        }
    }

    /// Takes one connection by the spare descriptor and refuses it. False when nobody waits, or
    /// when there is no spare one either.
    pub(super) fn refuse(
        &mut self,
        accept: impl FnOnce() -> io::Result<(TcpStream, SocketAddr)>,
        is_plain: bool,
    ) -> bool {
        self.spare = self.spare.take().or_else(spare);
        if self.spare.take().is_none() {
            return false;
        }
        let accepted = accept();
        if let (Ok((stream, _)), true) = (&accepted, is_plain) {
            // Whatever is not there, or not taken, at once is not waited for.
            let _ = (&*stream).read(&mut [0; 4 << 10]);
            let _ = (&*stream).write(REFUSAL);
        }
        let is_refused = accepted.is_ok();
        drop(accepted);
        self.spare = spare();
        is_refused
    }
}

fn spare() -> Option<File> {
    File::open("/dev/null").ok()
}
