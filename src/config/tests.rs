use std::path::Path;
use std::time::Duration;

use super::*;
use crate::cache::CandleSource;
use crate::instrument::{Channel, ExchangeId};
use crate::latency::{Quantile, Span};
use crate::net::Waiting;

const MINIMAL: &str = "[[feed]]\nexchange = \"binance\"\nsymbols = [\"BTC/USDT\"]\n";

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Some(Path::new("t.toml")), [])
}

fn parse_with(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    Config::parse(text, Some(Path::new("t.toml")), variables)
}

fn error(text: &str) -> String {
    parse(text).expect_err("must be refused").to_string()
}

#[test]
fn a_minimal_file_gets_every_default() {
    let config = parse(MINIMAL).expect("valid");
    assert_eq!(config.gateway.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.admin.listen.to_string(), "127.0.0.1:8081");
    assert_eq!(config.feeds[0].channels.len(), 5);
    assert_eq!(config.feeds[0].poll, Waiting::Block);
    assert!(config.feeds[0].url.starts_with("wss://"));
    assert_eq!(config.history.events, 10_000);
}

#[test]
fn the_effective_configuration_reads_back_as_itself() {
    let config = parse(MINIMAL).expect("valid");
    let text = effective(&config);
    let again = parse(&text).expect("what check prints is a valid file");
    assert_eq!(effective(&again), text);
}

#[test]
fn errors_name_file_line_field_value_and_remedy() {
    let text = format!("[gateway]\nlisten = \"127.0.0.1:8080\"\nmax_clients = 0\n{MINIMAL}");
    assert_eq!(error(&text), "t.toml:3: gateway.max_clients = 0: must be from 1 to 1000000");
    let text = format!("{MINIMAL}[[feed]]\nsymbols = [\"BTC/USDT\"]\nexchange = \"nasdaq\"\n");
    assert!(error(&text).starts_with("t.toml:6: feed[1].exchange = \"nasdaq\": must be one of"));
}

#[test]
fn unknown_keys_and_wrong_types_are_refused_with_their_line() {
    let text = format!("{MINIMAL}\n[gateway]\nlisten_on = \"127.0.0.1:1\"\n");
    let message = error(&text);
    assert!(message.starts_with("t.toml:6: unknown field `listen_on`"), "{message}");
    let message = error(&format!("{MINIMAL}\n[gateway]\nmax_clients = \"many\"\n"));
    assert!(message.starts_with("t.toml:6: "), "{message}");
    let message = error("[[feed]\n");
    assert!(message.starts_with("t.toml:1: "), "{message}");
}

#[test]
fn a_line_is_found_however_its_key_is_written() {
    for (text, line) in [
        ("[feed.reconnect]\ninitial_ms = 5\nmax_ms = 1\n", 6),
        ("[[feed]]\n\"exchange\" = \"okx\"\n'symbols' = []\n", 6),
        ("reconnect.factor = 3\nreconnect.max_ms = 1\n", 5),
        ("reconnect = {\n  factor = 2,\n  max_ms = 1,\n}\n", 6),
        ("[ gateway ]\nlisten = 2\n", 5),
    ] {
        let message = error(&format!("{MINIMAL}{text}"));
        assert!(message.starts_with(&format!("t.toml:{line}: ")), "{message}\n{text}");
    }
}

#[test]
fn an_address_that_others_can_reach_must_be_meant() {
    let text = format!("[gateway]\nlisten = \"0.0.0.0:8080\"\n{MINIMAL}");
    assert!(error(&text).contains("allow_anonymous = true"));
    let text = format!("[gateway]\nlisten = \"0.0.0.0:8080\"\nallow_anonymous = true\n{MINIMAL}");
    assert!(parse(&text).is_ok());
}

#[test]
fn plain_urls_are_for_loopback_alone() {
    let feed = |url: &str| format!("{MINIMAL}url = \"{url}\"\n");
    assert!(parse(&feed("ws://127.0.0.1:9000")).is_ok());
    assert!(parse(&feed("ws://[::1]:9000")).is_ok());
    assert!(parse(&feed("wss://example.org")).is_ok());
    for url in ["ws://example.org", "http://127.0.0.1:9000", "example.org", "wss://", ""] {
        assert!(error(&feed(url)).contains("feed[0].url"), "{url}");
    }
}

