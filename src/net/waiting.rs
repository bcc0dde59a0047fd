//! How a thread of the data plane waits when a turn found nothing to do.

/// The way a thread waits. Measured on 2 cores: a spinning reader sees a loopback frame after 7 to
/// 10 µs and costs its core, a sleeping one after 30 to 60 µs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Waiting {
    /// Sleeps in the kernel until a socket or another thread wakes it.
    #[default]
    Block,
    /// Asks the kernel for readiness in every turn, and never sleeps.
    EpollSpin,
    /// Turns without asking anybody; sockets are looked at every few turns.
    Spin,
}

impl Waiting {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Block, Self::EpollSpin, Self::Spin];

    /// As the configuration writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::EpollSpin => "epoll-spin",
            Self::Spin => "spin",
        }
    }

    /// The way of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|waiting| waiting.name() == name)
    }

    /// Whether a thread that waits so takes a core for itself.
    pub const fn spins(self) -> bool {
        match self {
            Self::Block => false,
            Self::EpollSpin | Self::Spin => true,
        }
    }
}
