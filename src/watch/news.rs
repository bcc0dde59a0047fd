//! What happens to the connection, in words.

use std::fmt;
use std::time::Duration;

/// Something that a person who watches has to know.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum News<'a> {
    /// The connection is open, and what is wanted was asked for.
    Connected {
        /// The gateway.
        url: &'a str,
    },
    /// The connection could not be made, or was lost.
    Lost {
        /// The gateway.
        url: &'a str,
        /// Whether it was open.
        was_open: bool,
        /// Why.
        reason: &'a str,
        /// Before the next attempt.
        wait: Duration,
        /// The number of that.
        attempt: u32,
    },
    /// After a loss: whether all that was missed came.
    Resumed {
        /// Instruments of which something may be missing; empty is well.
        lost: &'a [String],
        /// The gateway was started anew, so that nobody knows how much.
        restarted: bool,
    },
}

impl fmt::Display for News<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected { url } => write!(f, "connected to {url}"),
            Self::Lost { url, was_open, reason, wait, attempt } => {
                match was_open {
                    true => write!(f, "connection to {url} lost: {reason}")?,
                    false => write!(f, "cannot connect to {url}: {reason}")?,
                }
                let seconds = wait.as_secs_f64();
                write!(f, "; trying again in {seconds:.1} s (attempt {attempt})")
            }
            Self::Resumed { lost: [], .. } => f.write_str("resumed, nothing was missed"),
            Self::Resumed { lost, restarted } => {
                f.write_str(match restarted {
                    true => "the gateway was started anew, so an unknown number of events",
                    false => "not all that was missed is remembered, so events",
                })?;
                write!(f, " of {} may be missing", lost.join(", "))
            }
        }
    }
}