#[test]
fn what_contradicts_itself_is_refused() {
    for (text, part) in [
        ("", "add at least one [[feed]]"),
        ("[[feed]]\nexchange = \"binance\"\nsymbols = []\n", "at least one symbol"),
        ("[[feed]]\nexchange = \"binance\"\nsymbols = [\"BTC/\"]\n", "no characters"),
        ("[[feed]]\nexchange = \"binance\"\nsymbols = [\"A/B\", \"a/b\"]\n", "twice"),
        (
            "[[feed]]\nexchange = \"coinbase-advanced\"\nsymbols = [\"A/USD\", \"A/USDC\"]\n",
            "coinbase-advanced calls A/USD A-USD as well; name one",
        ),
        (&format!("{MINIMAL}{MINIMAL}"), "has a [[feed]] already"),
        (&format!("{MINIMAL}channels = [\"status\"]\n"), "must be one of: trades"),
        (&format!("{MINIMAL}poll = \"busy\"\n"), "must be one of: block"),
        (&format!("{MINIMAL}cpu = 4096\n"), "this machine has the CPUs"),
        (&format!("{MINIMAL}reconnect = {{ max_ms = 1 }}\n"), "initial_ms <= max_ms"),
        (&format!("{MINIMAL}tls_ca_file = \"nowhere.pem\"\n"), "cannot be read"),
        (
            &format!("{MINIMAL}tls_ca_file = \"Cargo.toml\"\n"),
            "name a PEM file with the certificates of authorities",
        ),
        (&format!("[admin]\nlisten = \"127.0.0.1:8080\"\n{MINIMAL}"), "another port"),
        (&format!("[admin]\nlisten = \"0.0.0.0:8080\"\n{MINIMAL}"), "another port"),
        (&format!("[admin]\nlisten = \"[::]:8080\"\n{MINIMAL}"), "another port"),
        (&format!("[admin]\nlisten = \"[::ffff:127.0.0.1]:8080\"\n{MINIMAL}"), "another port"),
        (&format!("[gateway]\ntls_cert_file = \"Cargo.toml\"\n{MINIMAL}"), "tls_key_file"),
        (&format!("[budget]\nsocket_to_moon_p99 = 5\n{MINIMAL}"), "budget.socket_to_moon_p99"),
    ] {
        let message = error(text);
        assert!(message.contains(part), "{message} should contain {part}");
    }
}

#[test]
fn the_environment_beats_the_file() {
    let config = parse_with(
        MINIMAL,
        &[
            ("TICKWIRE_GATEWAY_MAX_CLIENTS", "7"),
            ("TICKWIRE_FEED_0_URL", "ws://127.0.0.1:9"),
            ("TICKWIRE_FEED_0_CHANNELS", "[\"trades\"]"),
            ("WS_PORT", "9999"),
            ("UNRELATED", "x"),
        ],
    )
    .expect("valid");
    assert_eq!(config.gateway.max_clients, 7);
    assert_eq!(config.gateway.listen.port(), 9_999);
    assert_eq!(config.feeds[0].url, "ws://127.0.0.1:9");
    assert_eq!(config.feeds[0].channels, [Channel::Trades]);
}

#[test]
fn a_variable_that_names_no_key_is_refused() {
    for name in ["TICKWIRE_NONSENSE", "TICKWIRE_FEED_URL", "TICKWIRE_FEED_7_URL"] {
        let message = parse_with(MINIMAL, &[(name, "1")]).expect_err("refused").to_string();
        assert!(message.contains(name), "{message}");
    }
    let message =
        parse_with(MINIMAL, &[("TICKWIRE_GATEWAY_LISTENN", "1")]).expect_err("refused").to_string();
    assert!(message.contains("TICKWIRE_GATEWAY_LISTENN"), "{message}");
}

