//! The prices on the screen: those that the gateway gives any client, asked for as any client
//! does. What is in view is subscribed, what has left it is not any more.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use serde_json::json;
use tickwire::gateway::Gateway;
use tickwire::instrument::{Channel, Symbol};
use tickwire::limits::{SCREEN_ASK_EVERY, SCREEN_REFUSED_WAIT, SCREEN_RESTED};
use tickwire::watch::{self, Book, Books, Event, News, Price, Prices, Trust, View, WatchOptions};

/// What the eye can follow.
const UPDATES_PER_SECOND: u64 = 4;

/// Levels of each side of the book in view.
const DEPTH: usize = 40;

/// One instrument of the gateway.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    /// `exchange:symbol`.
    pub(super) name: Box<str>,
    pub(super) channels: Vec<Channel>,
}

/// What is known of the market, and what of it is looked at.
#[derive(Debug, Default)]
pub(super) struct Market {
    pub(super) listed: Vec<Listed>,
    pub(super) prices: Prices,
    pub(super) books: Books,
    /// Why nothing comes; empty while all is well.
    pub(super) trouble: String,
    /// This screen is one of the gateway's clients.
    pub(super) is_connected: bool,
    in_view: Wanted,
    /// When that became so.
    in_view_since: Option<Instant>,
}

/// What is subscribed, or is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Wanted {
    quotes: BTreeSet<Box<str>>,
    tickers: BTreeSet<Box<str>>,
    books: BTreeSet<Box<str>>,
}

impl Market {
    /// The prices of one instrument.
    pub(super) fn price(&self, name: &str) -> Option<&Price> {
        self.prices.of(name)
    }

    /// The book of one instrument.
    pub(super) fn book(&self, name: &str) -> Option<&Book> {
        self.books.of(name)
    }

    /// Looks at these instruments, and at the book of one.
    pub(super) fn look_at(&mut self, rows: std::ops::Range<usize>, book: Option<usize>) {
        let with = |channel: Channel| {
            let rows = self.listed.get(rows.clone()).unwrap_or_default();
            let those = rows.iter().filter(move |one| one.channels.contains(&channel));
            those.map(|one| one.name.clone()).collect()
        };
        let book = book.and_then(|index| self.listed.get(index));
        let book = book.filter(|one| one.channels.contains(&Channel::Orderbook));
        self.turn_to(Wanted {
            quotes: with(Channel::Quotes),
            tickers: with(Channel::Ticker),
            books: book.map(|one| one.name.clone()).into_iter().collect(),
        });
    }

    /// Nothing is looked at.
    pub(super) fn look_away(&mut self) {
        self.turn_to(Wanted::default());
    }

    fn turn_to(&mut self, wanted: Wanted) {
        if self.in_view != wanted {
            self.in_view = wanted;
            self.in_view_since = Some(Instant::now());
        }
    }

    /// Lists what the gateway carries: the first instrument of each exchange, then the second of
    /// each, so that a few rows show something of all.
    pub(super) fn list(&mut self, gateway: &Gateway) {
        let mut listed: Vec<(usize, Listed)> = Vec::new();
        for feed in &gateway.config().feeds {
            let channels = gateway.channels_of(feed.exchange);
            let of_one = |(rank, symbol): (usize, &Symbol)| {
                let name = format!("{}:{symbol}", feed.exchange).into();
                (rank, Listed { name, channels: channels.clone() })
            };
            listed.extend(feed.symbols.iter().enumerate().map(of_one));
        }
        listed.sort_by_key(|(rank, _)| *rank);
        self.listed = listed.into_iter().map(|(_, one)| one).collect();
    }
}

/// The client of the gateway behind the screen.
pub(super) struct Client {
    market: Arc<Mutex<Market>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Client {
    /// Connects to the gateway, and again whenever that is lost.
    pub(super) fn start(gateway: &Gateway) -> io::Result<Self> {
        let mut market = Market::default();
        market.list(gateway);
        let market = Arc::new(Mutex::new(market));
        let stop = Arc::new(AtomicBool::new(false));
        // The certificate names the host that clients know, which need not be this address.
        let trust = match &gateway.config().gateway.tls {
            Some(files) => Trust::Certificate(files.cert_file.clone()),
            None => Trust::System,
        };
        let options =
            WatchOptions { channels: Vec::new(), trust, ..WatchOptions::new(gateway.url()) };
        let mut eyes = Eyes {
            market: Arc::clone(&market),
            asked: Wanted::default(),
            asked_at: None,
            ask_after: Instant::now(),
        };
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("screen".to_owned()).spawn(move || {
            // Relaxed: a lone flag, here and below.
            while !stopped.load(Ordering::Relaxed) {
                if let Err(error) = watch::run(&options, &stopped, &mut eyes) {
                    eyes.failed(error.to_string());
                }
                let until = Instant::now() + SCREEN_REFUSED_WAIT;
                // Whoever ends this wakes it.
                while !stopped.load(Ordering::Relaxed) && Instant::now() < until {
                    std::thread::park_timeout(until.saturating_duration_since(Instant::now()));
                }
            }
        })?;
        Ok(Self { market, stop, thread: Some(thread) })
    }

    /// The market as it is now; the client waits while it is looked at.
    pub(super) fn market(&self) -> MutexGuard<'_, Market> {
        lock(&self.market)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic was told by its hook.
            let _ = thread.join();
        }
    }
}

fn lock(market: &Mutex<Market>) -> MutexGuard<'_, Market> {
    market.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the client sees goes into the market, what is looked at is what it asks for.
struct Eyes {
    market: Arc<Mutex<Market>>,
    asked: Wanted,
    asked_at: Option<Instant>,
    ask_after: Instant,
}

