//! Where a client comes in, and which dialects are understood there.

use arrayvec::ArrayVec;

use super::Dialect;
use super::fields::BadRequest;
use super::request::{Asked, Incoming};

/// How a client came in.
#[derive(Clone, Copy, Debug)]
pub struct Door<'a> {
    /// The path of its upgrade, without the query.
    pub path: &'a str,
}

/// The dialects that are understood from one client, in the order in which they are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialects(ArrayVec<Dialect, { Dialect::ALL.len() }>);

impl Dialects {
    /// Those of a door; `None` where it leads nowhere.
    pub fn at(door: &Door<'_>) -> Option<Self> {
        let spoken = |dialect: &Dialect| dialect.speech().is_spoken_at(door);
        let dialects: ArrayVec<_, _> = Dialect::ALL.into_iter().filter(spoken).collect();
        (!dialects.is_empty()).then_some(Self(dialects))
    }

    /// The one in which a client is told what belongs to no request of it.
    pub fn last(&self) -> Dialect {
        // There is one at least.
        self.0.last().copied().unwrap_or(Dialect::Actions)
    }

    /// Reads a message in the dialect that it is in.
    pub fn read(&self, message: &Incoming<'_>) -> (Dialect, Asked) {
        let read = |dialect: &Dialect| Some((*dialect, dialect.speech().read(message)?));
        self.0.iter().find_map(read).unwrap_or_else(|| {
            (self.last(), Asked { request_id: None, request: Err(BadRequest::NotUnderstood) })
        })
    }
}