#[test]
fn candles_come_from_whom_the_exchange_allows() {
    let feed = |exchange: &str, more: &str| {
        let text =
            format!("[[feed]]\nexchange = \"{exchange}\"\nsymbols = [\"BTC/USD\"]\n{more}\n");
        parse(&text).map(|config| config.feeds[0].clone())
    };
    let binance = feed("binance", "").expect("valid");
    assert_eq!(binance.candle_source, CandleSource::Trades);
    let own = feed("binance", "candle_source = \"exchange\"").expect("it has candles");
    assert_eq!(own.candle_source, CandleSource::Exchange);
    // No trades, so no books of them and no candles of ours either.
    let deriv = feed("deriv", "").expect("valid");
    assert_eq!(deriv.candle_source, CandleSource::Exchange);
    assert_eq!(deriv.channels, [Channel::Quotes, Channel::Ticker, Channel::Candles]);
    let some = feed("deriv", "channels = [\"trades\", \"quotes\"]").expect("one is left");
    assert_eq!(some.channels, [Channel::Quotes]);
    for (exchange, more, words) in [
        ("deriv", "candle_source = \"trades\"", "shows no trades"),
        ("deriv", "channels = [\"trades\"]", "it has: quotes, ticker, candles"),
        ("coinbase", "candle_source = \"exchange\"", "has no candles of its own"),
        ("binance", "candle_source = \"both\"", "must be \"trades\" or \"exchange\""),
    ] {
        let refused = feed(exchange, more).expect_err("must be refused").to_string();
        assert!(refused.contains(words), "{refused}");
    }
}

/// Field, value and remedy of everything that can be wrong with a file.
const WRONG_FILES: &[(&str, [&str; 3])] = &[
    ("[gateway]\nlisten = \"here\"", ["gateway.listen", "\"here\"", "127.0.0.1:8080"]),
    ("[gateway]\nlisten = 8080", ["gateway.listen", "8080", "an address and a port"]),
    ("[gateway]\nlisten = \"127.0.0.1:99999\"", ["gateway.listen", "99999", "a port"]),
    ("[gateway]\nbroadcasters = 0", ["gateway.broadcasters", "0", "from 1 to 64"]),
    ("[gateway]\nbroadcasters = 1.5", ["gateway.broadcasters", "1.5", "from 1 to 64"]),
    ("[gateway]\ncpus = 3", ["gateway.cpus", "3", "write a list of numbers"]),
    ("[gateway]\ncpus = [-1]", ["gateway.cpus", "[-1]", "write a list of numbers"]),
    ("[gateway]\npoll = \"busy\"", ["gateway.poll", "\"busy\"", "block, epoll-spin, spin"]),
    ("[gateway]\nmax_clients = \"many\"", ["gateway.max_clients", "\"many\"", "1 to 1000000"]),
    ("[gateway]\nmax_clients_per_ip = -1", ["max_clients_per_ip", "-1", "from 1 to 1000000"]),
    ("[gateway]\nmax_symbols_per_client = 0", ["max_symbols_per_client", "0", "from 1 to 16384"]),
    ("[gateway]\nclient_queue_bytes = 5", ["client_queue_bytes", "5", "from 16KiB to 1GiB"]),
    ("[gateway]\nheartbeat_seconds = 0", ["heartbeat_seconds", "0", "from 1 to 3600"]),
    ("[gateway]\nheartbeat_seconds = \"30s\"", ["heartbeat_seconds", "\"30s\"", "from 1 to 3600"]),
    ("[gateway]\ndrain_seconds = 601", ["drain_seconds", "601", "from 0 to 600"]),
    ("[gateway]\ndefault_exchange = \"okx\"", ["default_exchange", "\"okx\"", "one of: binance"]),
    ("[gateway]\ndefault_exchange = \"x\"", ["default_exchange", "\"x\"", "one of: binance, "]),
    ("[gateway]\nallow_anonymous = \"yes\"", ["allow_anonymous", "\"yes\"", "true or false"]),
    ("[gateway]\nallowed_origins = \"x\"", ["allowed_origins", "\"x\"", "a list of origins"]),
    (
        "[gateway]\nallowed_origins = [\"https://*.example.org\"]",
        ["allowed_origins", "\"https://*.example.org\"", "without *"],
    ),
    ("[gateway]\nlisten = 1\nlisten = 2", ["t.toml:3", "`listen`", "a second time; remove one"]),
    ("[budget]\nsocket_to_ring_p99 = 0", ["budget.socket_to_ring_p99", "0", "from 0.001 to"]),
    ("[gateway]\ntls_key_file = \"src\"", ["tls_key_file", "\"src\"", "name a PEM file"]),
    (
        "[gateway]\ntls_cert_file = \"Cargo.toml\"\ntls_key_file = \"Cargo.toml\"",
        ["tls_cert_file", "\"Cargo.toml\"", "name a PEM file with the key's certificate chain"],
    ),
    ("[gateway]\nlistenn = 1", ["`listenn`", "gateway", "did you mean `listen`?"]),
    ("[gatewy]\nlisten = 1", ["`gatewy`", "unknown", "did you mean `gateway`?"]),
    ("[redis]\nurl = 1", ["`redis`", "unknown", "there are: gateway, admin, feed, history"]),
    ("[[history]]\nevents = 1", ["history", "events", "below [history]"]),
    ("[admin]\nlisten = \"x\"", ["admin.listen", "\"x\"", "an address and a port"]),
    ("[admin]\nlisten = \"224.0.0.1:80\"", ["admin.listen", "224.0.0.1", "one of this machine"]),
    (
        "[gateway]\nlisten = \"255.255.255.255:80\"",
        ["gateway.listen", "255", "one of this machine"],
    ),
    ("[history]\nevents = 0", ["history.events", "0", "from 1 to 1048576"]),
    ("[history]\nbytes = \"64MB\"", ["history.bytes", "\"64MB\"", "\"64MiB\""]),
    ("[history]\nbytes = 5", ["history.bytes", "5", "from 1MiB to 64GiB"]),
    (
        "[gateway]\nbroadcasters = 4\n[history]\nbytes = \"2MiB\"",
        ["history.bytes", "\"2MiB\"", "at least 4MiB"],
    ),
    ("[budget]\nsocket_to_ring_p99 = \"x\"", ["socket_to_ring_p99", "\"x\"", "microseconds"]),
];

