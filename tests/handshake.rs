//! Handshakes of both sides, in memory and, with TLS, over loopback.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use mio::Token;
use mio::net::TcpListener;
use tickwire::limits::HANDSHAKE_BYTES_MAX;
use tickwire::net::{
    Bounds, ClientHandshake, Fill, Message, NetError, Poller, Security, ServerHandshake,
    ServerStep, Step, Transport, Waiting, WebSocket, client_config, server_config,
};

/// One end of a pair of pipes in memory; reads give at most `piece` bytes.
#[derive(Clone, Debug)]
struct End {
    incoming: Rc<RefCell<VecDeque<u8>>>,
    outgoing: Rc<RefCell<VecDeque<u8>>>,
    piece: usize,
}

fn pair(piece: usize) -> (End, End) {
    let (one, two) = (Rc::default(), Rc::default());
    let first = End { incoming: Rc::clone(&one), outgoing: Rc::clone(&two), piece };
    (first, End { incoming: two, outgoing: one, piece })
}

impl Read for End {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut incoming = self.incoming.borrow_mut();
        if incoming.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let size = into.len().min(self.piece);
        incoming.read(&mut into[..size])
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const URL: &str = "ws://stream.example.com:9443/stream?streams=btcusdt%40trade/x@depth&token=a.b";

/// The text of the next message, read until there is one or nothing is left to read.
fn next_text<T: Read>(socket: &mut WebSocket<T>) -> Option<String> {
    loop {
        match socket.next().unwrap() {
            Some(Message::Text(frame)) => {
                return Some(String::from_utf8(frame.bytes().to_vec()).unwrap());
            }
            Some(other) => panic!("not a text: {other:?}"),
            None => {}
        }
        if socket.fill().unwrap() == Fill::Blocked {
            return None;
        }
    }
}

/// The client's half against a server that says `answer`, having read the request's accept key.
fn against(answer: impl FnOnce(&str) -> Vec<u8>) -> Result<WebSocket<End>, NetError> {
    let (end, mut server) = pair(usize::MAX);
    let mut client = ClientHandshake::new(end, URL, &[("User-Agent", "tickwire/test")]).unwrap();
    assert_eq!(client.advance().unwrap(), Step::Pending);
    let mut request = vec![0; 4_096];
    let length = server.read(&mut request).unwrap();
    let request = String::from_utf8(request[..length].to_vec()).unwrap();
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    server.write_all(&answer(&tungstenite::handshake::derive_accept_key(key.as_bytes()))).unwrap();
    assert!(request.starts_with("GET /stream?streams=btcusdt%40trade/x@depth&token=a.b HTTP/1.1"));
    assert!(request.contains("Host: stream.example.com:9443\r\n"), "{request}");
    assert!(request.contains("user-agent: tickwire/test\r\n"), "{request}");
    assert_eq!(client.advance()?, Step::Done);
    Ok(client.into_websocket(Bounds::upstream(1 << 20)))
}

fn switching(accept: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
    .into_bytes()
}

#[test]
fn frames_that_come_along_with_the_answer_are_read() {
    let mut socket = against(|accept| {
        [&switching(accept)[..], b"\x81\x05first", b"\x81\x06second", b"\x81\x09half"].concat()
    })
    .unwrap();
    assert_eq!(next_text(&mut socket).unwrap(), "first");
    assert_eq!(next_text(&mut socket).unwrap(), "second");
    assert_eq!(next_text(&mut socket), None);
}

#[test]
fn a_refusal_keeps_its_status_its_wait_and_its_words() {
    let outcome = against(|_| {
        b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 17\r\nContent-Length: 9\r\n\r\nslow down"
            .to_vec()
    });
    let Err(NetError::Refused(refusal)) = outcome else { panic!("{outcome:?}") };
    assert_eq!((refusal.status, refusal.retry_after_seconds), (429, Some(17)));
    assert_eq!(refusal.to_string(), "HTTP 429, retry after 17 s: slow down");
}

#[test]
fn a_wait_may_be_a_date_or_absurd() {
    let date = "Date: Sat, 30 Jul 2022 01:59:00 GMT\r\n";
    for (header, before, seconds) in [
        ("Sat, 30 Jul 2022 02:00:30 GMT", date, Some(90)),
        ("Sat, 30 Jul 2022 01:00:00 GMT", date, Some(0)),
        ("99999999999999999999", "", Some(u32::MAX)),
        ("1.5", "", Some(2)),
        ("-5", "", None),
        ("soon", date, None),
    ] {
        let answer = format!(
            "HTTP/1.1 429 Too Many Requests\r\n{before}Retry-After: {header}\r\nContent-Length: 0\r\n\r\n"
        );
        let outcome = against(|_| answer.into_bytes());
        let Err(NetError::Refused(refusal)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(refusal.retry_after_seconds, seconds, "{header}");
        assert!(!refusal.by_our_date, "{header}");
    }
    // Where the server does not say what date it is, ours counts, and nobody trusts it further
    // than that.
    for (header, least) in
        [("Sat, 30 Jul 2022 02:00:30 GMT", 0), ("Sat, 01 Jan 2090 00:00:00 GMT", 1)]
    {
        let answer = format!(
            "HTTP/1.1 429 Too Many Requests\r\nRetry-After: {header}\r\nContent-Length: 0\r\n\r\n"
        );
        let outcome = against(|_| answer.into_bytes());
        let Err(NetError::Refused(refusal)) = outcome else { panic!("{outcome:?}") };
        let wait = refusal.retry_after_seconds.expect("it is a date");
        assert!(refusal.by_our_date && (wait > 0) == (least > 0) && wait < u32::MAX, "{wait}");
    }
}

#[test]
fn what_is_no_upgrade_is_a_handshake_error() {
    let answers: [&[u8]; 3] = [
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Accept: bm90IHRoZSBhY2NlcHQga2V5\r\n\r\n",
    ];
    for answer in answers {
        let outcome = against(|_| answer.to_vec());
        assert!(matches!(outcome, Err(NetError::Handshake { .. })), "{outcome:?}");
    }
}

/// A server that has read the request of a client with `URL`.
fn requested(piece: usize) -> (ClientHandshake<End>, ServerHandshake<End>) {
    let (one, two) = pair(piece);
    let headers = [("Sec-WebSocket-Protocol", "tickwire.bin.v1"), ("Origin", "https://x.test")];
    let mut client = ClientHandshake::new(one, URL, &headers).unwrap();
    let mut server = ServerHandshake::new(two);
    assert_eq!(server.advance().unwrap(), ServerStep::Pending);
    assert_eq!(client.advance().unwrap(), Step::Pending);
    assert_eq!(server.advance().unwrap(), ServerStep::Requested);
    (client, server)
}

#[test]
fn both_halves_meet_even_when_bytes_trickle() {
    for piece in [1, 7, usize::MAX] {
        let (mut client, mut server) = requested(piece);
        let request = server.request().unwrap();
        assert!(request.is_upgrade() && request.offers_protocol("tickwire.bin.v1"));
        assert_eq!((request.method(), request.path()), ("GET", "/stream"));
        assert_eq!(request.parameter("streams").unwrap(), "btcusdt@trade/x@depth");
        assert_eq!(request.parameter("token").unwrap(), "a.b");
        assert_eq!(request.parameter("none"), None);
        assert_eq!(request.header("ORIGIN"), Some("https://x.test"));
        server.accept(Some("tickwire.bin.v1")).unwrap();
        assert_eq!(server.advance().unwrap(), ServerStep::Upgraded);
        assert_eq!(client.advance().unwrap(), Step::Done);
        let mut client = client.into_websocket(Bounds::upstream(1 << 20));
        let mut server = server.into_websocket(Bounds::session(1 << 10));
        server.queue_text("hello").unwrap();
        server.flush().unwrap();
        assert_eq!(next_text(&mut client).unwrap(), "hello");
        client.queue_text("subscribe").unwrap();
        client.flush().unwrap();
        assert_eq!(next_text(&mut server).unwrap(), "subscribe");
    }
}

#[test]
fn every_refusal_reaches_the_client_with_its_status() {
    for status in [400, 401, 403, 404, 426, 429, 503] {
        let (mut client, mut server) = requested(usize::MAX);
        server.respond(status, &[("Retry-After", "3")], b"no");
        assert_eq!(server.advance().unwrap(), ServerStep::Responded);
        let error = client.advance().unwrap_err();
        let NetError::Refused(refusal) = error else { panic!("{error:?}") };
        assert_eq!((refusal.status, refusal.retry_after_seconds), (status, Some(3)));
        assert_eq!(&*refusal.body, "no");
    }
}

/// What a server makes of raw bytes.
fn server_of(bytes: &[u8]) -> (ServerHandshake<End>, End, Result<ServerStep, NetError>) {
    let (mut client, end) = pair(usize::MAX);
    client.write_all(bytes).unwrap();
    let mut server = ServerHandshake::new(end);
    let step = server.advance();
    (server, client, step)
}

#[test]
fn a_plain_request_is_told_from_an_upgrade() {
    let (mut server, mut client, step) =
        server_of(b"GET /api/v3/depth?symbol=BTCUSDT&limit=5000 HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(step.unwrap(), ServerStep::Requested);
    let request = server.request().unwrap();
    assert!(!request.is_upgrade());
    assert_eq!(request.path(), "/api/v3/depth");
    assert_eq!(request.parameter("limit").unwrap(), "5000");
    assert!(matches!(server.accept(None), Err(NetError::Handshake { .. })));
    server.respond(426, &[], b"use a WebSocket");
    assert_eq!(server.advance().unwrap(), ServerStep::Responded);
    let mut answer = vec![0; 1_024];
    let length = client.read(&mut answer).unwrap();
    let answer = str::from_utf8(&answer[..length]).unwrap();
    assert!(answer.starts_with("HTTP/1.1 426 Upgrade Required\r\n"), "{answer}");
    assert!(answer.contains("\r\nUpgrade: websocket\r\n"), "{answer}");
    assert!(answer.contains("\r\nContent-Length: 15\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nuse a WebSocket"), "{answer}");
}

#[test]
fn an_upgrade_without_its_key_can_still_be_answered() {
    let (mut server, _client, step) =
        server_of(b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
    assert_eq!(step.unwrap(), ServerStep::Requested);
    assert!(matches!(server.accept(None), Err(NetError::Handshake { .. })));
    server.respond(400, &[], b"");
    assert_eq!(server.advance().unwrap(), ServerStep::Responded);
}

#[test]
fn requests_that_are_no_http_are_errors() {
    let heads: [&[u8]; 7] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/2\r\n\r\n",
        b"GET  / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"G\xffT / HTTP/1.1\r\n\r\n",
    ];
    for head in heads {
        let (_, _, step) = server_of(head);
        assert!(matches!(step, Err(NetError::Handshake { .. })), "{step:?}");
    }
}

#[test]
fn a_head_without_end_is_bounded_on_both_sides() {
    let endless = vec![b'x'; HANDSHAKE_BYTES_MAX + 1];
    let (_, _, step) = server_of(&endless);
    assert!(matches!(step, Err(NetError::HandshakeTooLarge { .. })), "{step:?}");
    let outcome = against(|_| endless);
    assert!(matches!(outcome, Err(NetError::HandshakeTooLarge { .. })), "{outcome:?}");
}

proptest::proptest! {
    #[test]
    fn any_bytes_before_an_empty_line_are_a_request_or_an_error(
        mut head in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
        start in proptest::sample::select(vec!["", "GET / HTTP/1.1\r\n", "GET /%4?a=%zz&b HTTP/1.1\r\nA"]),
    ) {
        head.splice(..0, start.bytes());
        head.extend_from_slice(b"\r\n\r\n");
        let (mut server, _client, step) = server_of(&head);
        match step {
            Ok(step) => {
                assert_eq!(step, ServerStep::Requested);
                let request = server.request().unwrap();
                let _ = (request.parameter("a"), request.parameter("b"), request.header("A"));
                let _ = server.accept(None);
            }
            Err(error) => assert!(matches!(error, NetError::Handshake { .. }), "{error}"),
        }
    }
}

// Over loopback.

/// A certificate for `localhost`, its key, and the authority behind it, as PEM files.
struct Certificates {
    _dir: tempfile::TempDir,
    authority: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl Certificates {
    fn make() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority_key = rcgen::KeyPair::generate().unwrap();
        let authority = params.self_signed(&authority_key).unwrap();
        let issuer = rcgen::Issuer::new(params, authority_key);
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let write = |name: &str, text: String| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        Self {
            authority: write("ca.pem", authority.pem()),
            certificate: write("cert.pem", certificate.pem()),
            key: write("key.pem", key.serialize_pem()),
            _dir: dir,
        }
    }

    fn server(&self) -> Security {
        Security::Server { config: server_config(&self.certificate, &self.key).unwrap() }
    }

    fn client(&self, host: &str) -> Security {
        Security::client(client_config(Some(&self.authority)).unwrap(), host).unwrap()
    }
}

/// Two connected transports and the poller that both are registered with.
struct Loopback {
    poller: Poller,
    client: Transport,
    server: Transport,
}

impl Loopback {
    fn new(client: &Security, server: &Security) -> Self {
        let mut poller = Poller::new().unwrap();
        let mut listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        poller.registry().register(&mut listener, Token(0), mio::Interest::READABLE).unwrap();
        let mut client =
            Transport::connect(listener.local_addr().unwrap(), client).expect("loopback connects");
        client.register(poller.registry(), Token(1)).unwrap();
        let (stream, peer) = wait(&mut poller, || listener.accept().ok());
        let mut server = Transport::accept(stream, peer, server).unwrap();
        server.register(poller.registry(), Token(2)).unwrap();
        Self { poller, client, server }
    }

    /// Both sides' handshakes to their ends; the client's error if there is one.
    fn shake(mut self) -> Result<Self, NetError> {
        let Self { poller, client, server } = &mut self;
        wait(poller, || {
            let server = server.advance();
            match (client.advance(), server) {
                (Err(error), _) => Some(Err(error)),
                (Ok(Step::Done), Ok(Step::Done)) => Some(Ok(())),
                (_, Err(error)) => panic!("the server failed first: {error}"),
                _ => None,
            }
        })?;
        Ok(self)
    }
}

/// Tries until something comes of it, looking at the sockets in between.
fn wait<R>(poller: &mut Poller, mut attempt: impl FnMut() -> Option<R>) -> R {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(result) = attempt() {
            return result;
        }
        assert!(Instant::now() < deadline, "nothing came of it in time");
        poller.wait(Waiting::Block, Some(Duration::from_millis(50))).unwrap();
    }
}

#[test]
fn tls_carries_an_upgrade_and_messages_of_megabytes_both_ways() {
    let certificates = Certificates::make();
    let loopback = Loopback::new(&certificates.client("localhost"), &certificates.server());
    let Loopback { mut poller, client, server } = loopback.shake().unwrap();
    let mut client = ClientHandshake::new(client, "wss://localhost/ws", &[]).unwrap();
    let mut server = ServerHandshake::new(server);
    wait(&mut poller, || {
        if server.advance().unwrap() == ServerStep::Requested {
            server.accept(None).unwrap();
        }
        (client.advance().unwrap() == Step::Done).then_some(())
    });
    let mut client = client.into_websocket(Bounds::upstream(8 << 20));
    let mut server = server.into_websocket(Bounds::session(8 << 20));
    let long = "x".repeat(5 << 20);
    server.queue_text(&long).unwrap();
    server.queue_text("end").unwrap();
    client.queue_text(&long).unwrap();
    let mut received = (0, 0, false);
    wait(&mut poller, || {
        server.flush().unwrap();
        client.flush().unwrap();
        while let Some(text) = next_text(&mut server) {
            received.0 += text.len();
        }
        while let Some(text) = next_text(&mut client) {
            received.1 += text.len();
            received.2 = text == "end";
        }
        (received == (long.len(), long.len() + 3, true)).then_some(())
    });
    server.transport_mut().shutdown();
    let error = wait(&mut poller, || client.fill().err());
    assert!(matches!(error, NetError::Eof), "{error:?}");
}

#[test]
fn a_certificate_of_another_name_is_refused() {
    let certificates = Certificates::make();
    let loopback = Loopback::new(&certificates.client("example.com"), &certificates.server());
    assert!(matches!(loopback.shake().err(), Some(NetError::Tls(_))));
}

#[test]
fn a_certificate_of_an_unknown_authority_is_refused() {
    let other = Certificates::make().client("localhost");
    let loopback = Loopback::new(&other, &Certificates::make().server());
    assert!(matches!(loopback.shake().err(), Some(NetError::Tls(_))));
}

#[test]
fn a_port_where_nobody_listens_refuses_the_connection() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let peer: SocketAddr = free.local_addr().unwrap();
    drop(free);
    let mut poller = Poller::new().unwrap();
    let error = match Transport::connect(peer, &Security::Plain) {
        Err(error) => error,
        Ok(mut transport) => {
            transport.register(poller.registry(), Token(0)).unwrap();
            wait(&mut poller, || transport.advance().err())
        }
    };
    let NetError::Connect { peer: named, kind } = error else { panic!("{error:?}") };
    assert_eq!((named, kind), (peer, io::ErrorKind::ConnectionRefused));
}
