//! What Advanced Trade answers to requests, and what Coinbase's older version 2 does beside it. The
//! paths that need an account have the same answers as the public ones.

use super::Coinbase;
use super::rest::{NOT_FOUND, Refused, instant, maker, whole};
use crate::clock::UnixNanos;
use crate::sim::candle::Bar;
use crate::sim::date::{date, date_shortest};
use crate::sim::exchange::Exchange;
use crate::sim::http::Target;
use crate::sim::resting::BookSide;
use crate::sim::truth::Kept;
use crate::sim::write::{decimal, step, trim};

/// Lengths of candles as they are asked for, in seconds.
const GRANULARITIES: [(&str, i64); 9] = [
    ("ONE_MINUTE", 60),
    ("FIVE_MINUTE", 300),
    ("FIFTEEN_MINUTE", 900),
    ("THIRTY_MINUTE", 1_800),
    ("ONE_HOUR", 3_600),
    ("TWO_HOUR", 7_200),
    ("FOUR_HOUR", 14_400),
    ("SIX_HOUR", 21_600),
    ("ONE_DAY", 86_400),
];

/// Fact: candles in one answer.
const CANDLES_MAX: usize = 350;

/// Money that is worth a dollar here.
const DOLLARS: [&str; 3] = ["USD", "USDC", "USDT"];

/// Money that is no coin.
const MONEY: [&str; 3] = ["USD", "EUR", "GBP"];

/// Digits of an exchange rate.
const RATE_DIGITS: u8 = 16;

impl Exchange<Coinbase> {
    pub(super) fn answer_advanced(
        &self,
        parts: &[&str],
        target: &Target,
        at: UnixNanos,
    ) -> Result<String, Refused> {
        match *parts {
            ["v2", ref rest @ ..] => self.answer_second(rest, target, at),
            ["api", "v3", "brokerage", "market", ref rest @ ..]
            | ["api", "v3", "brokerage", ref rest @ ..] => self.answer_third(rest, target, at),
            _ => Err(NOT_FOUND()),
        }
    }

