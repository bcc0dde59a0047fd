//! The instruments as clients know them, and how each dialect calls them: labels are made when
//! somebody first asks under them, and shared from then on.

use std::cell::OnceCell;
use std::sync::Arc;

use crate::client::{ClientChannel, SubscriptionKey};
use crate::clock::UnixNanos;
use crate::dialect::{Dialect, Form, Label, Name, Naming, Telling, Wish};
use crate::instrument::{ExchangeId, InstrumentId, InstrumentTable};

/// The labels of one instrument in one dialect, for clients that named it alone or everything, and
/// for those that named its exchange.
type Labels = [OnceCell<Label>; 2];

/// The instruments as clients know them, and their labels in each dialect, made when first asked for.
#[derive(Debug)]
pub(crate) struct Glossary {
    table: Arc<InstrumentTable>,
    /// By [`InstrumentId::index`], then by dialect.
    labels: Vec<[Labels; Dialect::ALL.len()]>,
    epoch: u64,
    exchange_default: ExchangeId,
    /// Our date in this turn.
    pub(crate) date: UnixNanos,
}

impl Glossary {
    pub(crate) fn new(epoch: u64, exchange_default: ExchangeId) -> Self {
        let (table, labels) = (Arc::default(), Vec::new());
        Self { table, labels, epoch, exchange_default, date: UnixNanos(0) }
    }

    /// The instruments are these now; none of the earlier ones is missing or has another id.
    pub(crate) fn set_instruments(&mut self, table: Arc<InstrumentTable>) {
        self.labels.resize_with(table.len(), Default::default);
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

    /// What is said in this turn of an event that just happened and stands for itself.
    #[inline]
    pub(crate) const fn live(&self) -> Telling {
        Telling::live(self.date)
    }

    /// The same of one that stands for earlier ones.
    #[inline]
    pub(crate) const fn conflated(&self, conflated: u64) -> Telling {
        Telling { conflated, ..self.live() }
    }

    /// What a wish asks of an instrument that it matches, and in which words it is told.
    pub(crate) fn key(&self, wish: &Wish, instrument: InstrumentId) -> SubscriptionKey {
        let form = self.form(wish.dialect, &wish.name, instrument);
        SubscriptionKey { instrument, channel: ClientChannel::of(wish), form }
    }

    /// In which words an instrument is told of to a client that asked for a name.
    pub(crate) fn form(&self, dialect: Dialect, name: &Name, instrument: InstrumentId) -> Form {
        let Some(known) = self.table.instrument(instrument) else {
            return Form { dialect, label: Label::new(&[], &[]) };
        };
        let make = || dialect.speech().label(known, name);
        let repeats = dialect.speech().repeats_names();
        let shared = match name.naming {
            Naming::Symbol(_) | Naming::Instrument(..) if repeats => None,
            Naming::Exchange(_) if repeats => Some(1),
            Naming::All | Naming::Exchange(_) | Naming::Symbol(_) | Naming::Instrument(..) => {
                Some(0)
            }
        };
        let labels = self.labels.get(instrument.index()).map(|labels| &labels[dialect as usize]);
        let label = match (shared, labels) {
            (Some(kind), Some(labels)) => labels[kind].get_or_init(make).clone(),
            (None, _) | (_, None) => make(),
        };
        Form { dialect, label }
    }
}
