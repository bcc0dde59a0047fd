//! The list of instruments, which comes in the stream.

use arrayvec::ArrayString;

use super::symbol;
use crate::exchange::rest::real_step;
use crate::exchange::{Listing, Rejected};
use crate::instrument::{ExchangeId, Instrument};
use crate::json::Value;
use crate::limits::LIST_ENTRIES_MAX;
use crate::tick::Decimal;

/// Reads `active_symbols`. An entry that cannot be read is left out; it sinks no other.
///
/// The newer dialect calls the symbol `underlying_symbol` and its step `pip_size`, which here is an
/// increment (0.001), though ticks mean a count of digits by it.
pub(super) fn read(root: Value<'_>) -> Result<Box<[Listing]>, Rejected> {
    let entries = root.field("active_symbols").and_then(Value::items).ok_or(Rejected::Field)?;
    // One more than is believed, so that it shows.
    Ok(entries.filter_map(entry).take(LIST_ENTRIES_MAX + 1).collect())
}

fn entry(entry: Value<'_>) -> Option<Listing> {
    let named = entry.field("symbol").or_else(|| entry.field("underlying_symbol"));
    let native = named?.string()?;
    let step = entry.field("pip").or_else(|| entry.field("pip_size"));
    let step = step.and_then(|step| Decimal::parse(step.number_text()?).ok());
    let flag = |name| entry.field(name).and_then(Value::unsigned);
    Some(Listing {
        instrument: Instrument {
            exchange: ExchangeId::Deriv,
            symbol: symbol::canonical(native)?,
            native: ArrayString::from(native).ok()?,
            tick_size: step.and_then(real_step),
            lot_size: None,
        },
        trading: flag("exchange_is_open") != Some(0) && flag("is_trading_suspended") != Some(1),
    })
}
