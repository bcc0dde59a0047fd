//! Dialect 2, commands: `{"type":"command",…}` in, `response`, `tick` and candle events out.

mod answer;
mod read;
mod tell;
#[cfg(test)]
mod tests;

use super::json::label_piece;
use super::{
    Answer, Asked, Door, Incoming, Label, Name, Naming, Re, Speech, SubscriptionLine, Telling,
};
use crate::cache::{Event, EventBody};
use crate::instrument::{Channel, ExchangeId, Instrument};

/// Speaks dialect 2 for every session that chose it; it has no state of its own.
#[derive(Clone, Copy, Debug)]
pub struct Commands;

impl Speech for Commands {
    fn is_spoken_at(&self, door: &Door<'_>) -> bool {
        matches!(door.path, "/" | "/ws")
    }

    fn read(&self, message: &Incoming<'_>) -> Option<Asked> {
        read::read(message)
    }

    /// As the client wrote it, where it named one thing; by its symbol, or by exchange and symbol,
    /// where it named many at once.
    fn label(&self, instrument: &Instrument, name: &Name) -> Label {
        let symbol = instrument.symbol.as_str();
        match name.naming {
            Naming::All => label(symbol, instrument.exchange),
            Naming::Exchange(exchange) => label(&format!("{exchange}:{symbol}"), exchange),
            Naming::Symbol(_) | Naming::Instrument(..) => label(&name.text, instrument.exchange),
        }
    }

    fn repeats_names(&self) -> bool {
        true
    }

    /// Who follows anything is told: no command asks for states.
    fn tells_feed(&self, _: Channel) -> bool {
        true
    }

    #[inline]
    fn tell(
        &self,
        out: &mut Vec<u8>,
        label: Option<&Label>,
        event: &Event<'_>,
        _: Telling,
    ) -> bool {
        match (event.body, label) {
            (EventBody::FeedState(status), _) => {
                tell::push_feed_status(out, &status);
                true
            }
            (_, Some(label)) => tell::push_event(out, label, event),
            (_, None) => false,
        }
    }

    fn push_past(&self, items: &mut Vec<u8>, event: &Event<'_>) {
        tell::push_past(items, event);
    }

    /// No command lists subscriptions.
    fn push_subscription(&self, _: &mut Vec<u8>, _: &SubscriptionLine<'_>) {}

    fn answer(&self, out: &mut Vec<u8>, answer: &Answer<'_>, re: Re<'_>) -> bool {
        answer::push_answer(out, answer, re)
    }
}

/// `"asset":"BTC/USDT",` and `"exchange":"binance",`.
fn label(name: &str, exchange: ExchangeId) -> Label {
    Label::new(&label_piece("asset", name), &label_piece("exchange", exchange.name()))
}