/// The same of what follows the minimal feed.
const WRONG_FEEDS: &[(&str, [&str; 3])] = &[
    ("channels = \"trades\"", ["feed[0].channels", "\"trades\"", "a list like [\"trades\"]"]),
    ("channels = [\"trade\"]", ["feed[0].channels", "\"trade\"", "must be one of: trades"]),
    ("candle_source = 1", ["feed[0].candle_source", "1", "\"trades\" or \"exchange\""]),
    ("url = \"http://x\"", ["feed[0].url", "\"http://x\"", "wss://host"]),
    ("rest_url = \"ws://x\"", ["feed[0].rest_url", "\"ws://x\"", "https://host"]),
    ("url = \"wss://a:b@x\"", ["feed[0].url", "\"wss://a:b@x\"", "before the @"]),
    ("url = \"wss://x/ws\"", ["feed[0].url", "\"wss://x/ws\"", "write the origin alone"]),
    ("url = \"wss://x?a=b\"", ["feed[0].url", "\"wss://x?a=b\"", "write the origin alone"]),
    ("rest_url = \"https://x/api\"", ["feed[0].rest_url", "/api", "write the origin alone"]),
    ("channels = [\"trades\", \"trades\"]", ["feed[0].channels", "\"trades\"", "twice"]),
    ("url = \"wss://x:0\"", ["feed[0].url", "\"wss://x:0\"", "from 1 to 65535"]),
    ("rest_url = \"https://x:65536\"", ["feed[0].rest_url", ":65536", "from 1 to 65535"]),
    ("cpu = -1", ["feed[0].cpu", "-1", "from 0 to"]),
    ("lines = 3", ["feed[0].lines", "3", "from 1 to 2"]),
    ("reconnect = 5", ["feed[0].reconnect", "5", "write a table like { initial_ms"]),
    ("reconnect = { factor = 0.5 }", ["reconnect.factor", "0.5", "from 1.0 to 100.0"]),
    ("reconnect = { jitter = \"x\" }", ["reconnect.jitter", "\"x\"", "from 0.0 to 1.0"]),
    ("reconnect = { initial = 5 }", ["`reconnect.initial`", "feed[0]", "mean `initial_ms`?"]),
    ("reconnect = { max_ms = 5 }", ["reconnect.max_ms", "5", "initial_ms <= max_ms"]),
    ("symbol = \"A/B\"", ["`symbol`", "feed[0]", "did you mean `symbols`?"]),
    ("[[feed]]\nsymbols = [\"A/B\"]", ["feed[1].exchange", "(none)", "has to be written"]),
    ("[[feed]]\nexchange = \"okx\"", ["feed[1].symbols", "(none)", "like symbols = ["]),
    ("[[feed]]\nexchange = \"okx\"\nsymbols = [\" \"]", ["symbols", "\" \"", "like BTC/USDT"]),
    ("[[feed]]\nexchange = \"okx\"\nsymbols = [\"*\"]", ["symbols", "\"*\"", "like BTC/USDT"]),
    ("[[feed]]\nexchange = \"okx\"\nsymbols = [\"a@b\"]", ["symbols", "a@b", "like BTC/USDT"]),
    ("[[feed]]\nexchange = \"okx\"\nsymbols = [\"A/B/C\"]", ["symbols", "A/B/C", "like BTC/USDT"]),
    ("[[feed]]\nexchange = \"okx\"\nsymbols = [\"-\"]", ["symbols", "\"-\"", "like BTC/USDT"]),
    (
        "[[feed]]\nexchange = \"okx\"\nsymbols = \"BTC/USDT\"",
        ["feed[1].symbols", "\"BTC/USDT\"", "a list of symbols, like [\"BTC/USDT\""],
    ),
];

