//! What Kraken trades: the `instrument` channel, which sends all pairs once and later those that
//! changed. Steps are written with exponents there (`1e-08`).

use arrayvec::ArrayString;

use super::book::Depths;
use super::parse::Item;
use super::symbol;
use crate::exchange::rest::real_step;
use crate::exchange::{BookKind, Frame, Listing, Listings, Rejected};
use crate::instrument::{ExchangeId, Instrument};
use crate::json::Value;
use crate::limits::LIST_ENTRIES_MAX;
use crate::tick::{DIGITS_MAX, Decimal};

/// Reads the `data` of an instrument frame. A pair that cannot be read is left out; a snapshot has
/// all that there are.
pub(super) fn read(data: Value<'_>, kind: BookKind) -> Result<Frame, Rejected> {
    data.fields().ok_or(Rejected::Foreign)?;
    let Some(pairs) = data.field("pairs") else { return Ok(Frame::Other) };
    let pairs = pairs.items().ok_or(Rejected::Field)?;
    // One more than is believed, so that it shows.
    let read = pairs.filter_map(|pair| listing(&Item(pair))).take(LIST_ENTRIES_MAX + 1);
    let entries: Box<[Listing]> = read.collect();
    let whole = kind == BookKind::Snapshot;
    Ok(if entries.is_empty() { Frame::Other } else { Frame::Listing(Listings { entries, whole }) })
}

/// Notes how many digits the numbers of each pair have: they are under the checksum of its book,
/// however they are written.
pub(super) fn digits(data: Value<'_>, depths: &mut Depths) {
    for pair in data.field("pairs").and_then(Value::items).into_iter().flatten() {
        let count = |name| {
            let count = u8::try_from(pair.field(name)?.unsigned()?).ok()?;
            (count <= DIGITS_MAX).then_some(count)
        };
        let symbol = pair.field("symbol").and_then(Value::string);
        let digits = count("price_precision").zip(count("qty_precision"));
        if let (Some(symbol), Some((price, size))) = (symbol, digits) {
            depths.list(symbol, [price, size]);
        }
    }
}

fn listing(pair: &Item<'_>) -> Option<Listing> {
    let native = pair.value("symbol")?.string()?;
    let instrument = Instrument {
        exchange: ExchangeId::Kraken,
        symbol: symbol::canonical(native)?,
        native: ArrayString::from(native).ok()?,
        // `tick_size` is the older name of `price_increment`.
        tick_size: step(pair, &["price_increment", "tick_size"], "price_precision"),
        lot_size: step(pair, &["qty_increment"], "qty_precision"),
    };
    // In the other states there is no matching: cancel_only, delisted, maintenance, post_only,
    // work_in_progress.
    let status = pair.value("status").and_then(Value::string);
    let trading = matches!(status, Some("online" | "limit_only" | "reduce_only"));
    Some(Listing { instrument, trading })
}

/// The smallest step under one of its names, else the unit of that many digits.
fn step(pair: &Item<'_>, names: &[&str], precision: &str) -> Option<Decimal> {
    let stated = names.iter().find_map(|name| pair.price(name).ok());
    let unit = || {
        let digits = pair.value(precision)?.unsigned().filter(|&it| it <= u64::from(DIGITS_MAX))?;
        Decimal::new(1, digits as u8)
    };
    stated.or_else(unit).and_then(real_step)
}
