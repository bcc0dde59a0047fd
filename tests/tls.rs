//! TLS on every socket: the exchange's stream, its requests beside the stream, and the clients'.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tickwire::clock::Clock;
use tickwire::config::Config;
use tickwire::gateway::Gateway;
use tickwire::instrument::ExchangeId;
use tickwire::sim::{Options, Simulator};
use tickwire::watch::{Form, Printer, Trust, WatchError, WatchOptions, run};

/// Collects what is watched, and asks to stop when every wanted word was seen.
struct Watched {
    text: String,
    wanted: &'static [&'static str],
    stop: Arc<AtomicBool>,
}

impl Write for Watched {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.push_str(&String::from_utf8_lossy(bytes));
        if self.wanted.iter().all(|word| self.text.contains(word)) {
            self.stop.store(true, Ordering::Relaxed);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A certificate of the gateway for `name` and its key; the certificate vouches for itself.
fn certify(folder: &Path, name: &str) -> (String, String) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("it is made");
    let (cert, key) = (folder.join("gateway.pem"), folder.join("gateway.key"));
    std::fs::write(&cert, made.cert.pem()).expect("written");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    (cert.display().to_string(), key.display().to_string())
}

/// Watches a gateway whose certificate names `name`, on 127.0.0.1, until trades and a joined book
/// came through TLS on both sides.
fn watch(name: &str, trust: impl FnOnce(String) -> Trust) -> Result<(), WatchError> {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Clock::real();
    let options = Options {
        tls: true,
        symbols_count: 2,
        clock: clock.clone(),
        ..Options::new(ExchangeId::Binance)
    };
    let exchange = Simulator::start(options).expect("it starts");
    let authority = folder.path().join("exchange.pem");
    std::fs::write(&authority, exchange.ca_pem().expect("it speaks TLS")).expect("written");
    let (cert, key) = certify(folder.path(), name);
    let text = format!(
        "[gateway]\nlisten = \"127.0.0.1:0\"\ntls_cert_file = \"{cert}\"\ntls_key_file = \"{key}\"\n\
         [admin]\nlisten = \"127.0.0.1:0\"\n[[feed]]\nexchange = \"binance\"\n\
         symbols = [\"BTC/USDT\"]\nurl = \"{}\"\nrest_url = \"{}\"\ntls_ca_file = \"{}\"\n",
        exchange.url(),
        exchange.rest_url(),
        authority.display()
    );
    let config = Config::parse(&text, None, []).expect("a valid configuration");
    let gateway = Gateway::start(&config, clock).expect("it starts");
    assert!(gateway.url().starts_with("wss://"));

    let stop = Arc::new(AtomicBool::new(false));
    let wanted = &["\"type\":\"trade\"", "\"kind\":\"snapshot\"", "\"kind\":\"update\""];
    let watched = Watched { text: String::new(), wanted, stop: Arc::clone(&stop) };
    let watch = WatchOptions {
        symbols: vec!["BTC/USDT".to_owned()],
        channels: vec!["trades".to_owned(), "orderbook".to_owned()],
        trust: trust(cert),
        ..WatchOptions::new(gateway.url())
    };
    let ended = run(&watch, &stop, &mut Printer::new(watched, io::sink(), Form::Json));
    gateway.stop();
    exchange.stop();
    ended
}

#[test]
fn trades_and_a_joined_book_come_through_tls_on_both_sides() {
    watch("127.0.0.1", |cert| Trust::Authority(cert.into())).expect("it is served until it stops");
}

#[test]
fn a_certificate_for_another_host_is_good_for_who_knows_it_and_for_nobody_else() {
    watch("gateway.example", |cert| Trust::Certificate(cert.into())).expect("it is ours");
    let error = watch("gateway.example", |cert| Trust::Authority(cert.into())).unwrap_err();
    assert!(matches!(error, WatchError::Connection { .. }), "{error}");
}