/// Variable, value and remedy. They are blamed, not a line of the file.
const WRONG_VARIABLES: &[(&str, &str, &str)] = &[
    ("WS_PORT", "abc", "from 0 (a free one) to 65535"),
    ("WS_PORT", "70000", "from 0 (a free one) to 65535"),
    ("WS_PORT", "", "write the port"),
    ("TICKWIRE_GATEWAY_LISTEN", "here", "gateway.listen: write an address and a port"),
    ("TICKWIRE_GATEWAY_LISTEN", "0.0.0.0:1", "allow_anonymous = true"),
    ("TICKWIRE_GATEWAY_MAX_CLIENTS", "many", "gateway.max_clients: must be from 1 to 1000000"),
    ("TICKWIRE_GATEWAY_CPUS", "a,b", "in a variable 0,1 or [0, 1]"),
    ("TICKWIRE_GATEWAY_CPUS", "0,,1", "in a variable 0,1 or [0, 1]"),
    ("TICKWIRE_GATEWAY_CPUS", "0x10", "in a variable 0,1 or [0, 1]"),
    ("TICKWIRE_GATEWAY_CPUS", "0,0", "stands in the list twice"),
    ("TICKWIRE_FEED_0_CHANNELS", "trades,,quotes", "in a variable trades or"),
    ("TICKWIRE_GATEWAY_DEFAULT_EXCHANGE", "okx", "name one of: binance"),
    ("TICKWIRE_HISTORY_BYTES", "64 megabytes", "write a size like \"64MiB\""),
    ("TICKWIRE_ADMIN_LISTEN", "127.0.0.1:8080", "choose another port"),
    ("TICKWIRE_FEED_0_CHANNELS", "prints", "in a variable trades or [\"trades\"]"),
    ("TICKWIRE_FEED_0_SYMBOLS", "BTC/", "no characters"),
    ("TICKWIRE_FEED_0_SYMBOLS", "[\"BTC/USDT\"", "in a variable one,other"),
    ("TICKWIRE_FEED_0_RECONNECT_FACTOR", "0", "feed[0].reconnect.factor: must be from 1.0"),
    ("TICKWIRE_FEED_3_URL", "wss://x", "no [[feed]] number 3, counted from 0"),
    ("TICKWIRE_FEED_URL", "wss://x", "did you mean TICKWIRE_FEED_0_URL?"),
    ("TICKWIRE_GATEWAY_LISTENN", "x", "did you mean TICKWIRE_GATEWAY_LISTEN?"),
    ("TICKWIRE_NONSENSE", "x", "names no configuration key"),
    ("TICKWIRE_BUDGET_SOCKET_TO_RING_P99", "fast", "write a number of microseconds"),
];

