//! Starting, TLS, killing and starting again, clients that do not read.

use std::io::Cursor;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tickwire::instrument::ExchangeId;
use tickwire::sim::{Options, SimError, Simulator};

use crate::client::{Client, DEADLINE, End};

fn options() -> Options {
    let symbols = vec!["BTCUSDT".to_owned()];
    Options { symbols, rate: 1_000, ..Options::new(ExchangeId::Binance) }
}

#[test]
fn tls_is_spoken_with_a_certificate_that_its_authority_signed() {
    let folder = tempfile::tempdir().expect("a folder");
    let ca_out = folder.path().join("ca.pem");
    let simulator =
        Simulator::start(Options { tls: true, ca_out: Some(ca_out.clone()), ..options() })
            .expect("it starts");
    let pem = simulator.ca_pem().expect("it has one");
    assert_eq!(std::fs::read_to_string(ca_out).expect("written"), pem);
    assert!(simulator.url().starts_with("wss://") && simulator.rest_url().starts_with("https://"));

    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_reader_iter(Cursor::new(pem)) {
        roots.add(certificate.expect("a certificate")).expect("a root");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "127.0.0.1".try_into().expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a client");
    let socket = TcpStream::connect(simulator.address()).expect("it listens");
    socket.set_read_timeout(Some(DEADLINE)).expect("a timeout can be set");
    let stream = StreamOwned::new(connection, socket);
    let url = format!("{}/ws/btcusdt@trade", simulator.url());
    let (mut client, _) = tungstenite::client(url, stream).expect("the handshake succeeds");
    for _ in 0..50 {
        let message = client.read().expect("data");
        assert!(message.to_text().expect("a text").contains("\"e\":\"trade\""));
    }
}

#[test]
fn after_a_kill_the_same_address_serves_the_market_from_where_it_stood() {
    let simulator = Simulator::start(options()).expect("it starts");
    let (address, path) = (simulator.address(), "/ws/btcusdt@trade");
    let mut client = Client::open(&simulator, path);
    client.json();
    let stopped = simulator.kill().expect("it ran");
    assert_eq!(client.end(), End::Gone);
    assert!(TcpStream::connect(address).is_err());

    let simulator = stopped.start().expect("the address is free at once");
    assert_eq!(simulator.address(), address);
    let id = Client::open(&simulator, path).json()["t"].as_u64().expect("an id");
    let trades = simulator.truth().trades("BTCUSDT");
    assert!(trades.first().is_some_and(|first| first.id < id));
    assert!(trades.windows(2).all(|pair| pair[1].id == pair[0].id + 1));
}

#[test]
fn a_market_that_stood_still_before_a_kill_stands_still_after_it() {
    let simulator = Simulator::start(options()).expect("it starts");
    assert!(simulator.wait_for(DEADLINE, |stats| stats.trades > 10));
    simulator.pause();
    let simulator = simulator.kill().expect("it ran").start().expect("the address is free");
    let printed = simulator.stats().trades;
    let mut client = Client::open(&simulator, "/ws/btcusdt@trade");
    assert!(simulator.wait_for(DEADLINE, |stats| stats.streams == 1));
    assert_eq!(simulator.stats().trades, printed);
    simulator.resume();
    let id = client.json()["t"].as_u64().expect("an id");
    let trades = simulator.truth().trades("BTCUSDT");
    assert_eq!(trades[printed as usize].id, id);
}

#[test]
fn a_client_that_does_not_read_is_cut_off() {
    let simulator =
        Simulator::start(Options { rate: 50_000, backlog_bytes_max: 100_000, ..options() })
            .expect("it starts");
    let _idle = Client::open(&simulator, "/ws/btcusdt@trade");
    assert!(simulator.wait_for(DEADLINE, |stats| stats.slow_closes == 1 && stats.websockets == 0));
}

#[test]
fn without_a_rate_the_market_goes_as_fast_as_its_client() {
    let simulator = Simulator::start(Options { rate: 0, ..options() }).expect("it starts");
    let mut client = Client::open(&simulator, "/ws/btcusdt@trade");
    let mut previous = client.json()["t"].as_u64().expect("an id");
    for _ in 0..20_000 {
        let id = client.json()["t"].as_u64().expect("an id");
        assert_eq!(id, previous + 1);
        previous = id;
    }
    // While nobody reads, nobody is cut off: the market waits.
    let printed = simulator.stats().trades;
    assert!(!simulator.wait_for(Duration::from_millis(200), |stats| stats.slow_closes > 0));
    assert_eq!(client.json()["t"].as_u64(), Some(previous + 1));
    assert!(simulator.wait_for(DEADLINE, |stats| stats.trades >= printed));
}

#[test]
fn what_cannot_start_says_why() {
    let simulator = Simulator::start(options()).expect("it starts");
    let listen = simulator.address();
    match Simulator::start(Options { listen, ..options() }) {
        Err(SimError::Listen { address, .. }) => assert_eq!(address, listen),
        other => panic!("{other:?}"),
    }
    let symbols = vec!["WHAT".to_owned()];
    let error = Simulator::start(Options { symbols, ..options() }).expect_err("no such symbol");
    assert!(error.to_string().contains("`WHAT`"), "{error}");
}
