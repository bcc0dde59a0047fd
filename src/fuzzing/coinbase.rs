//! Frames of both of Coinbase's feeds, and what is asked for beside them.

use super::frames::read;
use crate::clock::UnixNanos;
use crate::exchange::coinbase::Coinbase;
use crate::exchange::coinbase_advanced::CoinbaseAdvanced;
use crate::exchange::{Batch, Exchange, Frame, ListPart, Rejected, profile};
use crate::instrument::{ExchangeId, InstrumentId, NativeMap};
use crate::json::PaddedFrame;
use crate::proof::Books;

/// A frame as the Exchange's and as Advanced Trade's.
///
/// # Panics
/// When the recognisers and the general path read different things, when a refused frame leaves
/// something in the batch, or when the proof of books fails on what was read.
pub fn coinbase_parse(text: &[u8]) {
    agree(text, Coinbase::new(), Coinbase::parse_general);
    agree(text, CoinbaseAdvanced::new(), CoinbaseAdvanced::parse_general);
}

fn agree<E: Exchange>(
    text: &[u8],
    mut adapter: E,
    parse_general: fn(&mut E, PaddedFrame<'_>, &mut Batch) -> Result<Frame, Rejected>,
) {
    let mut natives = vec!["BTC-USD".to_owned(), "X".to_owned()];
    adapter.symbols_in(text, &mut |native| natives.push(native.to_owned()));
    let ids = (0..).map(InstrumentId);
    adapter.set_instruments(NativeMap::new(natives.iter().map(String::as_str).zip(ids)));

    let (whole, batch) = read(text, |frame, batch| adapter.parse(frame, batch));
    let (general, twin) = read(text, |frame, batch| parse_general(&mut adapter, frame, batch));
    match (&whole, &general) {
        (Ok(Frame::Data { .. }), Ok(Frame::Data { .. })) => {}
        (one, other) => assert_eq!(one, other),
    }
    // Every field of it, those that are no list included.
    assert_eq!(format!("{batch:?}"), format!("{twin:?}"));
    assert!(whole.is_ok() || batch.is_empty() && batch.levels.is_empty());

    let mut books = Books::new(profile(adapter.id()).book);
    let mut out = Vec::new();
    for update in &batch.books {
        books.apply(update, batch.levels_of(update), &mut out);
    }
}

/// A body that answers a request beside the streams: a list of products, a refusal.
///
/// # Panics
/// When a listing is another exchange's, or a wait would never end.
pub fn coinbase_rest(body: &[u8]) {
    for exchange in [ExchangeId::Coinbase, ExchangeId::CoinbaseAdvanced] {
        let profile = profile(exchange);
        let listings = profile.listing.map(|rest| (rest.read)(body));
        let _ = profile.listing.map(|rest| (rest.next)(body));
        if let Some(Ok(ListPart { listings, .. })) = listings {
            assert!(listings.iter().all(|listing| listing.instrument.exchange == exchange));
        }
        let header = str::from_utf8(body).ok();
        let refusal = profile.refusal(429, header, body, UnixNanos::from_millis(1_000));
        assert!(refusal.retry_after.as_secs() <= 3_600);
    }
}
