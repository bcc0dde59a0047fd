//! What every dialect can do.

use super::answer::{Answer, Re, SubscriptionLine};
use super::door::Door;
use super::label::Label;
use super::name::Name;
use super::request::{Asked, Incoming};
use crate::cache::Event;
use crate::clock::UnixNanos;
use crate::instrument::{Channel, Instrument};

/// What is said of an event beside the event itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Telling {
    /// Our date, of the telling.
    pub date: UnixNanos,
    /// It tells the state that a client found; otherwise it happened.
    pub is_snapshot: bool,
    /// How many earlier events it stands for, besides those that its view knows of.
    pub conflated: u64,
}

impl Telling {
    /// Of an event that just happened and stands for itself.
    #[inline]
    pub const fn live(date: UnixNanos) -> Self {
        Self { date, is_snapshot: false, conflated: 0 }
    }
}

/// A dialect's words. It keeps nothing: what a session has chosen stands in its requests' wishes
/// and in the labels that they led to.
pub trait Speech: Sync {
    /// Whether clients that come in there speak it.
    fn is_spoken_at(&self, door: &Door<'_>) -> bool;

    /// Reads a message; `None` when it is in another dialect.
    fn read(&self, message: &Incoming<'_>) -> Option<Asked>;

    /// What events of an instrument call it, to a client that asked for `name`.
    fn label(&self, instrument: &Instrument, name: &Name) -> Label;

    /// Whether events repeat a name as the client wrote it, so that two spellings are two things.
    fn repeats_names(&self) -> bool {
        false
    }

    /// Whether who follows a channel of an instrument is told the states of its exchange's feed.
    fn tells_feed(&self, channel: Channel) -> bool {
        channel == Channel::Status
    }

    /// Appends one event as one message. The state of a feed has no label. False when the dialect
    /// has no words for it; then nothing is appended.
    fn tell(
        &self,
        out: &mut Vec<u8>,
        label: Option<&Label>,
        event: &Event<'_>,
        telling: Telling,
    ) -> bool;

    /// Appends one event of a history, behind those before it; nothing when there are no words for
    /// it.
    fn push_past(&self, items: &mut Vec<u8>, event: &Event<'_>);

    /// Appends one line of a list of subscriptions, behind those before it.
    fn push_subscription(&self, items: &mut Vec<u8>, line: &SubscriptionLine<'_>);

    /// Appends an answer as one message. False when the dialect says nothing there; then nothing is
    /// appended.
    fn answer(&self, out: &mut Vec<u8>, answer: &Answer<'_>, re: Re<'_>) -> bool;
}
