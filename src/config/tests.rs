use std::path::Path;

use super::*;

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
        (&format!("[admin]\nlisten = \"127.0.0.1:8080\"\n{MINIMAL}"), "another port"),
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
