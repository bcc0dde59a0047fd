//! Events as PROTOCOL's first dialect writes them, without `seq` and outer `timestamp`.

use std::io::Write;

use crate::book::BookKind;
use crate::cache::{Event, EventBody, Stamp};
use crate::instrument::InstrumentTable;
use crate::tick::{Decimal, Side, TradeId, WideDecimal};

/// Appends one event and a line feed; what is not told to clients appends nothing.
pub(super) fn event(table: &InstrumentTable, event: &Event<'_>, text: &mut Vec<u8>) {
    // Writing to a Vec cannot fail.
    let _ = try_event(table, event, text);
}

fn try_event(
    table: &InstrumentTable,
    event: &Event<'_>,
    text: &mut Vec<u8>,
) -> std::io::Result<()> {
    let Some(instrument) = table.instrument(event.instrument) else { return Ok(()) };
    let kind = match &event.body {
        EventBody::Trade(_) => "trade",
        EventBody::Quote(_) => "quote",
        EventBody::Ticker(_) => "ticker",
        EventBody::Book(_) => "orderbook",
        EventBody::Candle(_) => "candle",
        EventBody::BookState(_) => "status",
        EventBody::FeedState(_) | EventBody::Gap(_) => return Ok(()),
    };
    let (symbol, exchange) = (instrument.symbol, instrument.exchange);
    write!(text, r#"{{"type":"{kind}","data":{{"symbol":"{symbol}","exchange":"{exchange}""#)?;
    match &event.body {
        EventBody::Trade(trade) => {
            write!(text, r#","price":{},"volume":{}"#, trade.price, trade.size)?;
            match trade.taker {
                Side::Bid => write!(text, r#","side":"buy""#)?,
                Side::Ask => write!(text, r#","side":"sell""#)?,
                Side::None => {}
            }
            if let TradeId::Number(id) = trade.id {
                write!(text, r#","tradeId":"{id}""#)?;
            }
            timestamp(event.stamp, text)?;
            if event.stamp.exchange_time.is_some() {
                write!(text, r#","exchangeTs":{}"#, event.stamp.exchange_time.0)?;
            }
            if event.stamp.received.is_some() {
                write!(text, r#","receiveTs":{}"#, event.stamp.received.0)?;
            }
        }
        EventBody::Quote(quote) => {
            number("bid", quote.bid, text)?;
            number("bidSize", quote.bid_size, text)?;
            number("ask", quote.ask, text)?;
            number("askSize", quote.ask_size, text)?;
            timestamp(event.stamp, text)?;
        }
        EventBody::Ticker(ticker) => {
            number("last", ticker.last, text)?;
            number("bid", ticker.bid, text)?;
            number("ask", ticker.ask, text)?;
            number("open", ticker.open, text)?;
            number("high", ticker.high, text)?;
            number("low", ticker.low, text)?;
            wide("volume", ticker.volume, text)?;
            wide("quoteVolume", ticker.quote_volume, text)?;
            number("change", ticker.change, text)?;
            number("changePercent", ticker.change_percent, text)?;
            timestamp(event.stamp, text)?;
        }
        EventBody::Book(book) => {
            let kind = match book.kind {
                BookKind::Snapshot => "snapshot",
                BookKind::Delta => "update",
            };
            write!(text, r#","kind":"{kind}""#)?;
            for (name, side) in [("bids", Side::Bid), ("asks", Side::Ask)] {
                write!(text, r#","{name}":["#)?;
                let mut comma = "";
                book.levels.of(side, |level| {
                    let _ = write!(text, "{comma}[{},{}]", level.price, level.size);
                    comma = ",";
                });
                text.push(b']');
            }
            timestamp(event.stamp, text)?;
        }
        EventBody::Candle(candle) => {
            let (interval, open_time) = (candle.interval.name(), candle.open_time.millis());
            write!(text, r#","interval":"{interval}","openTime":{open_time}"#)?;
            number("open", Some(candle.open), text)?;
            number("high", Some(candle.high), text)?;
            number("low", Some(candle.low), text)?;
            number("close", Some(candle.close), text)?;
            wide("volume", Some(candle.volume), text)?;
            write!(text, r#","trades":{},"closed":{}"#, candle.trades, candle.closed)?;
        }
        EventBody::BookState(status) => {
            let (state, reason) = (status.state.name(), status.reason.name());
            write!(text, r#","channel":"orderbook","state":"{state}","reason":"{reason}""#)?;
            if status.since.is_some() {
                write!(text, r#","since":{}"#, status.since.millis())?;
            }
        }
        EventBody::FeedState(_) | EventBody::Gap(_) => {}
    }
    text.write_all(b"}}\n")
}

fn number(name: &str, value: Option<Decimal>, text: &mut Vec<u8>) -> std::io::Result<()> {
    value.map_or(Ok(()), |value| write!(text, r#","{name}":{value}"#))
}

fn wide(name: &str, value: Option<WideDecimal>, text: &mut Vec<u8>) -> std::io::Result<()> {
    value.map_or(Ok(()), |value| write!(text, r#","{name}":{value}"#))
}

fn timestamp(stamp: Stamp, text: &mut Vec<u8>) -> std::io::Result<()> {
    if stamp.time().is_some() {
        write!(text, r#","timestamp":{}"#, stamp.time().millis())?;
    }
    Ok(())
}