impl Eyes {
    /// The requests for what is in view `now`, when they are due.
    fn requests_at(&mut self, now: Instant) -> Vec<String> {
        let market = Arc::clone(&self.market);
        let mut market = lock(&market);
        let is_due = |last: Option<Instant>, time| last.is_none_or(|last| now >= last + time);
        let is_due =
            is_due(market.in_view_since, SCREEN_RESTED) || is_due(self.asked_at, SCREEN_ASK_EVERY);
        if market.in_view == self.asked || now < self.ask_after || !is_due {
            return Vec::new();
        }
        self.asked_at = Some(now);
        let wanted = market.in_view.clone();
        if wanted.books != self.asked.books {
            let book = wanted.books.first().cloned().unwrap_or_default();
            market.books.keep(&book);
        }
        let asked = std::mem::replace(&mut self.asked, wanted);
        let changes = [
            (&asked.quotes, &self.asked.quotes, Channel::Quotes),
            (&asked.tickers, &self.asked.tickers, Channel::Ticker),
            (&asked.books, &self.asked.books, Channel::Orderbook),
        ];
        changes
            .into_iter()
            .flat_map(|(before, now, channel)| turn_to(before, now, channel))
            .collect()
    }

    fn failed(&mut self, why: String) {
        let mut market = lock(&self.market);
        market.trouble = why;
        market.is_connected = false;
    }
}

impl View for Eyes {
    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        let mut market = lock(&self.market);
        market.prices.event(event);
        market.books.event(event);
        Ok(())
    }

    fn news(&mut self, news: &News<'_>) -> io::Result<()> {
        let mut market = lock(&self.market);
        market.books.news(news);
        match news {
            News::Connected { .. } => {
                self.asked = Wanted::default();
                market.is_connected = true;
                market.trouble.clear();
            }
            News::Lost { .. } => {
                market.is_connected = false;
                market.trouble = news.to_string();
            }
            _ => {}
        }
        Ok(())
    }

    fn turn(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn requests(&mut self) -> Vec<String> {
        self.requests_at(Instant::now())
    }

    fn is_own(&mut self, code: &str, message: &str) -> bool {
        lock(&self.market).trouble = format!("{code}: {message}");
        self.asked = Wanted::default();
        self.ask_after = Instant::now() + SCREEN_REFUSED_WAIT;
        true
    }
}

/// The requests that turn one set of subscriptions to a channel into another.
fn turn_to(before: &BTreeSet<Box<str>>, now: &BTreeSet<Box<str>>, channel: Channel) -> Vec<String> {
    let left: Vec<_> = before.difference(now).collect();
    let come: Vec<_> = now.difference(before).collect();
    let mut requests = Vec::new();
    if !left.is_empty() {
        let request =
            json!({"action": "unsubscribe", "symbols": left, "channels": [channel.name()]});
        requests.push(request.to_string());
    }
    if !come.is_empty() {
        let mut request = json!({
            "action": "subscribe", "symbols": come, "channels": [channel.name()], "snapshot": true,
        });
        if channel == Channel::Orderbook {
            request["depth"] = DEPTH.into();
        } else {
            request["delivery"] = json!({"perSecond": UPDATES_PER_SECOND});
        }
        requests.push(request.to_string());
    }
    requests
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn who_passes_by_asks_for_little_and_who_stays_for_what_is_there() {
        let mut market = Market::default();
        let channels = vec![Channel::Quotes, Channel::Ticker, Channel::Orderbook];
        for index in 0..200 {
            market
                .listed
                .push(Listed { name: format!("a:{index}").into(), channels: channels.clone() });
        }
        let market = Arc::new(Mutex::new(market));
        let start = Instant::now();
        let mut eyes = Eyes {
            market: Arc::clone(&market),
            asked: Wanted::default(),
            asked_at: None,
            ask_after: start,
        };
        // An arrow key is held for ten seconds at 30 a second, and the session looks each 5 ms.
        let mut sent = Vec::new();
        for step in 0..2_000_u64 {
            let now = start + Duration::from_millis(5 * step);
            if step % 7 == 0 {
                let first = step as usize / 7 % 190;
                lock(&market).look_at(first..first + 10, Some(first));
                lock(&market).in_view_since = Some(now);
            }
            sent.extend(eyes.requests_at(now));
        }
        assert!((6..=66).contains(&sent.len()), "{}", sent.len());
        lock(&market).look_at(150..160, Some(155));
        let rested = start + Duration::from_secs(10) + SCREEN_RESTED;
        assert!(!eyes.requests_at(rested).is_empty());
        assert_eq!(lock(&market).in_view, eyes.asked);
        assert!(eyes.requests_at(rested + SCREEN_ASK_EVERY).is_empty());
    }

    #[test]
    fn what_comes_into_view_is_subscribed_and_what_leaves_it_is_not_any_more() {
        let set = |names: &[&str]| names.iter().map(|name| Box::from(*name)).collect();
        let requests = turn_to(&set(&["a:A", "a:B"]), &set(&["a:B", "a:C"]), Channel::Quotes);
        let requests: Vec<serde_json::Value> =
            requests.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        assert_eq!(requests[0]["action"], "unsubscribe");
        assert_eq!(requests[0]["symbols"], json!(["a:A"]));
        assert_eq!(requests[1]["symbols"], json!(["a:C"]));
        assert_eq!(requests[1]["delivery"], json!({"perSecond": UPDATES_PER_SECOND}));
        assert!(turn_to(&set(&["a:A"]), &set(&["a:A"]), Channel::Ticker).is_empty());
    }
}
