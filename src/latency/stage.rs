//! The one list of the stages of a tick's path, and of the spans that are measured between them.

/// A named point of a tick's path, stamped once, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The kernel received the frame's last bytes, where the system gives that time.
    Kernel,
    /// The read that completed the frame returned.
    Read,
    /// The frame is ticks.
    Parsed,
    /// The tick stands in the ring.
    Pushed,
    /// The broadcaster took it out.
    Popped,
    /// It is encoded for the first dialect that wants it.
    Encoded,
    /// The write that hands it to the kernel returned.
    Written,
}

/// What is measured: the way from one [`Stage`] to another, and what the machine and the exchange
/// add. The thread in which a span ends records it.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Span {
    /// Waiting in the socket until the feed came to read.
    KernelRead,
    /// Framing and parsing, and the frames before it in the same read.
    ReadParsed,
    /// Proof of the book and the push; while a ring is full, the wait for room.
    ParsedPushed,
    /// Waiting in the ring until the broadcaster came.
    PushedPopped,
    /// Cache and encoding.
    PoppedEncoded,
    /// Waiting for the turn's other events, and the write.
    EncodedWritten,
    /// Read to pushed: what the feed adds.
    SocketToRing,
    /// Pushed to written: what the hand-over and the broadcaster add.
    RingToClient,
    /// Read to written: what this process adds.
    SocketToClient,
    /// Planned sending by the simulated exchange to the client's read; load generators measure it.
    ExchangeToClient,
    /// The exchange's time to our read; two clocks, so only as good as their agreement.
    ExchangeAge,
    /// How much longer than it asked an idle thread of this host slept.
    HostStall,
}

impl Span {
    /// Every span, in the order of the path.
    pub const ALL: [Self; 12] = [
        Self::KernelRead,
        Self::ReadParsed,
        Self::ParsedPushed,
        Self::PushedPopped,
        Self::PoppedEncoded,
        Self::EncodedWritten,
        Self::SocketToRing,
        Self::RingToClient,
        Self::SocketToClient,
        Self::ExchangeToClient,
        Self::ExchangeAge,
        Self::HostStall,
    ];

    /// As budgets, reports and metrics spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::KernelRead => "kernel_read",
            Self::ReadParsed => "read_parsed",
            Self::ParsedPushed => "parsed_pushed",
            Self::PushedPopped => "pushed_popped",
            Self::PoppedEncoded => "popped_encoded",
            Self::EncodedWritten => "encoded_written",
            Self::SocketToRing => "socket_to_ring",
            Self::RingToClient => "ring_to_client",
            Self::SocketToClient => "socket_to_client",
            Self::ExchangeToClient => "exchange_to_client",
            Self::ExchangeAge => "exchange_age",
            Self::HostStall => "host_stall",
        }
    }

    /// The span of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|span| span.name() == name)
    }

    /// The stages it lies between; `None` for what begins or ends outside of this process's path.
    pub const fn ends(self) -> Option<(Stage, Stage)> {
        Some(match self {
            Self::KernelRead => (Stage::Kernel, Stage::Read),
            Self::ReadParsed => (Stage::Read, Stage::Parsed),
            Self::ParsedPushed => (Stage::Parsed, Stage::Pushed),
            Self::PushedPopped => (Stage::Pushed, Stage::Popped),
            Self::PoppedEncoded => (Stage::Popped, Stage::Encoded),
            Self::EncodedWritten => (Stage::Encoded, Stage::Written),
            Self::SocketToRing => (Stage::Read, Stage::Pushed),
            Self::RingToClient => (Stage::Pushed, Stage::Written),
            Self::SocketToClient => (Stage::Read, Stage::Written),
            Self::ExchangeToClient | Self::ExchangeAge | Self::HostStall => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_stand_at_the_index_of_their_value_and_know_their_name() {
        for (index, span) in Span::ALL.into_iter().enumerate() {
            assert_eq!(span as usize, index);
            assert_eq!(Span::from_name(span.name()), Some(span));
            if let Some((from, to)) = span.ends() {
                assert!(from < to, "{} runs backwards", span.name());
            }
        }
        assert_eq!(Span::from_name("nothing"), None);
    }
}
