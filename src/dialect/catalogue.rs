//! What there is to trade, as both dialects tell it: made once by the control side whenever it
//! changes, so that an answer to a client only copies it.

use super::json::push_instrument;
use super::offer::Offer;
use super::text::push_list;
use crate::instrument::{ExchangeId, Instrument};
use crate::limits::INSTRUMENTS_PER_MESSAGE;

/// Every instrument that the exchanges have listed, in pages of a bounded number.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    pages: Vec<Page>,
}

#[derive(Clone, Debug)]
struct Page {
    exchange: ExchangeId,
    count: usize,
    /// JSON objects with commas between them.
    items: Vec<u8>,
}

impl Catalogue {
    /// Instruments with what their feed carries of them; nothing where no feed does.
    /// Those of one exchange keep their order.
    pub fn new(entries: &[(&Instrument, &Offer)]) -> Self {
        let mut pages = Vec::new();
        for exchange in ExchangeId::ALL {
            let own = entries.iter().filter(|(instrument, _)| instrument.exchange == exchange);
            let own: Vec<_> = own.collect();
            pages.extend(own.chunks(INSTRUMENTS_PER_MESSAGE).map(|entries| {
                let mut items = Vec::new();
                push_list(&mut items, entries, |out, (instrument, offer)| {
                    push_instrument(out, instrument, offer);
                });
                Page { exchange, count: entries.len(), items }
            }));
        }
        Self { pages }
    }

    /// The pages of one exchange, or of all, as they go together into messages; at least one.
    pub(crate) fn messages(&self, exchange: Option<ExchangeId>) -> Vec<Vec<&[u8]>> {
        let mut messages = vec![Vec::new()];
        let mut room = INSTRUMENTS_PER_MESSAGE;
        for page in &self.pages {
            if exchange.is_some_and(|only| page.exchange != only) {
                continue;
            }
            if page.count > room {
                messages.push(Vec::new());
                room = INSTRUMENTS_PER_MESSAGE;
            }
            room -= page.count;
            if let Some(message) = messages.last_mut() {
                message.push(&page.items[..]);
            }
        }
        messages
    }
}
