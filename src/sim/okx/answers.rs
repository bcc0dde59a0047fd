//! OKX's answers to requests, written with the same numbers as its frames.

use super::channels::Kind;
use super::frames::Frame;
use super::listing::Class;
use crate::clock::UnixNanos;
use crate::limits::SIM_LOTS_MAX;
use crate::sim::candle::Bar;
use crate::sim::date::day_of;
use crate::sim::listing::Listed;
use crate::sim::market::{Day, Traded};

/// Funding is settled every eight hours.
pub(super) const FUNDING_MS: i64 = 8 * 3_600 * 1_000;

/// When the first instruments were listed, in milliseconds.
const LISTED_MS: i64 = 1_573_557_408_000;

/// Instruments are delivered at this time of a day.
const DELIVERY_MS: i64 = 8 * 3_600 * 1_000;

impl Frame<'_> {
    /// What entries about an instrument begin with.
    fn named(&mut self) -> &mut Self {
        let of = self.of;
        self.text("{\"instType\":\"").text(of.class.name());
        self.text("\",\"instId\":\"").text(&of.native).text("\"")
    }

    /// A book, with the number that its stream has.
    pub(super) fn book_entry(
        &mut self,
        traded: &Traded,
        count: usize,
        sequence: u64,
        at: UnixNanos,
    ) {
        self.text("{");
        self.whole_levels(&traded.book, count);
        self.time(",\"ts\":\"", at).number(",\"seqId\":", sequence).text("}");
    }

    /// A candle of the mark or index price, which are the last price here.
    pub(super) fn price_candle(&mut self, bar: &Bar, closed: bool) {
        self.number("[\"", bar.start_ms).text("\"");
        self.price(",\"", bar.open).price(",\"", bar.high).price(",\"", bar.low);
        self.price(",\"", bar.close).text(if closed { ",\"1\"]" } else { ",\"0\"]" });
    }

    /// A frame with what is made of the last price.
    pub(super) fn still(&mut self, kind: Kind, traded: &Traded, at: UnixNanos) {
        self.one(kind, |frame| match kind {
            Kind::Funding => frame.funding(at),
            Kind::MarkPrice => frame.mark_price(&traded.day, at),
            Kind::OpenInterest => frame.open_interest(traded, at),
            Kind::IndexPrice => frame.index_price(&traded.day, at),
            // Told by functions of their own.
            Kind::Trades | Kind::TradesAll | Kind::BestPrices | Kind::Tickers => {}
            Kind::Books | Kind::BestFive | Kind::Candles(_) => {}
        });
    }

    /// The mark price.
    pub(super) fn mark_price(&mut self, day: &Day, at: UnixNanos) {
        self.named().price(",\"markPx\":\"", day.last).time(",\"ts\":\"", at).text("}");
    }

    /// The index of a pair.
    pub(super) fn index_price(&mut self, day: &Day, at: UnixNanos) {
        let of = self.of;
        self.text("{\"instId\":\"").text(&of.pair).text("\"").price(",\"idxPx\":\"", day.last);
        self.price(",\"high24h\":\"", day.high).price(",\"low24h\":\"", day.low);
        self.price(",\"open24h\":\"", day.open).price(",\"sodUtc0\":\"", day.open);
        self.price(",\"sodUtc8\":\"", day.open).time(",\"ts\":\"", at).text("}");
    }

    /// Funding of a perpetual.
    pub(super) fn funding(&mut self, at: UnixNanos) {
        let due = (at.millis().div_euclid(FUNDING_MS) + 1) * FUNDING_MS;
        let at_ms = UnixNanos::from_millis;
        self.named().text(concat!(
            r#","method":"current_period","formulaType":"withRate","fundingRate":"0.0001","#,
            r#""nextFundingRate":"","minFundingRate":"-0.0075","maxFundingRate":"0.0075","#,
            r#""interestRate":"0.0001","impactValue":"","settState":"settled","#,
            r#""settFundingRate":"0.0001","premium":"0""#,
        ));
        self.time(",\"fundingTime\":\"", at_ms(due as u64));
        self.time(",\"nextFundingTime\":\"", at_ms((due + FUNDING_MS) as u64));
        self.time(",\"prevFundingTime\":\"", at_ms((due - FUNDING_MS).max(0) as u64));
        self.time(",\"ts\":\"", at).text("}");
    }

    /// Funding as it was settled last.
    pub(super) fn settled(&mut self, at: UnixNanos) {
        let settled = at.millis().div_euclid(FUNDING_MS) * FUNDING_MS;
        self.named().text(concat!(
            r#","fundingRate":"0.0001","realizedRate":"0.0001","method":"current_period","#,
            r#""formulaType":"withRate""#,
        ));
        let settled = UnixNanos::from_millis(settled.max(0) as u64);
        self.time(",\"fundingTime\":\"", settled).text("}");
    }

    /// Contracts that are open, and their worth in coins and in the quote asset.
    pub(super) fn open_interest(&mut self, traded: &Traded, at: UnixNanos) {
        let open = traded.listed.open_lots();
        let turnover = open as u128 * traded.day.last as u128;
        self.named().size(",\"oi\":\"", open);
        self.other_volume(",\"oiCcy\":\"", open as u128, turnover);
        self.turnover(",\"oiUsd\":\"", turnover).time(",\"ts\":\"", at).text("}");
    }

    /// Bounds of an order's price: a tenth around the last.
    pub(super) fn price_limit(&mut self, day: &Day, at: UnixNanos) {
        let tenth = day.last / 10;
        self.named().price(",\"buyLmt\":\"", day.last + tenth);
        self.price(",\"sellLmt\":\"", day.last - tenth).time(",\"ts\":\"", at);
        self.text(",\"enabled\":true}");
    }

    /// One instrument in the list of all.
    pub(super) fn listing(&mut self, listed: &Listed) {
        let of = self.of;
        let mut parts = of.native.splitn(3, '-').skip(2).flat_map(|rest| rest.split('-'));
        let expiry = parts.next().and_then(day_of);
        let (strike, option) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let expiry = expiry.map(|day| (day * 86_400_000 + DELIVERY_MS).to_string());
        // An option on the dollar is paid in coins.
        let settled = match of.class {
            Class::Option if listed.quote == "USD" => listed.base.as_str(),
            _ => listed.quote.as_str(),
        };
        let spot = of.class == Class::Spot;
        let of_spot = |text| if spot { text } else { "" };
        let of_contract = |text| if spot { "" } else { text };
        self.named();
        for (key, text) in [
            ("baseCcy", of_spot(listed.base.as_str())),
            ("quoteCcy", of_spot(listed.quote.as_str())),
            ("settleCcy", of_contract(settled)),
            ("uly", of_contract(of.pair.as_str())),
            ("instFamily", of_contract(of.pair.as_str())),
            ("ctVal", of_contract("0.1")),
            ("ctMult", of_contract("1")),
            ("ctValCcy", of_contract(listed.base.as_str())),
            ("ctType", of_contract(if of.class == Class::Option { "" } else { "linear" })),
            ("optType", option),
            ("stk", strike),
            ("expTime", expiry.as_deref().unwrap_or("")),
            ("alias", ""),
            ("category", "1"),
            ("lever", if of.class == Class::Option { "" } else { "10" }),
            ("ruleType", "normal"),
            ("maxLmtAmt", "20000000"),
            ("maxMktAmt", of_spot("1000000")),
        ] {
            self.text(",\"").text(key).text("\":\"").text(text).text("\"");
        }
        self.number(",\"listTime\":\"", LISTED_MS).text("\"");
        self.price(",\"tickSz\":\"", 1).size(",\"lotSz\":\"", 1).size(",\"minSz\":\"", 1);
        for key in
            ["maxLmtSz", "maxMktSz", "maxTwapSz", "maxIcebergSz", "maxTriggerSz", "maxStopSz"]
        {
            self.text(",\"").text(key).size("\":\"", SIM_LOTS_MAX);
        }
        self.text(",\"state\":\"live\"}");
    }
}