    fn answer_third(
        &self,
        parts: &[&str],
        target: &Target,
        at: UnixNanos,
    ) -> Result<String, Refused> {
        match *parts {
            ["time"] => {
                let (iso, ms) = (date(at, 0), at.millis());
                let seconds = ms / 1_000;
                Ok(format!(r#"{{"iso":"{iso}","epochSeconds":"{seconds}","epochMillis":"{ms}"}}"#))
            }
            ["products"] => self.products_answer(target),
            ["products", native] => {
                let index = self.by_native.get(native).ok_or_else(NOT_FOUND)?;
                Ok(self.product_advanced(*index))
            }
            ["products", native, "ticker"] => self.last_trades(self.live(native)?, target),
            ["products", native, "candles"] => self.bars(self.live(native)?, target, at),
            ["product_book"] => {
                let native = target.value("product_id");
                let index = self.live(native.ok_or_else(|| Refused::argument("product_id"))?)?;
                let count = whole(target, "limit")?.filter(|count| *count > 0);
                let count = count.map_or(usize::MAX, |count| count as usize);
                Ok(self.priced_book(index, count, at))
            }
            ["best_bid_ask"] => {
                let chosen = self.chosen(target).map(|index| self.price_book(index, 1, at));
                Ok(format!(r#"{{"pricebooks":[{}]}}"#, chosen.collect::<Vec<_>>().join(",")))
            }
            _ => Err(NOT_FOUND()),
        }
    }

    /// The products that a request names, or all.
    fn chosen<'a>(&'a self, target: &'a Target) -> impl Iterator<Item = usize> + 'a {
        let mut named = target.query.iter().filter(|(key, _)| key == "product_ids").peekable();
        let named = named.peek().is_some().then(|| named.map(|(_, id)| id).collect::<Vec<_>>());
        (0..self.spellings.len()).filter(move |index| {
            let native = &self.spellings[*index].native;
            named.as_ref().is_none_or(|named| named.contains(&native))
        })
    }

    fn products_answer(&self, target: &Target) -> Result<String, Refused> {
        // All that is traded here is traded on spot.
        let is_spot = matches!(
            target.value("product_type"),
            None | Some("" | "SPOT" | "UNKNOWN_PRODUCT_TYPE")
        );
        let count = |key| whole(target, key).map(|count| count.and_then(|it| it.try_into().ok()));
        let (limit, offset) = (count("limit")?.unwrap_or(usize::MAX), count("offset")?);
        let chosen = self.chosen(target).filter(|_| is_spot);
        let page = chosen.skip(offset.unwrap_or(0)).take(limit);
        let products: Vec<String> = page.map(|index| self.product_advanced(index)).collect();
        let count = products.len();
        Ok(format!(r#"{{"products":[{}],"num_products":{count}}}"#, products.join(",")))
    }

    pub(super) fn product_advanced(&self, index: usize) -> String {
        let (of, traded) = (&self.spellings[index], &self.market.traded[index]);
        let (listed, day) = (&traded.listed, &traded.day);
        let (native, base, quote) = (&of.native, &of.base, &of.quote);
        let (price_step, size_step) = (step(listed.price_digits), step(listed.size_digits));
        let price = of.price.text(day.last);
        let volume = of.volume.text(i64::try_from(day.volume).unwrap_or(i64::MAX));
        let turnover = i128::try_from(day.turnover).unwrap_or(i128::MAX);
        let turnover = shortest(turnover, listed.price_digits + listed.size_digits);
        let [bid, ask] = self.market.traded[index].best();
        let middle = i128::from(bid.price + ask.price) * 5;
        let middle = shortest(middle, listed.price_digits + 1);
        let change = i128::from(day.last - day.open) * 10_i128.pow(14) / i128::from(day.open);
        let change = shortest(change, 12);
        format!(
            "{{\"product_id\":\"{native}\",\"price\":\"{price}\",\
             \"price_percentage_change_24h\":\"{change}\",\"volume_24h\":\"{volume}\",\
             \"volume_percentage_change_24h\":\"0\",\"base_increment\":\"{size_step}\",\
             \"quote_increment\":\"{price_step}\",\"quote_min_size\":\"1\",\
             \"quote_max_size\":\"150000000\",\"base_min_size\":\"{size_step}\",\
             \"base_max_size\":\"34000000\",\"base_name\":\"{base}\",\"quote_name\":\"{quote}\",\
             \"watched\":false,\"is_disabled\":false,\"new\":false,\"status\":\"online\",\
             \"cancel_only\":false,\"limit_only\":false,\"post_only\":false,\
             \"trading_disabled\":false,\"auction_mode\":false,\"product_type\":\"SPOT\",\
             \"quote_currency_id\":\"{quote}\",\"base_currency_id\":\"{base}\",\
             \"fcm_trading_session_details\":null,\"mid_market_price\":\"{middle}\",\
             \"alias\":\"\",\"alias_to\":[],\"base_display_symbol\":\"{base}\",\
             \"quote_display_symbol\":\"{quote}\",\"view_only\":false,\
             \"price_increment\":\"{price_step}\",\"display_name\":\"{native}\",\
             \"product_venue\":\"CBE\",\"approximate_quote_24h_volume\":\"{turnover}\"}}"
        )
    }

    /// Trades, the newest first, with the best prices.
    fn last_trades(&self, index: usize, target: &Target) -> Result<String, Refused> {
        let of = &self.spellings[index];
        let (start, end) = (instant(target, "start")?, instant(target, "end")?);
        let trades = self.trades_of(index, target, |_, at| {
            let seconds = at.millis() / 1_000;
            start.is_none_or(|start| seconds >= start) && end.is_none_or(|end| seconds < end)
        })?;
        let row = |(kept, at): &(Kept, UnixNanos)| {
            format!(
                r#"{{"trade_id":"{}","product_id":"{}","price":"{}","size":"{}","time":"{}","side":"{}","exchange":""}}"#,
                kept.print.id,
                of.native,
                of.price.text(kept.print.price),
                of.size.text(kept.print.size),
                date_shortest(*at, 6),
                maker(kept.print.taker, ["BUY", "SELL"]),
            )
        };
        let rows: Vec<String> = trades.iter().map(row).collect();
        let [bid, ask] = self.market.traded[index].best().map(|best| of.price.text(best.price));
        let rows = rows.join(",");
        Ok(format!(r#"{{"trades":[{rows}],"best_bid":"{bid}","best_ask":"{ask}"}}"#))
    }

    fn bars(&self, index: usize, target: &Target, at: UnixNanos) -> Result<String, Refused> {
        let of = &self.spellings[index];
        let name = target.value("granularity").unwrap_or("");
        let known = GRANULARITIES.into_iter().find(|(known, _)| *known == name);
        let (_, seconds) = known.ok_or_else(|| Refused::argument("granularity"))?;
        let range = [instant(target, "start")?, instant(target, "end")?];
        let count = whole(target, "limit")?.and_then(|count| count.try_into().ok());
        let mut bars = self.candles_of(index, seconds, range, CANDLES_MAX, at)?;
        bars.truncate(count.unwrap_or(CANDLES_MAX));
        let row = |bar: &Bar| {
            let [low, high, open, close] =
                [bar.low, bar.high, bar.open, bar.close].map(|ticks| of.price.text(ticks));
            let volume = of.volume.text(i64::try_from(bar.volume).unwrap_or(i64::MAX));
            let start = bar.start_ms / 1_000;
            format!(
                r#"{{"start":"{start}","low":"{low}","high":"{high}","open":"{open}","close":"{close}","volume":"{volume}"}}"#
            )
        };
        let rows: Vec<String> = bars.iter().map(row).collect();
        Ok(format!(r#"{{"candles":[{}]}}"#, rows.join(",")))
    }

    /// A book by itself.
    fn price_book(&self, index: usize, count: usize, at: UnixNanos) -> String {
        let [bids, asks] = [BookSide::Bid, BookSide::Ask].map(|side| {
            self.levels(index, side, count, |price, size, _| {
                format!(r#"{{"price":"{price}","size":"{size}"}}"#)
            })
        });
        let (native, time) = (&self.spellings[index].native, date_shortest(at, 6));
        format!(r#"{{"product_id":"{native}","bids":[{bids}],"asks":[{asks}],"time":"{time}"}}"#)
    }

    /// A book, with what lies between its sides.
    fn priced_book(&self, index: usize, count: usize, at: UnixNanos) -> String {
        let (of, traded) = (&self.spellings[index], &self.market.traded[index]);
        let [bid, ask] = self.market.traded[index].best().map(|best| best.price);
        let digits = traded.listed.price_digits;
        let middle = i128::from(bid + ask) * 5;
        // In 10⁻⁴ of a hundredth of a percent.
        let basis = i128::from(ask - bid) * 10 * 100_000_000 / middle.max(1);
        format!(
            r#"{{"pricebook":{},"last":"{}","mid_market":"{}","spread_bps":"{}","spread_absolute":"{}"}}"#,
            self.price_book(index, count, at),
            of.price.text(traded.day.last),
            shortest(middle, digits + 1),
            shortest(basis, 4),
            of.price.text(ask - bid),
        )
    }

    /// Version 2: money, coins, what they are worth, the time.
    fn answer_second(
        &self,
        parts: &[&str],
        target: &Target,
        at: UnixNanos,
    ) -> Result<String, Refused> {
        let list = |entries: Vec<String>| format!("[{}]", entries.join(","));
        let assets = self.assets().into_iter();
        let content = match *parts {
            ["time"] => {
                format!(r#"{{"iso":"{}","epoch":{}}}"#, date(at, 0), at.millis() / 1_000)
            }
            ["currencies"] => {
                let money = assets.filter(|asset| MONEY.contains(asset));
                let entry = |id| format!(r#"{{"id":"{id}","name":"{id}","min_size":"0.01"}}"#);
                list(money.map(entry).collect())
            }
            ["currencies", "crypto"] => {
                let coins = assets.filter(|asset| !MONEY.contains(asset)).enumerate();
                list(coins.map(|(index, code)| coin(index, code)).collect())
            }
            ["exchange-rates"] => self.rates(target.value("currency").unwrap_or("USD"))?,
            ["prices", native, "spot" | "buy" | "sell"] => {
                let index = self.live(native)?;
                let of = &self.spellings[index];
                let price = of.price.text(self.market.traded[index].day.last);
                let (base, quote) = (&of.base, &of.quote);
                format!(r#"{{"amount":"{price}","base":"{base}","currency":"{quote}"}}"#)
            }
            _ => return Err(NOT_FOUND()),
        };
        Ok(format!(r#"{{"data":{content}}}"#))
    }

    /// What a coin is worth in dollars, in 10⁻¹², by its last trade.
    fn worth(&self, asset: &str) -> Option<i128> {
        if DOLLARS.contains(&asset) {
            return Some(10_i128.pow(12));
        }
        let is_priced = |listed: &crate::sim::listing::Listed| {
            listed.base == asset && DOLLARS.contains(&listed.quote.as_str())
        };
        let traded = self.market.traded.iter().find(|traded| is_priced(&traded.listed))?;
        let digits = u32::from(traded.listed.price_digits);
        Some(i128::from(traded.day.last) * 10_i128.pow(12_u32.saturating_sub(digits)))
    }

    /// How much of every asset one of `currency` buys.
    fn rates(&self, currency: &str) -> Result<String, Refused> {
        let own = self.worth(currency).ok_or_else(|| Refused::argument("currency"))?;
        let rate = |asset: &str| {
            let worth = self.worth(asset).filter(|worth| *worth > 0)?;
            let rate = own * 10_i128.pow(u32::from(RATE_DIGITS)) / worth;
            Some(format!("\"{asset}\":\"{}\"", shortest(rate, RATE_DIGITS)))
        };
        let rates: Vec<String> = self.assets().into_iter().filter_map(rate).collect();
        Ok(format!(r#"{{"currency":"{currency}","rates":{{{}}}}}"#, rates.join(",")))
    }
}

fn coin(index: usize, code: &str) -> String {
    format!(
        r##"{{"asset_id":"00000000-0000-4000-a000-{index:012x}","code":"{code}","name":"{code}","color":"#0052FF","sort_index":{},"exponent":8,"type":"crypto","address_regex":""}}"##,
        100 + index
    )
}

/// A number without zeros at the end of its fraction.
fn shortest(mantissa: i128, digits: u8) -> String {
    let mut out = Vec::new();
    decimal(&mut out, mantissa, digits);
    if digits > 0 {
        trim(&mut out);
    }
    String::from_utf8_lossy(&out).into_owned()
}
