//! The dialects' words for this broadcaster's instruments, made once.

use std::sync::Arc;

use crate::cache::{Event, EventBody};
use crate::client::dialect::Naming;
use crate::client::dialect::actions::encode as actions;
use crate::client::dialect::commands::encode as commands;
use crate::client::{Dialect, Form, Topic, Wish};
use crate::clock::UnixNanos;
use crate::instrument::{ExchangeId, Instrument, InstrumentId, InstrumentTable};

/// What is said of an event beside the event itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extra {
    /// It tells the present state to a new subscription.
    pub(crate) is_snapshot: bool,
    /// Earlier events that it replaces.
    pub(crate) conflated: u64,
}

impl Extra {
    pub(crate) const fn conflated(conflated: u64) -> Self {
        Self { is_snapshot: false, conflated }
    }
}

/// The names of one instrument in dialect 1, and in dialect 2 where a client named many at once.
#[derive(Debug)]
struct Names {
    actions: actions::Labels,
    symbol: commands::AssetLabel,
    instrument: commands::AssetLabel,
}

impl Names {
    fn new(instrument: &Instrument) -> Self {
        let symbol = instrument.symbol.as_str();
        Self {
            actions: actions::Labels::new(instrument),
            symbol: commands::AssetLabel::new(symbol),
            instrument: commands::AssetLabel::new(&format!("{}:{symbol}", instrument.exchange)),
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Words {
    table: Arc<InstrumentTable>,
    names: Vec<Names>,
    epoch: u64,
    exchange_default: ExchangeId,
    /// Our date in this turn.
    pub(crate) date: UnixNanos,
}

impl Words {
    pub(crate) fn new(epoch: u64, exchange_default: ExchangeId) -> Self {
        let (table, names) = (Arc::default(), Vec::new());
        Self { table, names, epoch, exchange_default, date: UnixNanos(0) }
    }

    /// The instruments are these now; none of the earlier ones is missing or has another id.
    pub(crate) fn set_instruments(&mut self, table: Arc<InstrumentTable>) {
        let fresh = table.iter().skip(self.names.len());
        self.names.extend(fresh.map(|(_, instrument)| Names::new(instrument)));
        self.table = table;
    }

    pub(crate) fn table(&self) -> &Arc<InstrumentTable> {
        &self.table
    }

    pub(crate) const fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(crate) const fn exchange_default(&self) -> ExchangeId {
        self.exchange_default
    }

    /// An instrument's names in dialect 1.
    pub(crate) fn labels(&self, instrument: InstrumentId) -> Option<&actions::Labels> {
        Some(&self.names.get(instrument.index())?.actions)
    }

    /// What a wish asks of an instrument that it matches, and in which words it is told.
    pub(crate) fn topic(&self, wish: &Wish, instrument: InstrumentId) -> Topic {
        let form = match wish.dialect {
            Dialect::Actions => Form::Actions,
            Dialect::Commands => Form::Commands(self.asset(wish, instrument)),
        };
        Topic { instrument, subject: wish.subject(), form }
    }

    /// An instrument's name in dialect 2: as the client wrote it, where it named that alone.
    fn asset(&self, wish: &Wish, instrument: InstrumentId) -> commands::AssetLabel {
        match (wish.name.naming, self.names.get(instrument.index())) {
            (Naming::All, Some(names)) => names.symbol.clone(),
            (Naming::Exchange(_), Some(names)) => names.instrument.clone(),
            (Naming::Symbol(_) | Naming::Instrument(..), _) | (_, None) => {
                commands::AssetLabel::new(&wish.name.text)
            }
        }
    }

    /// Whether the form has words for an event of that kind.
    #[inline]
    pub(crate) const fn can_tell(form: &Form, event: &Event<'_>) -> bool {
        match form {
            Form::Actions => true,
            Form::Commands(_) => match event.body {
                EventBody::Trade(_)
                | EventBody::Candle(_)
                | EventBody::Gap(_)
                | EventBody::Listed(_)
                | EventBody::StreamState(..)
                | EventBody::FeedState(_) => true,
                EventBody::Ticker(ticker) => ticker.last.is_some(),
                EventBody::Quote(_) | EventBody::Book(_) | EventBody::BookState(_) => false,
            },
        }
    }

    /// Appends an event.
    #[inline]
    pub(crate) fn tell(&self, form: &Form, event: &Event<'_>, extra: Extra, out: &mut Vec<u8>) {
        match form {
            Form::Actions => {
                let origin = if extra.is_snapshot {
                    actions::Origin::Snapshot
                } else {
                    actions::Origin::Live
                };
                let envelope = actions::Envelope::Client {
                    date: self.date,
                    conflated: extra.conflated,
                    origin,
                };
                actions::event(out, self.labels(event.instrument), event, envelope);
            }
            Form::Commands(asset) => match event.body {
                EventBody::FeedState(status) => commands::feed_status(out, &status),
                EventBody::Listed(_) | EventBody::StreamState(..) => {
                    if let Some(known) = self.table.instrument(event.instrument) {
                        commands::status(out, asset, known.exchange, event);
                    }
                }
                _ => {
                    commands::event(out, asset, event);
                }
            },
        }
    }
}
