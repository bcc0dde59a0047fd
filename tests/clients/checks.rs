//! What is asked of a client, the same for every exchange.

use serde_json::{Value, json};
use tickwire::clock::Clock;
use tickwire::instrument::ExchangeId;
use tickwire::sim::{Options, Simulator};

use crate::bridge::Client;
use crate::right::{self, Trade, is, is_near, is_sum, number};

/// Trades a second. Slow enough for every trade of the test to be kept.
const RATE: u32 = 100;

/// Trades that are compared, at least.
const TRADES_MIN: usize = 30;

/// One exchange, and how ccxt speaks to it.
pub(crate) struct Case {
    pub(crate) exchange: ExchangeId,
    /// ccxt's class.
    pub(crate) name: &'static str,
    /// What its constructor is told: where the simulator is, by REST and by WebSocket.
    pub(crate) config: fn(rest: &str, socket: &str) -> Value,
    pub(crate) instruments: &'static [Instrument],
    /// What a trade by REST is.
    pub(crate) rest_trades: Trades,
    /// Whether a client's text is the id of the trade with that number.
    pub(crate) is_id: fn(&str, u64) -> bool,
    /// Levels of each side in a client's book: by REST, and as it is streamed.
    pub(crate) depths: [usize; 2],
    pub(crate) best: Best,
    pub(crate) digits: Digits,
    pub(crate) side: Side,
    /// How far a turnover may be off, in parts of it.
    pub(crate) turnover_error: f64,
    /// ccxt's methods whose answers have prices and no sizes or volumes.
    pub(crate) without_sizes: &'static [&'static str],
    /// ccxt's features that need an account.
    pub(crate) with_account: &'static [&'static str],
}

impl Case {
    /// What most exchanges have in common.
    pub(crate) const fn new(
        exchange: ExchangeId,
        name: &'static str,
        config: fn(rest: &str, socket: &str) -> Value,
        instruments: &'static [Instrument],
    ) -> Self {
        Self {
            exchange,
            name,
            config,
            instruments,
            rest_trades: Trades::Matches,
            is_id: |text, id| text == id.to_string(),
            depths: [100, usize::MAX],
            best: Best::WithBook,
            digits: Digits::AsSent,
            side: Side::Taker,
            turnover_error: right::SUM_ERROR,
            without_sizes: &[],
            with_account: &["fetchCurrencies"],
        }
    }
}

/// Whose side ccxt tells of a trade.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Taker,
    /// It passes on what the exchange says.
    Maker,
}

/// How ccxt keeps the digits of a trade's price and size beside its own form.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Digits {
    /// As texts, as the simulator's trades have them.
    AsSent,
    /// The wire has bare numbers, which it keeps as floats.
    Floats,
}

/// When the best prices are subscribed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Best {
    WithBook,
    /// ccxt writes them over the book that it holds.
    AfterBook,
    /// ccxt keeps them as tickers.
    InTicker,
}

/// One instrument.
pub(crate) struct Instrument {
    /// As the exchange spells it in its streams.
    pub(crate) native: &'static str,
    /// As it spells it in its list.
    pub(crate) id: &'static str,
    /// As ccxt spells it.
    pub(crate) unified: &'static str,
    pub(crate) units: Units,
}

impl Instrument {
    /// One that the exchange spells alike everywhere, in whole coins.
    pub(crate) const fn of(native: &'static str, unified: &'static str) -> Self {
        Self { native, id: native, unified, units: WHOLE }
    }
}

/// What ccxt counts as one in volumes, in what was traded: contracts may be worth less than a coin.
#[derive(Clone, Copy)]
pub(crate) struct Units {
    pub(crate) candle: f64,
    pub(crate) day: f64,
}

/// Volumes are sums of sizes.
const WHOLE: Units = Units { candle: 1.0, day: 1.0 };

/// What one trade of a list is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trades {
    /// A match.
    Matches,
    /// A taker's order with all its matches.
    Orders,
}

