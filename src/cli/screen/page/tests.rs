//! The pages at every size, with the largest and the oddest that can stand on them.

use std::collections::BTreeMap;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use tickwire::instrument::{Channel, ExchangeId};
use tickwire::metrics::{
    BookStats, BudgetStats, ClientStats, Distribution, FeedStats, HistoryStats, LatencyStats,
    LineStats,
};
use tickwire::watch::Event;
use tracing_subscriber::layer::SubscriberExt as _;

use super::super::market::Listed;
use super::feeds::{FEED_COLUMNS, LATENCY_COLUMNS};
use super::*;

/// The sizes that are promised, and some that are not.
const SIZES: [(u16, u16); 9] =
    [(80, 24), (100, 30), (120, 40), (40, 10), (300, 80), (87, 25), (20, 5), (3, 3), (1, 1)];

const KEYS: [Key; 4] = [Key::Number(1), Key::Number(2), Key::Number(3), Key::Number(4)];

fn feed(exchange: &str, state: &'static str, number: u64) -> FeedStats {
    let line = LineStats { state, reason: "none", attempt: 0, seconds: 1.0 };
    FeedStats {
        exchange: exchange.to_owned(),
        state,
        lines: vec![line.clone(), line],
        frames_per_second: number as f64,
        ticks_per_second: number as f64,
        age_seconds: Some(number as f64),
        frames: number,
        bytes: number,
        ticks: number,
        gaps: number,
        resyncs: number,
        unlisted: Vec::new(),
        books: BookStats { live: number / 4, resyncing: number / 4, stale: number / 4 },
        absent_subscriptions: 0,
        checksum_failures: number,
        unsettled_subscriptions: number,
        requests_waiting: number,
        requests_eta_seconds: 0.0,
        circuit_open: false,
        race: Vec::new(),
        reconnects: BTreeMap::from([("connection reset", number)]),
        rejected: BTreeMap::from([("malformed", number)]),
        fallback_share: 1.0,
        ring_ticks: number,
        ring_refusals: number,
        skipped_ticks: number,
        negative_ages: number,
    }
}

fn stats(number: u64) -> Stats {
    let states = ["connected", "reconnecting", "error", "connecting", "terminated"];
    let feeds = ExchangeId::ALL.into_iter().zip(states.into_iter().cycle());
    let minute = Distribution {
        samples: number,
        p50_ns: number,
        p90_ns: number,
        p99_ns: number,
        p999_ns: number,
        max_ns: number,
    };
    let span = |span| LatencyStats { span, last_minute: minute.clone(), total: minute.clone() };
    Stats {
        version: "0.1.0",
        epoch: "e".to_owned(),
        uptime_seconds: number as f64,
        resident_bytes: Some(number),
        ready: true,
        not_ready: Vec::new(),
        feeds: feeds
            .take(9)
            .map(|(exchange, state)| feed(exchange.name(), state, number))
            .collect(),
        clients: ClientStats { open: number, conflated: number, ..ClientStats::default() },
        histories: HistoryStats { bytes: number, evicted: number },
        latency: ["socket_to_ring", "ring_to_client", "socket_to_client"].map(span).to_vec(),
        budget: BudgetStats { windows: 0, lines: BTreeMap::new() },
        configuration: serde_json::Value::Null,
    }
}

