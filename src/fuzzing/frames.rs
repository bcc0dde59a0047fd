//! Frames of exchanges, and captures of them.

use std::io::BufReader;

use crate::clock::UnixNanos;
use crate::decode::{DecodeOptions, run};
use crate::exchange::binance::Binance;
use crate::exchange::{Batch, Exchange, Frame, Rejected, profile};
use crate::feed::Books;
use crate::instrument::{ExchangeId, InstrumentId, NativeMap};
use crate::json::PaddedFrame;
use crate::limits::FRAME_PADDING;
use crate::tick::Level;

/// A frame as Binance's, spot and futures.
///
/// # Panics
/// When the recognisers and the general path read different things, when a refused frame leaves
/// something in the batch, or when the proof of books fails on what was read.
pub fn binance_parse(text: &[u8]) {
    for exchange in [ExchangeId::Binance, ExchangeId::BinanceFutures] {
        let mut adapter = Binance::new(exchange);
        let mut natives = vec!["BTCUSDT".to_owned(), "X".to_owned()];
        adapter.symbols_in(text, &mut |native| natives.push(native.to_owned()));
        let ids = (0..).map(InstrumentId);
        adapter.set_instruments(NativeMap::new(natives.iter().map(String::as_str).zip(ids)));

        let (whole, batch) = read(text, |frame, batch| adapter.parse(frame, batch));
        let (general, twin) = read(text, |frame, batch| adapter.parse_general(frame, batch));
        match (&whole, &general) {
            (Ok(Frame::Data { .. }), Ok(Frame::Data { .. })) => {}
            (one, other) => assert_eq!(one, other),
        }
        assert_eq!(batch.ticks, twin.ticks);
        assert_eq!(batch.books, twin.books);
        assert_eq!(batch.levels, twin.levels);
        assert!(whole.is_ok() || batch.is_empty() && batch.levels.is_empty());

        let mut books = Books::new(profile(exchange).book);
        let mut out = Vec::new();
        for update in &batch.books {
            books.apply(update, batch.levels_of(update), &mut out);
        }
    }
}

/// Reads a frame whose padding looks like more of it.
fn read(
    text: &[u8],
    parse: impl FnOnce(PaddedFrame<'_>, &mut Batch) -> Result<Frame, Rejected>,
) -> (Result<Frame, Rejected>, Batch) {
    let mut bytes = text.to_vec();
    bytes.extend(b"\"}}]],[1".iter().cycle().take(FRAME_PADDING));
    let mut batch = Batch::new();
    let outcome = parse(PaddedFrame::new(&mut bytes, text.len()), &mut batch);
    (outcome, batch)
}

/// A body that answers a request beside Binance's streams: a book, a list of instruments, a
/// refusal.
///
/// # Panics
/// When a book has a negative number, or a wait would never end.
pub fn binance_rest(body: &[u8]) {
    for exchange in [ExchangeId::Binance, ExchangeId::BinanceFutures] {
        let profile = profile(exchange);
        let snapshot = profile.snapshot.map(|rest| (rest.read)(body));
        if let Some(Ok(snapshot)) = snapshot {
            let negative = |level: &Level| level.price.is_negative() || level.size.is_negative();
            assert!(!snapshot.levels.iter().any(negative));
        }
        let listings = profile.listing.map(|rest| (rest.read)(body));
        if let Some(Ok(listings)) = listings {
            assert!(listings.iter().all(|listing| listing.instrument.exchange == exchange));
        }
        let header = str::from_utf8(body).ok();
        let refusal = (profile.refusal)(429, header, body, UnixNanos::from_millis(1_000));
        assert!(refusal.retry_after.as_secs() <= 3 * 24 * 3_600);
    }
}

/// A whole capture, decoded.
///
/// # Panics
/// When a printed line is no JSON.
pub fn capture(text: &[u8]) {
    for exchange in ExchangeId::ALL {
        let options = DecodeOptions { exchange, rest: Vec::new(), summary: false };
        let mut output = Vec::new();
        run(&options, BufReader::new(text), &mut output).expect("no line ends a capture");
        for line in output.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            let read: Result<serde::de::IgnoredAny, _> = serde_json::from_slice(line);
            assert!(read.is_ok(), "{}", String::from_utf8_lossy(line));
        }
    }
}