/// A client and its exchange.
struct Session<'a> {
    case: &'a Case,
    simulator: Simulator,
    clock: Clock,
    ccxt: Client,
}

/// Lets ccxt do all it can.
pub(crate) fn run(case: &Case) {
    let symbols = case.instruments.iter().map(|it| it.native.to_owned()).collect();
    let options = Options { symbols, rate: RATE, ..Options::new(case.exchange) };
    let clock = options.clock.clone();
    let simulator = Simulator::start(options).expect("it starts");
    let config = (case.config)(&simulator.rest_url(), &simulator.url());
    let Some(ccxt) = Client::start(case.name, &config) else { return };
    let mut session = Session { case, simulator, clock, ccxt };
    session.lists();
    for instrument in case.instruments {
        session.subscribes(instrument);
        session.hears_trades(instrument);
    }
    session.simulator.pause();
    for instrument in case.instruments {
        session.holds(instrument);
        session.fetches_book(instrument);
        session.fetches_trades(instrument);
        session.fetches_candles(instrument);
        session.fetches_tickers(instrument);
        if instrument.unified.contains(':') {
            session.fetches_contract(instrument);
        }
    }
}

impl Session<'_> {
    /// Whether ccxt does that without an account.
    fn has(&mut self, feature: &str) -> bool {
        !self.case.with_account.contains(&feature) && self.ccxt.has(feature)
    }

    /// The list of instruments and of assets, and the time, as ccxt asks for them first.
    fn lists(&mut self) {
        let markets = self.ccxt.call("load_markets", json!([]));
        for instrument in self.case.instruments {
            let market = &markets[instrument.unified];
            assert_eq!(market["id"], instrument.id, "{market}");
            assert_eq!(market["active"], true, "{market}");
            let book = self.simulator.book(instrument.native).expect("it is listed");
            for (key, text) in [("price", &book.bids[0].0), ("amount", &book.bids[0].1)] {
                let tick = market["precision"][key].as_f64().expect("a tick");
                let ticks = number(text) / tick;
                assert!((ticks - ticks.round()).abs() < 1e-6, "{text} in ticks of {tick}");
            }
        }
        if self.has("fetchCurrencies") {
            let assets = self.ccxt.call("fetch_currencies", json!([]));
            for instrument in self.case.instruments {
                for code in instrument.unified.split('/') {
                    assert_eq!(assets[code]["code"], code, "{assets}");
                }
            }
        }
        if self.has("fetchTime") {
            let at_ms = self.ccxt.call("fetch_time", json!([]));
            assert!(at_ms.as_i64().is_some_and(|at_ms| at_ms > 1_700_000_000_000), "{at_ms}");
        }
    }

    /// Each returns with the first that came.
    fn subscribes(&mut self, instrument: &Instrument) {
        let symbol = instrument.unified;
        let calls = [
            ("watchOrderBook", "watch_order_book", json!([symbol])),
            ("watchTicker", "watch_ticker", json!([symbol])),
            ("watchBidsAsks", "watch_bids_asks", json!([[symbol]])),
            ("watchOHLCV", "watch_ohlcv", json!([symbol, "1m"])),
        ];
        for (feature, method, arguments) in calls {
            let is_later = feature == "watchBidsAsks" && self.case.best == Best::AfterBook;
            if self.has(feature) && !is_later {
                self.ccxt.call(method, arguments);
            }
        }
    }

    /// Every trade that comes is one that was printed, and none is missing between two.
    fn hears_trades(&mut self, instrument: &Instrument) {
        let mut heard: Vec<Value> = Vec::new();
        while heard.len() < TRADES_MIN {
            let came = self.ccxt.call("watch_trades", json!([instrument.unified]));
            heard.extend(came.as_array().expect("a list").iter().cloned());
        }
        let right = self.trades(instrument, Trades::Matches);
        self.compare_trades(&heard, &right);
    }

    fn trades(&self, instrument: &Instrument, of: Trades) -> Vec<Trade> {
        let trades = self.simulator.truth().trades(instrument.native);
        let trades = match of {
            Trades::Matches => right::trades(&trades, &self.clock),
            Trades::Orders => right::orders(&trades, &self.clock),
        };
        match self.case.side {
            Side::Taker => trades,
            Side::Maker => trades.into_iter().map(Trade::seen_by_maker).collect(),
        }
    }

    /// `read` is a stretch of `right`. Among trades of one millisecond ccxt sorts by their ids, which
    /// need not be in the order of the trades.
    fn compare_trades(&self, read: &[Value], right: &[Trade]) {
        let is_id = |value: &Value, id| value.as_str().is_some_and(|it| (self.case.is_id)(it, id));
        let place = |read: &Value| {
            let place = right.iter().position(|right| is_id(&read["id"], right.id));
            let place = place.unwrap_or_else(|| panic!("{read} was never printed"));
            assert_eq!(right[place].wrong(read, self.case.digits), None);
            place
        };
        let mut places: Vec<usize> = read.iter().map(place).collect();
        places.sort_unstable();
        let (first, count) = (places[0], places.len());
        assert!(places.into_iter().eq(first..first + count), "some are missing or told twice");
    }

    /// What the streams left in the client, once the market stands still.
    fn holds(&mut self, instrument: &Instrument) {
        let symbol = instrument.unified;
        let book = self.simulator.book(instrument.native).expect("it is listed");
        let depth = self.case.depths[1];
        let wrong = |read: &Value| right::wrong_book(read, &book, depth);
        self.ccxt.until(&["orderbooks", symbol], wrong);
        let trades = self.trades(instrument, Trades::Matches);
        let last = number(&trades.last().expect("it traded").price);
        if self.has("watchTicker") {
            let wrong = |read: &Value| (!is(&read["last"], last)).then(|| read.to_string());
            self.ccxt.until(&["tickers", symbol], wrong);
        }
        if self.has("watchBidsAsks") {
            if self.case.best == Best::AfterBook {
                self.ccxt.call("watch_bids_asks", json!([[symbol]]));
            }
            let held = if self.case.best == Best::InTicker { "tickers" } else { "bidsasks" };
            let wrong = |read: &Value| wrong_best(read, &book, Sizes::Told);
            self.ccxt.until(&[held, symbol], wrong);
        }
        if self.has("watchOHLCV") {
            let candle = *right::candles(&trades).last().expect("it traded");
            let wrong = |read: &Value| {
                let candles = read.as_array().map_or(&[][..], Vec::as_slice);
                let same = candles.iter().find(|read| read[0] == candle.start_ms);
                same.map_or(Some("no candle".to_owned()), |read| {
                    candle.wrong(read, instrument.units.candle)
                })
            };
            self.ccxt.until(&["ohlcvs", symbol, "1m"], wrong);
        }
    }

    fn fetches_book(&mut self, instrument: &Instrument) {
        let book = self.simulator.book(instrument.native).expect("it is listed");
        let depth = self.case.depths[0];
        let read = self.ccxt.call("fetch_order_book", json!([instrument.unified, depth]));
        assert_eq!(right::wrong_book(&read, &book, depth), None);
    }

    fn fetches_trades(&mut self, instrument: &Instrument) {
        let right = self.trades(instrument, self.case.rest_trades);
        let read = self.ccxt.call("fetch_trades", json!([instrument.unified, null, 50]));
        let read = read.as_array().expect("a list");
        assert_eq!(read.len(), right.len().min(50));
        self.compare_trades(read, &right[right.len() - read.len()..]);
    }

    fn fetches_candles(&mut self, instrument: &Instrument) {
        let candles = right::candles(&self.trades(instrument, Trades::Matches));
        let read = self.ccxt.call("fetch_ohlcv", json!([instrument.unified, "1m"]));
        let read = read.as_array().expect("a list");
        for candle in &candles {
            let same = read.iter().find(|read| read[0] == candle.start_ms);
            let same = same.unwrap_or_else(|| panic!("no candle for {candle:?} in {read:?}"));
            assert_eq!(candle.wrong(same, instrument.units.candle), None);
        }
        let first = candles.first().expect("it traded").start_ms;
        assert!(read.iter().all(|read| read[0].as_i64() >= Some(first)), "{read:?}");
    }

    /// The day's numbers: alone, and among all.
    fn fetches_tickers(&mut self, instrument: &Instrument) {
        let symbol = instrument.unified;
        let alone = self.ccxt.call("fetch_ticker", json!([symbol]));
        self.compare_ticker(instrument, "fetch_ticker", &alone);
        if self.has("fetchTickers") {
            let all = self.ccxt.call("fetch_tickers", json!([[symbol]]));
            self.compare_ticker(instrument, "fetch_tickers", &all[symbol]);
        }
        if self.has("fetchBidsAsks") {
            let best = self.ccxt.call("fetch_bids_asks", json!([[symbol]]));
            let book = self.simulator.book(instrument.native).expect("it is listed");
            assert_eq!(wrong_best(&best[symbol], &book, Sizes::Told), None);
        }
    }

    /// What only contracts have.
    fn fetches_contract(&mut self, instrument: &Instrument) {
        let symbol = instrument.unified;
        let trades = self.trades(instrument, Trades::Matches);
        let last = number(&trades.last().expect("it traded").price);
        if self.has("fetchFundingRate") {
            let funding = self.ccxt.call("fetch_funding_rate", json!([symbol]));
            assert!(is(&funding["fundingRate"], 0.0001), "{funding}");
            let next = &funding["fundingTimestamp"];
            assert_eq!(next.as_i64().map(|at_ms| at_ms % (8 * 3_600_000)), Some(0), "{funding}");
        }
        if self.has("fetchOpenInterest") {
            let open = self.ccxt.call("fetch_open_interest", json!([symbol]));
            let amount = open["openInterestAmount"].as_f64();
            assert!(amount.is_some_and(|amount| amount > 0.0), "{open}");
        }
        if self.has("fetchMarkPrice") {
            let mark = self.ccxt.call("fetch_mark_price", json!([symbol]));
            assert!(is(&mark["markPrice"], last), "{mark} for {last}");
        }
    }

    fn compare_ticker(&self, instrument: &Instrument, method: &str, read: &Value) {
        let sizes = match self.case.without_sizes.contains(&method) {
            true => Sizes::Absent,
            false => Sizes::Told,
        };
        let trades = self.trades(instrument, Trades::Matches);
        let size = |trade: &Trade| number(&trade.size) * instrument.units.day;
        let volume: f64 = trades.iter().map(size).sum();
        let turnover: f64 = trades.iter().map(|trade| size(trade) * number(&trade.price)).sum();
        let last = number(&trades.last().expect("it traded").price);
        assert!(is(&read["last"], last), "last {read} for {last}");
        if sizes == Sizes::Told || !read["baseVolume"].is_null() {
            assert!(is_sum(&read["baseVolume"], volume), "volume {read} for {volume}");
        }
        if !read["quoteVolume"].is_null() {
            let is_near = is_near(&read["quoteVolume"], turnover, self.case.turnover_error);
            assert!(is_near, "turnover {read} for {turnover}");
        }
        if !read["bid"].is_null() {
            let book = self.simulator.book(instrument.native).expect("it is listed");
            assert_eq!(wrong_best(read, &book, sizes), None);
        }
    }
}

/// Whether an answer has sizes and volumes beside its prices.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sizes {
    Told,
    Absent,
}

/// What of a client's best prices is not the book's.
fn wrong_best(read: &Value, book: &tickwire::sim::TrueBook, sizes: Sizes) -> Option<String> {
    let sides = [("bid", "bidVolume", &book.bids[0]), ("ask", "askVolume", &book.asks[0])];
    let wrong = sides.into_iter().find(|(price, size, right)| {
        let is_size = sizes == Sizes::Absent || is(&read[*size], number(&right.1));
        !is(&read[*price], number(&right.0)) || !is_size
    });
    wrong.map(|(price, ..)| format!("{price}: {read} for {:?}", book.bids[0]))
}
