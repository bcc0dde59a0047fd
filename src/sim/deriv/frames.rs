//! Deriv's frames. Keys are in the order of the alphabet, as in recorded frames; ticks and past
//! bars write numbers without trailing zeros, live bars strings with all digits.

use serde_json::{Value, json};

use super::prices::{Bar, PriceTick, Quoted};
use super::{Dialect, Open};
use crate::sim::write::{Scale, integer};

/// Writes one tick of a stream; without one the answer to a single question.
pub(super) fn tick(
    out: &mut Vec<u8>,
    dialect: Dialect,
    (echo, request): (&str, &str),
    id: Option<&str>,
    (quoted, tick): (&Quoted, &PriceTick),
) {
    text(out, "{");
    text(out, echo);
    text(out, "\"msg_type\":\"tick\",");
    text(out, request);
    if let Some(id) = id {
        text(out, &format!("\"subscription\":{{\"id\":\"{id}\"}},"));
    }
    text(out, "\"tick\":{");
    if quoted.has_sides() {
        number(out, "\"ask\":", quoted.bare, tick.ask);
        number(out, ",\"bid\":", quoted.bare, tick.bid);
        text(out, ",");
    }
    text(out, "\"epoch\":");
    integer(out, tick.epoch.into());
    if let Some(id) = id {
        text(out, &format!(",\"id\":\"{id}\""));
    }
    // The newer dialect leaves it to the list of instruments.
    if dialect == Dialect::Legacy {
        text(out, &format!(",\"pip_size\":{}", quoted.digits));
    }
    number(out, ",\"quote\":", quoted.bare, tick.quote);
    text(out, &format!(",\"symbol\":\"{}\"}}}}", quoted.native));
}

/// Writes one live bar of a stream.
pub(super) fn ohlc(
    out: &mut Vec<u8>,
    open: &Open,
    quoted: &Quoted,
    (bar, granularity): (&Bar, i64),
    epoch: i64,
) {
    text(out, "{");
    text(out, &open.echo);
    text(out, "\"msg_type\":\"ohlc\",\"ohlc\":{");
    let mut price = |key: &str, price: i64| {
        text(out, key);
        quoted.padded.write(out, price);
    };
    price("\"close\":\"", bar.close);
    price(&format!("\",\"epoch\":{epoch},\"granularity\":{granularity},\"high\":\""), bar.high);
    price(&format!("\",\"id\":\"{}\",\"low\":\"", open.id), bar.low);
    price("\",\"open\":\"", bar.open);
    let (begun, digits, native) = (bar.open_time, quoted.digits, &quoted.native);
    text(
        out,
        &format!("\",\"open_time\":{begun},\"pip_size\":{digits},\"symbol\":\"{native}\"}},"),
    );
    text(out, &open.request);
    text(out, &format!("\"subscription\":{{\"id\":\"{}\"}}}}", open.id));
}

/// Past bars.
pub(super) fn past_bars<'a>(quoted: &Quoted, bars: impl Iterator<Item = &'a Bar>) -> String {
    let mut out = b"[".to_vec();
    for bar in bars {
        let first = out.len() == 1;
        text(&mut out, if first { "{" } else { ",{" });
        number(&mut out, "\"close\":", quoted.bare, bar.close);
        text(&mut out, &format!(",\"epoch\":{}", bar.open_time));
        number(&mut out, ",\"high\":", quoted.bare, bar.high);
        number(&mut out, ",\"low\":", quoted.bare, bar.low);
        number(&mut out, ",\"open\":", quoted.bare, bar.open);
        text(&mut out, "}");
    }
    text(&mut out, "]");
    String::from_utf8_lossy(&out).into_owned()
}

/// Past ticks: prices in one list, times in another.
pub(super) fn past_ticks<'a>(
    quoted: &Quoted,
    ticks: impl Iterator<Item = &'a PriceTick>,
) -> String {
    let (prices, times): (Vec<String>, Vec<String>) =
        ticks.map(|tick| (quoted.bare.text(tick.quote), tick.epoch.to_string())).unzip();
    format!("{{\"prices\":[{}],\"times\":[{}]}}", prices.join(","), times.join(","))
}

/// One entry of the list of instruments.
pub(super) fn active_symbol(dialect: Dialect, quoted: &Quoted, open: bool) -> Value {
    let step = Scale::new(quoted.digits, quoted.digits).text(1);
    let step: Value = serde_json::from_str(&step).unwrap_or(Value::Null);
    let [market, market_name] = quoted.market.names();
    let spot = quoted.ticks.back().map(|tick| quoted.bare.text(tick.quote));
    let spot: Value = spot.and_then(|spot| serde_json::from_str(&spot).ok()).unwrap_or(Value::Null);
    match dialect {
        Dialect::Legacy => json!({
            "allow_forward_starting": 0, "delay_amount": 0, "display_name": quoted.native,
            "exchange_is_open": i32::from(open), "is_trading_suspended": 0, "market": market,
            "market_display_name": market_name, "pip": step, "spot": spot, "spot_age": "1",
            "symbol": quoted.native, "symbol_type": market,
        }),
        Dialect::Options => json!({
            "exchange_is_open": i32::from(open), "is_trading_suspended": 0, "market": market,
            "pip_size": step, "underlying_symbol": quoted.native,
            "underlying_symbol_name": quoted.native, "underlying_symbol_type": market,
        }),
    }
}

fn number(out: &mut Vec<u8>, key: &str, scale: Scale, units: i64) {
    text(out, key);
    scale.write(out, units);
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}
