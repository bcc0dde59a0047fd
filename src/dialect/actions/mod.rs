//! Dialect 1, native JSON: `{"action":…}` in, `{"type":…,"data":…}` out.

mod answer;
mod read;
mod tell;
#[cfg(test)]
mod tests;

pub use tell::push_bare;

use super::json::label_piece;
use super::{Answer, Asked, Door, Incoming, Label, Name, Re, Speech, SubscriptionLine, Telling};
use crate::cache::Event;
use crate::instrument::Instrument;

/// Speaks dialect 1 for every session that chose it; it has no state of its own.
#[derive(Clone, Copy, Debug)]
pub struct Actions;

impl Speech for Actions {
    fn is_spoken_at(&self, door: &Door<'_>) -> bool {
        matches!(door.path, "/" | "/ws")
    }

    fn read(&self, message: &Incoming<'_>) -> Option<Asked> {
        Some(read::read(message))
    }

    fn label(&self, instrument: &Instrument, _: &Name) -> Label {
        label(instrument)
    }

    #[inline]
    fn tell(
        &self,
        out: &mut Vec<u8>,
        label: Option<&Label>,
        event: &Event<'_>,
        telling: Telling,
    ) -> bool {
        tell::push_event(out, label, event, telling);
        true
    }

    fn push_past(&self, items: &mut Vec<u8>, event: &Event<'_>) {
        tell::push_past(items, event);
    }

    fn push_subscription(&self, items: &mut Vec<u8>, line: &SubscriptionLine<'_>) {
        answer::push_subscription(items, line);
    }

    fn answer(&self, out: &mut Vec<u8>, answer: &Answer<'_>, re: Re<'_>) -> bool {
        answer::push_answer(out, answer, re)
    }
}

/// `"symbol":"BTC/USDT",` and `"exchange":"binance",`.
pub fn label(instrument: &Instrument) -> Label {
    let symbol = label_piece("symbol", instrument.symbol.as_str());
    Label::new(&symbol, &label_piece("exchange", instrument.exchange.name()))
}
