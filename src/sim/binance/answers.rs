//! Binance's answers to requests, written with the same numbers as its frames. Field order is the
//! exchange's own.

use super::frames::{Frame, funding_after, ids};
use crate::clock::UnixNanos;
use crate::limits::SIM_LOTS_MAX;
use crate::sim::candle::{Bar, CandleOf, INTERVALS};
use crate::sim::listing::Listed;
use crate::sim::market::{Day, Print, Traded};
use crate::sim::resting::{BookSide, RestingBook};

/// Part of a day's statistics that an answer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Statistics {
    /// All, the best prices too.
    Full,
    /// What a window of any length has.
    Window,
    /// Prices and sums alone.
    Mini,
}

impl Frame<'_> {
    /// A book.
    pub(super) fn snapshot(
        &mut self,
        update_id: u64,
        count: usize,
        book: &RestingBook,
        at: UnixNanos,
    ) {
        self.id("{\"lastUpdateId\":", update_id);
        if !self.is_spot() {
            self.time(",\"E\":", at).time(",\"T\":", at);
        }
        self.levels(",\"bids\":", book.levels(BookSide::Bid).take(count));
        self.levels(",\"asks\":", book.levels(BookSide::Ask).take(count));
        self.text("}");
    }

    /// One match in a list.
    pub(super) fn trade_row(&mut self, print: &Print, at: UnixNanos) {
        self.id("{\"id\":", print.id).price(",\"price\":", print.price);
        self.size(",\"qty\":", print.size);
        self.turnover(",\"quoteQty\":", print.size as u128 * print.price as u128);
        self.time(",\"time\":", at);
        self.maker(print, ",\"isBuyerMaker\":", ",\"isBestMatch\":true}");
    }

    /// One taker's order in a list.
    pub(super) fn order_row(&mut self, prints: &[Print], at: UnixNanos) {
        let [first, ..] = prints else { return };
        let last = prints.last().unwrap_or(first);
        self.id("{\"a\":", first.order).price(",\"p\":", first.price);
        self.size(",\"q\":", prints.iter().map(|print| print.size).sum());
        self.id(",\"f\":", first.id).id(",\"l\":", last.id).time(",\"T\":", at);
        self.maker(first, ",\"m\":", ",\"M\":true}");
    }

    /// Whether the buyer was the maker, and the end of a trade; `best` is of spot alone.
    fn maker(&mut self, print: &Print, key: &str, best: &str) {
        let maker_bought = print.taker == BookSide::Ask;
        self.text(key).text(if maker_bought { "true" } else { "false" });
        self.text(if self.is_spot() { best } else { "}" });
    }

    /// One candle in a list.
    pub(super) fn kline_row(&mut self, kind: CandleOf, interval: usize, bar: &Bar) {
        let end_ms = bar.start_ms + INTERVALS[interval].1 * 1_000;
        let flat = |ticks| if kind == CandleOf::Premium { 0 } else { ticks };
        self.time("[", UnixNanos::from_millis(bar.start_ms as u64));
        for ticks in [bar.open, bar.high, bar.low, bar.close] {
            self.price(",", flat(ticks));
        }
        if kind == CandleOf::Traded {
            self.volume(",", bar.volume).last_instant(",", end_ms);
            self.turnover(",", bar.turnover).id(",", bar.count);
            self.volume(",", bar.bought).turnover(",", bar.bought_turnover);
        } else {
            self.text(",\"0\"").last_instant(",", end_ms).text(",\"0\",0,\"0\",\"0\"");
        }
        self.text(",\"0\"]");
    }

    /// The day's or a window's numbers.
    pub(super) fn statistics(
        &mut self,
        kind: Statistics,
        day: &Day,
        traded: &Traded,
        [began, at]: [UnixNanos; 2],
    ) {
        self.named();
        if kind == Statistics::Mini {
            self.price(",\"openPrice\":", day.open).price(",\"highPrice\":", day.high);
            self.price(",\"lowPrice\":", day.low).price(",\"lastPrice\":", day.last);
        } else {
            self.price(",\"priceChange\":", day.last - day.open);
            self.percent(",\"priceChangePercent\":", day);
            self.price(",\"weightedAvgPrice\":", day.average());
            let is_full = kind == Statistics::Full;
            if is_full && self.is_spot() {
                self.price(",\"prevClosePrice\":", day.open);
            }
            self.price(",\"lastPrice\":", day.last);
            if is_full {
                self.size(",\"lastQty\":", day.last_size);
            }
            if is_full && self.is_spot() {
                self.best(traded);
            }
            self.price(",\"openPrice\":", day.open).price(",\"highPrice\":", day.high);
            self.price(",\"lowPrice\":", day.low);
        }
        self.volume(",\"volume\":", day.volume).turnover(",\"quoteVolume\":", day.turnover);
        self.time(",\"openTime\":", began).time(",\"closeTime\":", at);
        let (first, last) = ids(day.first_id, day.count);
        self.number(",\"firstId\":", first).number(",\"lastId\":", last);
        self.id(",\"count\":", day.count).text("}");
    }

    /// The last price.
    pub(super) fn last_price(&mut self, day: &Day, at: UnixNanos) {
        self.named().price(",\"price\":", day.last);
        self.stamped(at);
    }

    /// The best prices.
    pub(super) fn best_prices(&mut self, traded: &Traded, at: UnixNanos) {
        self.named();
        if !self.is_spot() {
            self.id(",\"lastUpdateId\":", traded.update_id);
        }
        self.best(traded).stamped(at);
    }

    fn named(&mut self) -> &mut Self {
        let of = self.of;
        self.text("{\"symbol\":\"").text(&of.symbol).text("\"")
    }

    fn best(&mut self, traded: &Traded) -> &mut Self {
        let [bid, ask] = traded.best();
        self.price(",\"bidPrice\":", bid.price).size(",\"bidQty\":", bid.size);
        self.price(",\"askPrice\":", ask.price).size(",\"askQty\":", ask.size)
    }

    /// The time that futures write at the end.
    fn stamped(&mut self, at: UnixNanos) {
        if !self.is_spot() {
            self.time(",\"time\":", at);
        }
        self.text("}");
    }

    /// The price of the last minutes on average.
    pub(super) fn average_price(&mut self, average: i64, at: UnixNanos) {
        self.price("{\"mins\":5,\"price\":", average).time(",\"closeTime\":", at).text("}");
    }

    /// Mark price and funding; both are what the mark price's stream says.
    pub(super) fn premium_index(&mut self, day: &Day, at: UnixNanos) {
        self.named().price(",\"markPrice\":", day.last).price(",\"indexPrice\":", day.last);
        self.price(",\"estimatedSettlePrice\":", day.last);
        self.text(",\"lastFundingRate\":\"0.00010000\",\"interestRate\":\"0.00010000\"");
        self.time(",\"nextFundingTime\":", funding_after(at)).stamped(at);
    }

    /// Funding as it was settled at `at`.
    pub(super) fn funding_row(&mut self, day: &Day, at: UnixNanos) {
        self.named().time(",\"fundingTime\":", at);
        self.text(",\"fundingRate\":\"0.00010000\"").price(",\"markPrice\":", day.last).text("}");
    }

    /// Contracts that are open: as many as were ever offered at the start, which stands still.
    pub(super) fn open_interest(&mut self, lots: i64, at: UnixNanos) {
        self.named().size(",\"openInterest\":", lots).stamped(at);
    }

    /// One instrument in the list of all.
    pub(super) fn listing(&mut self, listed: &Listed) {
        self.named();
        match self.is_spot() {
            true => self.spot_listing(listed),
            false => self.contract_listing(listed),
        }
    }

    fn spot_listing(&mut self, listed: &Listed) {
        self.text(",\"status\":\"TRADING\",\"baseAsset\":\"").text(&listed.base);
        self.text("\",\"baseAssetPrecision\":8,\"quoteAsset\":\"").text(&listed.quote);
        self.text(concat!(
            r#"","quotePrecision":8,"quoteAssetPrecision":8,"baseCommissionPrecision":8,"#,
            r#""quoteCommissionPrecision":8,"orderTypes":["LIMIT","LIMIT_MAKER","MARKET","#,
            r#""STOP_LOSS","STOP_LOSS_LIMIT","TAKE_PROFIT","TAKE_PROFIT_LIMIT"],"#,
            r#""icebergAllowed":true,"ocoAllowed":true,"otoAllowed":true,"#,
            r#""quoteOrderQtyMarketAllowed":true,"allowTrailingStop":true,"#,
            r#""cancelReplaceAllowed":true,"amendAllowed":true,"isSpotTradingAllowed":true,"#,
            r#""isMarginTradingAllowed":false,"filters":["#,
        ));
        self.price_and_lot(listed).text(concat!(
            r#",{"filterType":"ICEBERG_PARTS","limit":100},{"filterType":"MARKET_LOT_SIZE","#,
            r#""minQty":"0.00000000""#,
        ));
        self.size(",\"maxQty\":", SIM_LOTS_MAX).text(concat!(
            r#","stepSize":"0.00000000"},{"filterType":"TRAILING_DELTA","#,
            r#""minTrailingAboveDelta":10,"maxTrailingAboveDelta":2000,"#,
            r#""minTrailingBelowDelta":10,"maxTrailingBelowDelta":2000},"#,
            r#"{"filterType":"PERCENT_PRICE_BY_SIDE","bidMultiplierUp":"5","#,
            r#""bidMultiplierDown":"0.2","askMultiplierUp":"5","askMultiplierDown":"0.2","#,
            r#""avgPriceMins":5},{"filterType":"NOTIONAL","minNotional":"5.00000000","#,
            r#""applyMinToMarket":true,"maxNotional":"9000000.00000000","#,
            r#""applyMaxToMarket":false,"avgPriceMins":5},"#,
            r#"{"filterType":"MAX_NUM_ORDERS","maxNumOrders":200},"#,
            r#"{"filterType":"MAX_NUM_ALGO_ORDERS","maxNumAlgoOrders":5}],"permissions":[],"#,
            r#""permissionSets":[["SPOT"]],"defaultSelfTradePreventionMode":"EXPIRE_MAKER","#,
            r#""allowedSelfTradePreventionModes":["EXPIRE_TAKER","EXPIRE_MAKER","EXPIRE_BOTH"]}"#,
        ));
    }

    fn contract_listing(&mut self, listed: &Listed) {
        let [price, size] = [self.of.price_unit, self.of.size_unit].map(i128::from);
        self.text(",\"pair\":\"").text(&listed.native);
        self.text(concat!(
            r#"","contractType":"PERPETUAL","deliveryDate":4133404800000,"#,
            r#""onboardDate":1569398400000,"status":"TRADING","maintMarginPercent":"2.5000","#,
            r#""requiredMarginPercent":"5.0000","baseAsset":""#,
        ));
        self.text(&listed.base).text("\",\"quoteAsset\":\"").text(&listed.quote);
        self.text("\",\"marginAsset\":\"").text(&listed.quote);
        self.number("\",\"pricePrecision\":", price).number(",\"quantityPrecision\":", size);
        self.text(concat!(
            r#","baseAssetPrecision":8,"quotePrecision":8,"underlyingType":"COIN","#,
            r#""underlyingSubType":[],"triggerProtect":"0.0500","liquidationFee":"0.012500","#,
            r#""marketTakeBound":"0.05","maxMoveOrderLimit":10000,"filters":["#,
        ));
        self.price_and_lot(listed).text(",{\"filterType\":\"MARKET_LOT_SIZE\"");
        self.size(",\"minQty\":", 1).size(",\"maxQty\":", SIM_LOTS_MAX).size(",\"stepSize\":", 1);
        self.text(concat!(
            r#"},{"filterType":"MAX_NUM_ORDERS","limit":200},"#,
            r#"{"filterType":"MAX_NUM_ALGO_ORDERS","limit":10},"#,
            r#"{"filterType":"MIN_NOTIONAL","notional":"5"},"#,
            r#"{"filterType":"PERCENT_PRICE","multiplierUp":"1.1500","#,
            r#""multiplierDown":"0.8500","multiplierDecimal":"4"}],"#,
            r#""orderTypes":["LIMIT","MARKET","STOP","STOP_MARKET","TAKE_PROFIT","#,
            r#""TAKE_PROFIT_MARKET","TRAILING_STOP_MARKET"],"#,
            r#""timeInForce":["GTC","IOC","FOK","GTX","GTD"]}"#,
        ));
    }

    /// The first two filters, in the order that some clients take for granted.
    fn price_and_lot(&mut self, listed: &Listed) -> &mut Self {
        self.text("{\"filterType\":\"PRICE_FILTER\"").price(",\"minPrice\":", 1);
        self.price(",\"maxPrice\":", listed.start.saturating_mul(100));
        self.price(",\"tickSize\":", 1).text("},{\"filterType\":\"LOT_SIZE\"");
        self.size(",\"minQty\":", 1).size(",\"maxQty\":", SIM_LOTS_MAX);
        self.size(",\"stepSize\":", 1).text("}")
    }
}
