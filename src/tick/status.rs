//! States of books and feeds, and why they changed.

/// What is known of a book.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BookState {
    /// Proven continuous since its snapshot.
    Live,
    /// Not proven: the last good book is kept while a snapshot is fetched and joined.
    Resyncing,
    /// Known to be wrong or old.
    Stale,
}

impl BookState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Live, Self::Resyncing, Self::Stale];

    /// As clients read it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Resyncing => "resyncing",
            Self::Stale => "stale",
        }
    }
}

/// State of one connection to an exchange.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FeedState {
    /// Not connected and not trying.
    Disconnected,
    /// First attempt under way.
    Connecting,
    /// The WebSocket is open, and subscriptions were sent or are served already.
    Connected,
    /// Lost; waiting for, or making, the next attempt.
    Reconnecting,
    /// Attempts are used up or refused for good; a slow probe goes on.
    Error,
    /// Stopped on request.
    Terminated,
}

impl FeedState {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Disconnected,
        Self::Connecting,
        Self::Connected,
        Self::Reconnecting,
        Self::Error,
        Self::Terminated,
    ];

    /// As clients read it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disconnected => "disconnected",
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Reconnecting => "reconnecting",
            Self::Error => "error",
            Self::Terminated => "terminated",
        }
    }
}

/// Declares [`Reason`] with the words that clients, logs and metrics share.
macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// Why a state changed, a gap opened or a connection ended.
        #[repr(u8)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason { $($(#[$doc])* $variant,)* }

        impl Reason {
            /// Every reason, in the order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// As clients, logs and metrics read it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

reasons! {
    /// Nothing happened; the ordinary course.
    None = "none",
    /// At start or on request.
    Requested = "requested",
    /// The configuration changed.
    Configuration = "configuration",
    /// The host name did not resolve.
    Dns = "dns",
    /// The TCP connection was refused.
    ConnectRefused = "connect refused",
    /// The connection, its TLS or its upgrade took longer than allowed.
    ConnectTimeout = "connect timeout",
    /// TLS failed (certificate, protocol).
    Tls = "tls",
    /// The WebSocket upgrade was answered with another status than 101.
    Handshake = "handshake refused",
    /// The peer reset the connection.
    Reset = "connection reset",
    /// The peer closed the connection without a close frame.
    Eof = "connection closed",
    /// The peer sent a close frame.
    Close = "close frame",
    /// The peer broke the WebSocket protocol.
    Protocol = "protocol error",
    /// A frame was larger than the exchange's bound.
    FrameTooLarge = "frame too large",
    /// Nothing came, not even an answer when the exchange was asked for one.
    Silence = "silence",
    /// A subscription was acknowledged and stayed mute.
    Mute = "mute subscription",
    /// The exchange announced that it shuts the connection down.
    Shutdown = "shutdown notice",
    /// Planned replacement before the exchange's limit of a connection's age.
    Rollover = "rollover",
    /// The exchange sent an error frame.
    ExchangeError = "exchange error",
    /// The exchange asks us to slow down (HTTP 429, 418, or in answer to a subscription).
    RateLimited = "rate limited",
    /// The exchange's numbering has a hole.
    SequenceGap = "sequence gap",
    /// The book's checksum does not match.
    Checksum = "checksum",
    /// Best bid at or above best ask.
    Crossed = "crossed",
    /// No snapshot yet.
    AwaitingSnapshot = "awaiting snapshot",
    /// A snapshot was joined with the deltas.
    SnapshotJoined = "snapshot joined",
    /// The book is larger than its bound.
    BookTooLarge = "book too large",
    /// More deltas arrived before the snapshot than are held.
    HeldOverflow = "held deltas overflow",
    /// The connection that fed it was lost.
    Disconnected = "disconnected",
    /// The ring was full, of a broadcaster beyond the bound, so the feed skipped.
    Stall = "stall",
    /// The events were overwritten before they were asked for.
    Lapped = "lapped",
    /// Nothing new within the book's bound of age.
    Aged = "aged",
    /// The exchange answered after all: what was doubted is as it was.
    Answered = "answered",
    /// A level was refused (more than 18 digits), so the book is not whole.
    Refused = "refused value",
    /// The exchange does not list the symbol. Spelled as the code of the error.
    UnknownSymbol = "unknown_symbol",
    /// The exchange cannot serve a stream for now: its market is closed, or it is at fault.
    Unavailable = "unavailable",
    /// The exchange lists the symbol, and does not trade it now.
    NotTrading = "not trading",
    /// It was not asked for yet: what the exchange allows to be said in a while is said.
    AwaitingTurn = "awaiting turn",
    /// The exchange says that it is being maintained: nothing trades.
    Maintenance = "maintenance",
    /// The exchange says that orders can only be cancelled.
    CancelOnly = "cancel only",
    /// The exchange says that orders may rest and match nothing.
    PostOnly = "post only",
    /// The exchange says that it takes limit orders alone.
    LimitOnly = "limit only",
}

impl Reason {
    /// Whether it says that something is not carried any more: nobody looks at it from here on.
    pub const fn is_of_leaving(self) -> bool {
        matches!(self, Self::Configuration | Self::UnknownSymbol)
    }
}
