//! What the Exchange answers to requests.

use super::Coinbase;
use super::frames_exchange::order_id;
use super::rest::{Answer, NOT_FOUND, Refused, instant, maker, whole};
use crate::clock::UnixNanos;
use crate::sim::candle::Bar;
use crate::sim::date::date;
use crate::sim::exchange::Exchange;
use crate::sim::http::Target;
use crate::sim::resting::BookSide;
use crate::sim::write::step;

/// Lengths of candles, in seconds.
const GRANULARITIES: [i64; 6] = [60, 300, 900, 3_600, 21_600, 86_400];

/// Fact: candles in one answer.
const CANDLES_MAX: usize = 300;

/// Hours in the lines that are drawn of all products.
const SPARK_HOURS: usize = 24;

impl Exchange<Coinbase> {
    pub(super) fn answer_exchange(
        &self,
        parts: &[&str],
        target: &Target,
        at: UnixNanos,
    ) -> Result<Answer, Refused> {
        let body = match *parts {
            ["time"] => {
                let (date, ms) = (date(at, 3), at.millis());
                format!(r#"{{"iso":"{date}","epoch":{}.{:03}}}"#, ms / 1_000, ms % 1_000)
            }
            ["currencies"] => {
                let all = self.assets().into_iter().map(asset);
                format!("[{}]", all.collect::<Vec<_>>().join(","))
            }
            ["currencies", id] => {
                let known = self.assets().into_iter().find(|asset| *asset == id);
                asset(known.ok_or_else(NOT_FOUND)?)
            }
            ["products"] => self.products(),
            ["products", "spark-lines"] => self.spark_lines(at)?,
            ["products", native] => {
                let index = self.by_native.get(native).ok_or_else(NOT_FOUND)?;
                self.product_exchange(*index)
            }
            ["products", native, "ticker"] => self.ticker_answer(self.live(native)?, at),
            ["products", native, "stats"] => self.stats(self.live(native)?),
            ["products", native, "book"] => self.book_answer(self.live(native)?, target, at)?,
            ["products", native, "candles"] => {
                let index = self.live(native)?;
                let seconds = whole(target, "granularity")?.unwrap_or(60);
                if !GRANULARITIES.contains(&seconds) {
                    return Err(Refused(400, "Unsupported granularity".to_owned()));
                }
                let range = [instant(target, "start")?, instant(target, "end")?];
                let bars = self.candles_of(index, seconds, range, CANDLES_MAX, at)?;
                self.rows(index, &bars)
            }
            ["products", native, "trades"] => return self.trades_answer(native, target),
            _ => return Err(NOT_FOUND()),
        };
        Ok(Answer::from(body))
    }

    pub(super) fn product_exchange(&self, index: usize) -> String {
        let (of, listed) = (&self.spellings[index], &self.market.traded[index].listed);
        let (price_step, size_step) = (step(listed.price_digits), step(listed.size_digits));
        let (native, base, quote) = (&of.native, &of.base, &of.quote);
        format!(
            "{{\"id\":\"{native}\",\"base_currency\":\"{base}\",\
             \"quote_currency\":\"{quote}\",\"quote_increment\":\"{price_step}\",\
             \"base_increment\":\"{size_step}\",\"display_name\":\"{native}\",\
             \"min_market_funds\":\"1\",\"margin_enabled\":false,\"post_only\":false,\
             \"limit_only\":false,\"cancel_only\":false,\"status\":\"online\",\
             \"status_message\":\"\",\"trading_disabled\":false,\"fx_stablecoin\":false,\
             \"auction_mode\":false}}"
        )
    }

    fn volume(&self, index: usize) -> String {
        let volume = self.market.traded[index].day.volume;
        self.spellings[index].volume.text(i64::try_from(volume).unwrap_or(i64::MAX))
    }

    /// The last trade, the best prices and the day's volume.
    fn ticker_answer(&self, index: usize, at: UnixNanos) -> String {
        let (of, day) = (&self.spellings[index], &self.market.traded[index].day);
        let [bid, ask] = self.market.traded[index].best().map(|best| of.price.text(best.price));
        let last = self.truth.lock().kept(index).last().copied();
        let id = last.map_or(0, |kept| kept.print.id);
        let time = date(last.map_or(at, |kept| self.clock.date(kept.planned)), 6);
        format!(
            r#"{{"ask":"{ask}","bid":"{bid}","volume":"{}","trade_id":{id},"price":"{}","size":"{}","time":"{time}","rfq_volume":"0"}}"#,
            self.volume(index),
            of.price.text(day.last),
            of.size.text(day.last_size),
        )
    }

    fn stats(&self, index: usize) -> String {
        let day = &self.market.traded[index].day;
        let [open, high, low, last] = [day.open, day.high, day.low, day.last]
            .map(|ticks| self.spellings[index].price.text(ticks));
        let volume = self.volume(index);
        format!(
            r#"{{"open":"{open}","high":"{high}","low":"{low}","last":"{last}","volume":"{volume}","volume_30day":"{volume}"}}"#
        )
    }

    /// A book: the best levels, all of them, or all orders, of which each level has one.
    fn book_answer(&self, index: usize, target: &Target, at: UnixNanos) -> Result<String, Refused> {
        let level = whole(target, "level")?.unwrap_or(1);
        let count = match level {
            1 => 1,
            2 | 3 => usize::MAX,
            _ => return Err(Refused(400, "Invalid level".to_owned())),
        };
        let [bids, asks] = [BookSide::Bid, BookSide::Ask].map(|side| {
            self.levels(index, side, count, |price, size, ticks| match level {
                3 => format!(r#"["{price}","{size}","{}"]"#, order_id(ticks.unsigned_abs())),
                _ => format!(r#"["{price}","{size}",1]"#),
            })
        });
        let (sequence, time) = (self.own.schedule.sequence(index), date(at, 6));
        Ok(format!(
            r#"{{"bids":[{bids}],"asks":[{asks}],"sequence":{sequence},"auction_mode":false,"auction":null,"time":"{time}"}}"#
        ))
    }

    /// Trades, the newest first, with the numbers from which those before and after are had.
    fn trades_answer(&self, native: &str, target: &Target) -> Result<Answer, Refused> {
        let index = self.live(native)?;
        let of = &self.spellings[index];
        let (before, after) = (whole(target, "before")?, whole(target, "after")?);
        let trades = self.trades_of(index, target, |kept, _| {
            let id = i128::from(kept.print.id);
            before.is_none_or(|before| id > i128::from(before))
                && after.is_none_or(|after| id < i128::from(after))
        })?;
        let row = |(kept, at): &(_, UnixNanos)| {
            let kept: &crate::sim::truth::Kept = kept;
            format!(
                r#"{{"trade_id":{},"side":"{}","size":"{}","price":"{}","time":"{}"}}"#,
                kept.print.id,
                maker(kept.print.taker, ["buy", "sell"]),
                of.size.text(kept.print.size),
                of.price.text(kept.print.price),
                date(*at, 6),
            )
        };
        let rows: Vec<String> = trades.iter().map(row).collect();
        let pages = trades.first().zip(trades.last());
        let pages = pages.map(|((first, _), (last, _))| (first.print.id, last.print.id));
        Ok(Answer { body: format!("[{}]", rows.join(",")), pages })
    }

    /// Candles as rows of bare numbers.
    fn rows(&self, index: usize, bars: &[Bar]) -> String {
        let of = &self.spellings[index];
        let row = |bar: &Bar| {
            let [low, high, open, close] =
                [bar.low, bar.high, bar.open, bar.close].map(|ticks| of.price.text(ticks));
            let volume = of.volume.text(i64::try_from(bar.volume).unwrap_or(i64::MAX));
            format!("[{},{low},{high},{open},{close},{volume}]", bar.start_ms / 1_000)
        };
        format!("[{}]", bars.iter().map(row).collect::<Vec<_>>().join(","))
    }

    /// The last hours of every product.
    fn spark_lines(&self, at: UnixNanos) -> Result<String, Refused> {
        let line = |of: &super::listing::Spelling| {
            let index = self.live(&of.native)?;
            let bars = self.candles_of(index, 3_600, [None, None], SPARK_HOURS, at)?;
            Ok(format!("\"{}\":{}", of.native, self.rows(index, &bars)))
        };
        let wires = self.spellings.iter().map(line).collect::<Result<Vec<_>, Refused>>()?;
        Ok(format!("{{{}}}", wires.join(",")))
    }
}

fn asset(id: &str) -> String {
    let kind = if matches!(id, "USD" | "EUR" | "GBP") { "fiat" } else { "crypto" };
    let smallest = if kind == "fiat" { "0.01" } else { "0.00000001" };
    format!(
        r#"{{"id":"{id}","name":"{id}","min_size":"{smallest}","status":"online","message":"","max_precision":"{smallest}","convertible_to":[],"details":{{"type":"{kind}","symbol":null,"network_confirmations":0,"sort_order":0,"crypto_address_link":"","crypto_transaction_link":"","push_payment_methods":["{kind}"],"group_types":[],"display_name":null,"processing_time_seconds":null,"min_withdrawal_amount":{smallest},"max_withdrawal_amount":1000000}},"default_network":"","supported_networks":[],"display_name":""}}"#
    )
}
