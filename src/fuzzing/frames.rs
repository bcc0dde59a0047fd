//! Frames of exchanges, and captures of them.

use std::io::BufReader;

use crate::clock::UnixNanos;
use crate::decode::{DecodeOptions, run};
use crate::exchange::binance::Binance;
use crate::exchange::bybit::Bybit;
use crate::exchange::deriv::Deriv;
use crate::exchange::kraken::Kraken;
use crate::exchange::{Batch, Exchange, Frame, ListPart, Rejected, profile};
use crate::instrument::{ExchangeId, InstrumentId, NativeMap};
use crate::json::PaddedFrame;
use crate::limits::FRAME_PADDING;
use crate::proof::Books;
use crate::tick::Level;

/// A frame as Binance's, spot and futures.
///
/// # Panics
/// When the recognisers and the general path read different things, when a refused frame leaves
/// something in the batch, or when the proof of books fails on what was read.
pub fn binance_parse(text: &[u8]) {
    for exchange in [ExchangeId::Binance, ExchangeId::BinanceFutures] {
        both_paths(text, || Binance::new(exchange), Binance::parse_general);
    }
}

/// Frames as Bybit's, one a line, spot and linear: what they leave out was said before.
///
/// # Panics
/// As [`binance_parse`].
pub fn bybit_parse(text: &[u8]) {
    for exchange in [ExchangeId::Bybit, ExchangeId::BybitLinear] {
        both_paths(text, || Bybit::new(exchange), Bybit::parse_general);
    }
}

/// Frames as Deriv's, one a line: a bar is final by the next one.
///
/// # Panics
/// As [`binance_parse`].
pub fn deriv_parse(text: &[u8]) {
    both_paths(text, Deriv::default, Deriv::parse_general);
}

/// Frames as Kraken's, one a line, of both versions: what is said of a book's depth counts for the
/// frames behind it.
///
/// # Panics
/// As [`binance_parse`].
pub fn kraken_parse(text: &[u8]) {
    for exchange in [ExchangeId::Kraken, ExchangeId::KrakenV1] {
        both_paths(text, || Kraken::new(exchange), Kraken::parse_general);
    }
}

/// Reads frames, one a line, by an adapter and by its twin, which has the general path alone.
pub(super) fn both_paths<E: Exchange>(
    text: &[u8],
    make: impl Fn() -> E,
    general: fn(&mut E, PaddedFrame<'_>, &mut Batch) -> Result<Frame, Rejected>,
) {
    let [mut adapter, mut twin] = [make(), make()];
    let mut natives = vec!["BTCUSDT".to_owned(), "X".to_owned()];
    let lines = || text.split(|&byte| byte == b'\n');
    for line in lines() {
        adapter.symbols_in(line, &mut |native| natives.push(native.to_owned()));
    }
    let instruments =
        NativeMap::new(natives.iter().map(String::as_str).zip((0..).map(InstrumentId)));
    adapter.set_instruments(instruments.clone());
    twin.set_instruments(instruments);
    let mut books = Books::new(adapter.book_rules());
    let mut out = Vec::new();
    for line in lines() {
        let (one, batch) = read(line, |frame, batch| adapter.parse(frame, batch));
        let (other, expected) = read(line, |frame, batch| general(&mut twin, frame, batch));
        match (&one, &other) {
            (Ok(Frame::Data { .. }), Ok(Frame::Data { .. })) => {}
            (one, other) => assert_eq!(one, other),
        }
        assert_eq!(batch.ticks, expected.ticks);
        assert_eq!(batch.books, expected.books);
        assert_eq!(batch.levels, expected.levels);
        assert_eq!(batch.losses, expected.losses);
        assert!(one.is_ok() || batch.is_empty() && batch.levels.is_empty());
        for update in &batch.books {
            books.apply(update, batch.levels_of(update), &mut out);
        }
        out.clear();
    }
}

/// Reads a frame whose padding looks like more of it.
pub(super) fn read(
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
/// When a book has a negative size, a listing is of another exchange, or a wait would never end.
pub fn binance_rest(body: &[u8]) {
    rest(ExchangeId::Binance, body);
    rest(ExchangeId::BinanceFutures, body);
}

/// The same of Bybit, which has no books there.
///
/// # Panics
/// As [`binance_rest`].
pub fn bybit_rest(body: &[u8]) {
    rest(ExchangeId::Bybit, body);
    rest(ExchangeId::BybitLinear, body);
}

pub(super) fn rest(exchange: ExchangeId, body: &[u8]) {
    let profile = profile(exchange);
    let snapshot = profile.snapshot.map(|rest| (rest.read)(body));
    if let Some(Ok(snapshot)) = snapshot {
        let negative = |level: &Level| level.size.is_negative();
        assert!(!snapshot.levels.iter().any(negative));
    }
    let listings = profile.listing.map(|rest| (rest.read)(body));
    let _ = profile.listing.map(|rest| (rest.next)(body));
    if let Some(Ok(ListPart { listings, .. })) = listings {
        assert!(listings.iter().all(|listing| listing.instrument.exchange == exchange));
    }
    let header = str::from_utf8(body).ok();
    let refusal = profile.refusal(429, header, body, UnixNanos::from_millis(1_000));
    assert!(refusal.retry_after.as_secs() <= 3_600);
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
