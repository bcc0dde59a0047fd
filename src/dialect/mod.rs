//! The languages of clients: bytes to a [`Request`] that is the same for all, and events and an
//! [`Answer`] back to bytes in each one's own words.
//!
//! ```text
//! bytes ▶ Incoming ▶ Speech::read ▶ Asked { Request }          one session, one or several dialects
//! bytes ◀ Speech::answer ◀ Answer                           a reply, in the request's dialect
//! bytes ◀ Speech::tell ◀ Event, Label, Telling              an event, once for all who share a form
//! ```
//!
//! A dialect is a folder (what clients say in `read.rs`, events in `tell.rs`, replies in
//! `answer.rs`) and a line in [`Dialect`]. Nothing outside its folder names it. A dialect knows
//! symbols and JSON; it knows no exchange's protocol, no socket and no session.

mod answer;
mod catalogue;
mod door;
mod fields;
#[doc(hidden)]
pub mod fuzzing;
mod json;
mod label;
mod name;
mod offer;
mod pen;
mod refusal;
mod request;
mod speech;
#[cfg(test)]
mod tests;
mod text;

pub mod actions;
pub mod commands;

pub use answer::{Answer, Changed, Past, Re, SubscriptionLine};
pub use catalogue::Catalogue;
pub use door::{Dialects, Door};
pub use fields::BadRequest;
pub use label::Label;
pub use name::{Name, Naming};
pub use offer::{Offer, Offers};
pub use refusal::{ErrorCode, Refusal};
pub use request::{
    Asked, Delivery, History, Incoming, MakeUp, Request, RequestId, ResumePoint, Subscribe,
    Unsubscribe, Wish,
};
pub use speech::{Speech, Telling};

/// Makes the enum of all dialects and the way from each to its words.
macro_rules! dialects {
    ($($(#[doc = $doc:literal])+ $name:ident => $speech:expr,)+) => {
        /// The language of a message. Where several are understood, a message is offered to them
        /// in this order, and the last takes what is in none.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Dialect {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Dialect {
            /// Every dialect.
            pub const ALL: [Self; [$(Self::$name),+].len()] = [$(Self::$name),+];

            /// Its words.
            #[inline]
            pub fn speech(self) -> &'static dyn Speech {
                match self {
                    $(Self::$name => &$speech,)+
                }
            }
        }
    };
}

dialects! {
    /// Dialect 2, commands: `{"type":"command",…}` in, `response`, `tick` and candle events out.
    Commands => commands::Commands,
    /// Dialect 1, native JSON: `{"action":…}` in, `{"type":…,"data":…}` out.
    Actions => actions::Actions,
}

/// In which words events are told: all who have the same form read the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Form {
    /// The language.
    pub dialect: Dialect,
    /// What the events call the instrument.
    pub label: Label,
}
