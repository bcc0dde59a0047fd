//! What there is to deal in and when. Prices are all that is simulated: no contract is on offer.

use serde_json::{Value, json};

use super::commands::{Call, Refused, invalid};
use super::prices::Quoted;
use super::{Deriv, Dialect};
use crate::sim::exchange::Exchange;

const DAY_S: i64 = 86_400;

impl Exchange<Deriv> {
    /// Every instrument with the contracts on it.
    pub(super) fn asset_index(&self) -> Value {
        self.spellings.iter().map(|quoted| json!([quoted.native, quoted.native, []])).collect()
    }

    /// The contracts on one instrument, and the day on which they would be.
    pub(super) fn contracts_for(&self, call: &Call<'_>) -> Result<Value, Refused> {
        let symbol = call.fields["contracts_for"].as_str();
        let symbol = symbol.ok_or_else(|| invalid("contracts_for", "Expected string."))?;
        let quoted = &self.spellings[self.find(symbol)?];
        let last = quoted.ticks.back();
        let spot = last.map(|tick| quoted.bare.text(tick.quote));
        let spot: Value = spot.and_then(|it| serde_json::from_str(&it).ok()).unwrap_or(Value::Null);
        let now = self.clock.date(self.own.now).millis() / 1_000;
        let open = now - now.rem_euclid(DAY_S);
        Ok(json!({
            "available": [], "close": open + DAY_S - 1, "feed_license": "realtime",
            "hit_count": 0, "open": open, "spot": spot,
        }))
    }

    /// The hours of all instruments, which are open all day, by their markets.
    pub(super) fn trading_times(&self, dialect: Dialect) -> Value {
        let mut names: Vec<&str> = self.spellings.iter().map(market).collect();
        names.sort_unstable();
        names.dedup();
        let symbol = match dialect {
            Dialect::Legacy => "symbol",
            Dialect::Options => "underlying_symbol",
        };
        let hours = |quoted: &Quoted| {
            json!({
                "events": [], "name": quoted.native, symbol: quoted.native,
                "times": {"close": ["23:59:59"], "open": ["00:00:00"], "settlement": "23:59:59"},
            })
        };
        let entry = |name: &str| {
            let own = self.spellings.iter().filter(|quoted| market(quoted) == name);
            let symbols: Vec<Value> = own.map(hours).collect();
            json!({"name": name, "submarkets": [{"name": name, "symbols": symbols}]})
        };
        json!({"markets": names.into_iter().map(entry).collect::<Vec<_>>()})
    }
}

fn market(quoted: &Quoted) -> &'static str {
    quoted.market.names()[1]
}