#[test]
fn all_that_is_wrong_is_told_in_one_run() {
    let text = "[gateway]\nmax_clients = 0\nheartbeat_seconds = \"30s\"\nlistenn = 1\n\
                cpus = [0, 0]\nallowed_origins = [\"https://a.example/\", \"b.example\"]\n\
                [redis]\nurl = 1\n\
                [[feed]]\nexchange = \"binance\"\nsymbols = [\"BTC/USDT\", \"btc/usdt\", \"BTC/\"]\n\
                rest_url = \"ftp://x\"\nreconnect = { max_ms = 1 }\n\
                [[feed]]\nexchange = \"nasdaq\"\nsymbols = [\"A/B\"]\nlines = 9\n\
                [history]\nevents = 0\n[budget]\nsocket_to_moon_p99 = 1\n";
    let variables = &[("WS_PORT", "abc"), ("TICKWIRE_NONSENSE", "1")];
    let message = parse_with(text, variables).expect_err("refused").to_string();
    for part in [
        "t.toml:2: gateway.max_clients = 0",
        "t.toml:3: gateway.heartbeat_seconds = \"30s\": must be from 1 to 3600; write the number alone",
        "t.toml:4: unknown field `listenn`",
        "t.toml:7: unknown field `redis`",
        "t.toml:11: feed[0].symbols = \"btc/usdt\": stands in the list twice",
        "t.toml:11: feed[0].symbols = \"BTC/\"",
        "t.toml:12: feed[0].rest_url",
        "t.toml:13: feed[0].reconnect.max_ms",
        "t.toml:15: feed[1].exchange = \"nasdaq\"",
        "t.toml:17: feed[1].lines = 9",
        "t.toml:19: history.events = 0",
        "budget.socket_to_moon_p99",
        "variable WS_PORT",
        "variable TICKWIRE_NONSENSE",
    ] {
        assert!(message.contains(part), "{message}\nshould say {part}");
    }
    let count = message.lines().count() - 1;
    assert!(message.starts_with(&format!("{count} things are wrong:\n")), "{message}");
    // What is right by its kind is judged together.
    let text = format!(
        "[gateway]\ncpus = [0, 0]\nallowed_origins = [\"https://a.example/\", \"b.example\"]\n\
         [admin]\nlisten = \"127.0.0.1:8080\"\n[history]\nbytes = \"1MiB\"\n{MINIMAL}"
    );
    let message = error(&text);
    assert!(message.starts_with("3 things are wrong:\n"), "{message}");
    assert!(message.contains("gateway.cpus = 0: stands in the list twice"), "{message}");
}

#[test]
fn what_a_message_shows_cannot_move_the_cursor() {
    let odd = "\\u001b[2J\\n";
    for text in [
        format!("{MINIMAL}url = \"wss://{odd}\"\n"),
        format!("[[feed]]\nexchange = \"binance\"\nsymbols = [\"{odd}\"]\n"),
        format!("[gateway]\nallowed_origins = [\"{odd}\"]\n{MINIMAL}"),
        format!("\"{odd}\" = 1\n{MINIMAL}"),
        format!("[gateway]\n\"{odd}\" = 1\n{MINIMAL}"),
        format!("[budget]\n\"{odd}\" = 1\n{MINIMAL}"),
    ] {
        let message = error(&text);
        assert!(!message.contains(char::is_control), "{message:?}");
    }
    for name in ["TICKWIRE_\u{1b}[2J", "TICKWIRE_GATEWAY_LISTEN"] {
        let message = parse_with(MINIMAL, &[(name, "\u{1b}[2J")]).expect_err("refused").to_string();
        assert!(!message.contains(char::is_control), "{message:?}");
    }
}

#[test]
fn whatever_is_wrong_names_its_field_its_value_and_what_would_be_right() {
    let files = WRONG_FILES.iter().map(|(text, says)| (format!("{text}\n{MINIMAL}"), says));
    let feeds = WRONG_FEEDS.iter().map(|(text, says)| (format!("{MINIMAL}{text}\n"), says));
    for (text, says) in files.chain(feeds) {
        let message = error(&text);
        for part in says {
            assert!(message.contains(part), "{message}\nshould say {part}\n{text}");
        }
        assert!(message.starts_with("t.toml:"), "{message}\nshould name the line");
    }
    for &(name, value, remedy) in WRONG_VARIABLES {
        let message = parse_with(MINIMAL, &[(name, value)]).expect_err(name).to_string();
        let blamed = format!("environment variable {name} = \"{value}\": ");
        assert!(message.starts_with(&blamed), "{message}\nshould blame {name}");
        assert!(message.contains(remedy), "{message}\nshould say {remedy}");
    }
}

#[test]
fn a_variable_changes_one_line_of_the_budget_and_a_file_states_all_of_it() {
    let lines = |config: &Config| config.budget.allowances().len();
    let usual = lines(&parse(MINIMAL).expect("valid"));
    let changed = parse_with(MINIMAL, &[("TICKWIRE_BUDGET_SOCKET_TO_RING_P99", "77")]);
    let changed = changed.expect("valid");
    assert_eq!(lines(&changed), usual);
    assert_eq!(changed.budget.allowed(Span::SocketToRing, Quantile::P99), Some(77_000));
    let text = format!("[budget]\nsocket_to_ring_p50 = 5\n{MINIMAL}");
    assert_eq!(lines(&parse(&text).expect("valid")), 1);
    let both = parse_with(&text, &[("TICKWIRE_BUDGET_SOCKET_TO_RING_P99", "77")]).expect("valid");
    assert_eq!(lines(&both), 2);
}