/// Instruments with the longest names, the longest numbers, and a name that would move the cursor.
fn market() -> Market {
    let mut market = Market::default();
    let long = "ABCDEFGHIJKLMNOPQR/ABCDEFGHIJKLMNOPQRSTU";
    let odd = "漢字\u{1b}[2J\u{202e}/é";
    for exchange in ExchangeId::ALL {
        for symbol in ["BTC/USDT", long, odd, "R_100"] {
            market.listed.push(Listed {
                name: format!("{exchange}:{symbol}").into(),
                channels: vec![Channel::Quotes, Channel::Ticker, Channel::Orderbook],
            });
            let number = "12345678901.345678";
            let symbol = serde_json::to_string(symbol).expect("text");
            for data in [
                format!(r#""bid":{number},"bidSize":{number},"ask":{number}9,"askSize":{number}"#),
                format!(r#""last":{number},"changePercent":-{number}"#),
                format!(r#""kind":"snapshot","bids":[[{number},{number}]],"asks":[[{number}9,1]]"#),
            ] {
                let kind = ["quote", "ticker", "orderbook"]
                    [usize::from(data.contains("last")) + 2 * usize::from(data.contains("kind"))];
                let text = format!(
                    r#"{{"type":"{kind}","data":{{"exchange":"{exchange}","symbol":{symbol},{data}}}}}"#
                );
                let event = Event::read(text.as_bytes()).expect("an event");
                market.prices.event(&event);
                market.books.event(&event);
            }
        }
    }
    market
}

/// What stands on a terminal of that size.
fn drawn(size: (u16, u16), number: u64, keys: &[Key]) -> Vec<String> {
    let subscriber = tracing_subscriber::registry().with(log::Keeper);
    tracing::subscriber::with_default(subscriber, || {
        tracing::warn!(exchange = "kraken", "a short line");
        tracing::error!("{}", "long \x1b[31m漢字\r\n line ".repeat(40));
    });
    let about = About {
        what: "simulated exchanges",
        url: "ws://127.0.0.1:8080".to_owned(),
        admin: "127.0.0.1:8081".to_owned(),
    };
    let (stats, mut market, mut state) = (stats(number), market(), State::default());
    for key in keys {
        state.press(*key, market.listed.len(), log::count());
    }
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).expect("a terminal");
    let mut look = Look { about: &about, stats: &stats, state: &mut state, market: &mut market };
    let mut draw = || terminal.draw(|frame| draw(frame.buffer_mut(), &mut look)).map(drop);
    draw().and_then(|()| draw()).expect("it is drawn");
    let buffer = terminal.backend().buffer();
    let rows = buffer.content().chunks(size.0.into());
    rows.map(|row| {
        // A wide character takes two cells, of which the second is blank.
        let mut text = String::new();
        let mut skip = 0;
        for cell in row {
            if skip == 0 {
                text.push_str(cell.symbol());
                skip = width(cell.symbol()).max(1);
            }
            skip -= 1;
        }
        text
    })
    .collect()
}

#[test]
fn no_row_is_torn_at_any_size_with_any_numbers_on_any_page() {
    for size in SIZES {
        for number in [0, 1, 9_999_999, u64::MAX >> 10] {
            for key in KEYS.into_iter().chain([Key::Help]) {
                let rows = drawn(size, number, &[key]);
                assert_eq!(rows.len(), usize::from(size.1));
                for row in &rows {
                    assert_eq!(width(row), size.0, "{size:?} {key:?}: {row:?}");
                    assert!(!row.contains(char::is_control), "{row:?}");
                    assert!(!row.contains('\u{202e}'), "{row:?}");
                }
                if size.0 >= 20 {
                    assert!(rows[0].starts_with(" tickwire serves"), "{rows:#?}");
                }
            }
        }
    }
}

#[test]
fn the_overview_has_everything_from_80_by_24_on() {
    for size in [(80, 24), (87, 25), (100, 30), (120, 40), (300, 80)] {
        for number in [1, 9_999_999] {
            let rows = drawn(size, number, &[]);
            let text = rows.join("\n");
            assert!(rows[2].starts_with("feed ") && rows[2].contains("frames/s"), "{text}");
            for exchange in ExchangeId::ALL.into_iter().take(9) {
                let starts = format!("{exchange} ");
                assert!(
                    rows[3..12].iter().any(|row| row.starts_with(&starts)),
                    "{exchange}\n{text}"
                );
            }
            assert!(text.contains("12345678901.345678"), "prices with their digits\n{text}");
            assert!(rows.iter().filter(|row| row.contains(":BTC/USDT")).count() >= 1, "{text}");
            assert!(text.contains("socket_to_client") && text.contains("p99"), "{text}");
            assert!(text.contains("WARN  kraken: a short line"), "{text}");
            assert!(text.contains("ERROR long ·[31m漢字·· line"), "{text}");
            assert!(rows.last().is_some_and(|row| row.contains("q quit")), "{text}");
        }
    }
    let text = drawn((120, 40), 1, &[]).join("\n");
    assert!(text.contains("spread 0.0000009"), "a ladder\n{text}");
}

#[test]
fn feeds_that_find_no_room_are_counted() {
    let rows = drawn((40, 10), 1, &[]);
    assert!(rows.iter().any(|row| row.starts_with("+4 more")), "{rows:#?}");
}

#[test]
fn every_row_and_column_of_every_page_can_be_scrolled_to() {
    for size in [(80, 24), (100, 30), (40, 10)] {
        let mut seen = String::new();
        for presses in 0..100 {
            let mut keys = vec![Key::Number(3)];
            keys.extend(std::iter::repeat_n(Key::Down, presses));
            seen.push_str(&drawn(size, 7, &keys).join("\n"));
        }
        for column in FEED_COLUMNS.iter().chain(&LATENCY_COLUMNS) {
            assert!(seen.contains(column.title), "{size:?}: {}\n{seen}", column.title);
        }
        for exchange in ExchangeId::ALL.into_iter().take(9) {
            assert!(seen.contains(&format!("{exchange}: malformed 7")), "{size:?}: {exchange}");
        }
        let last = drawn(size, 7, &[Key::Number(3), Key::End]).join("\n");
        assert!(last.contains(", 0 below"), "{last}");
        let mut help = drawn(size, 7, &[Key::Help]).join("\n");
        help.push_str(&drawn(size, 7, &[Key::Help, Key::PageDown]).join("\n"));
        help.push_str(&drawn(size, 7, &[Key::Help, Key::PageDown, Key::PageDown]).join("\n"));
        for (name, _) in HELP.iter().filter(|_| size.1 > 10) {
            assert!(help.contains(name), "{size:?}: {name}\n{help}");
        }
    }
    for size in [(80, 24), (100, 30)] {
        for row in drawn(size, 7, &[Key::Help]) {
            assert!(!row.contains('…'), "{row}");
        }
    }
}

#[test]
fn keys_move_the_selection_and_the_pages() {
    let (mut state, count) = (State::default(), 10);
    state.press(Key::Down, count, 0);
    state.press(Key::Down, count, 0);
    assert_eq!(state.in_view(2, count), 1..3, "the selected one stays in view");
    state.press(Key::End, count, 0);
    assert_eq!((state.in_view(2, count), state.selected), (8..10, 9));
    assert_eq!(state.in_view(4, 3), 0..3, "fewer instruments after a change");
    state.press(Key::Tab, count, 0);
    assert_eq!(state.page, Page::Prices);
    state.press(Key::Number(4), count, 0);
    state.press(Key::Up, count, 5);
    state.press(Key::Up, count, 5);
    assert_eq!(state.newer, 2);
    state.press(Key::End, count, 5);
    assert_eq!(state.newer, 0);
    state.press(Key::Number(9), count, 5);
    assert_eq!(state.page, Page::Log);
}