#[test]
fn an_address_may_end_with_the_only_path_of_its_exchange() {
    let feed = |exchange: &str, url: &str| {
        parse(&format!(
            "[[feed]]\nexchange = \"{exchange}\"\nsymbols = [\"BTC/USD\"]\nurl = \"{url}\"\n"
        ))
    };
    assert!(feed("kraken", "wss://ws.kraken.com/v2").is_ok());
    assert!(feed("deriv", "wss://ws.derivws.com/websockets/v3?app_id=7").is_ok());
    assert!(feed("kraken", "wss://ws.kraken.com/v1").is_err());
    assert!(feed("okx", "wss://ws.okx.com:8443/ws/v5/public").is_err());
}

#[test]
fn a_list_in_a_variable_may_be_written_by_commas() {
    let variables = &[
        ("TICKWIRE_FEED_0_SYMBOLS", "BTC/USDT, ETH/USDT"),
        ("TICKWIRE_FEED_0_CHANNELS", "trades,quotes"),
        ("TICKWIRE_FEED_0_RECONNECT_MAX_MS", "9000"),
        ("TICKWIRE_HISTORY_BYTES", "2MiB"),
    ];
    let config = parse_with(MINIMAL, variables).expect("valid");
    assert_eq!(config.feeds[0].symbols.len(), 2);
    assert_eq!(config.feeds[0].channels, [Channel::Trades, Channel::Quotes]);
    assert_eq!(config.feeds[0].reconnect.max, Duration::from_secs(9));
    assert_eq!(config.history.bytes, ByteSize(2 << 20));
}

#[test]
fn a_bare_symbol_means_an_exchange_that_has_a_feed() {
    let feeds = |names: &[&str]| {
        let feed =
            |name: &&str| format!("[[feed]]\nexchange = \"{name}\"\nsymbols = [\"BTC/USDT\"]\n");
        names.iter().map(feed).collect::<String>()
    };
    let default = |text: &str| parse(text).expect("valid").gateway.default_exchange;
    assert_eq!(default(&feeds(&["okx", "binance"])), ExchangeId::Binance);
    assert_eq!(default(&feeds(&["okx", "kraken"])), ExchangeId::Okx);
    let stated = format!("[gateway]\ndefault_exchange = \"kraken\"\n{}", feeds(&["okx", "kraken"]));
    assert_eq!(default(&stated), ExchangeId::Kraken);
    // What nobody stated does not keep a feed from being removed.
    let (both, one) = (feeds(&["okx", "kraken"]), feeds(&["kraken"]));
    let gone = changes(&parse(&both).expect("valid"), &parse(&one).expect("valid"));
    assert_eq!(gone.expect("possible").to_string(), "removed okx");
}

#[test]
fn broadcasters_are_as_many_as_cores_are_free_where_that_is_left_to_the_machine() {
    let beside = rules::broadcasters_beside;
    assert_eq!(beside(3, Waiting::Block, 8), 5);
    assert_eq!(beside(3, Waiting::EpollSpin, 8), 4, "one core for everything else");
    assert_eq!(beside(3, Waiting::Block, 2), 1, "at least one");
    assert_eq!(beside(1, Waiting::Block, 1_000), crate::limits::BROADCASTERS_MAX);
    let text = |feeds: &str| format!("[gateway]\nbroadcasters = \"auto\"\n{feeds}");
    let feed =
        |exchange| format!("[[feed]]\nexchange = \"{exchange}\"\nsymbols = [\"BTC/USDT\"]\n");
    let one = Config::parse(&text(&feed("binance")), None, []).expect("it is right");
    let two = feed("binance") + &feed("okx");
    let two = Config::parse(&text(&two), None, []).expect("it is right");
    assert!(one.gateway.broadcasters >= 1);
    assert!(effective(&one).contains("broadcasters = \"auto\""));
    // What was started stays, though the same words would mean another number now.
    assert!(changes(&one, &two).is_ok());
    let many = "[gateway]\nbroadcasters = \"many\"\n".to_owned() + &feed("binance");
    let told = Config::parse(&many, None, []).expect_err("no such word").to_string();
    assert!(told.contains("must be from 1 to 64, or \"auto\""), "{told}");
}
