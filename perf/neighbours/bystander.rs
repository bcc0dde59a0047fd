//! Somebody else who is attacked on the same machine: a process that takes what comes and drops it.
//!
//! What the victim notices while this one is attacked is what the attackers, and the kernel for
//! them, take of the cores; what is more beside an attack on the gateway is the gateway's.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

/// Bytes read at once.
const READ_BYTES: usize = 2 << 10;

/// After it lost the exchange it waits for this long, as a feed does at least.
const PAUSE: Duration = Duration::from_millis(100);

const UPGRADED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const ANSWERED: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

/// Takes clients at a port of its own, which `tell` is told; does not end.
pub(crate) fn serve(tell: impl FnOnce(SocketAddr) -> io::Result<()>) -> io::Result<()> {
    const LISTENER: Token = Token(usize::MAX);
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    tell(listener.local_addr()?)?;
    let mut events = Events::with_capacity(256);
    let mut clients: HashMap<usize, (TcpStream, Stage)> = HashMap::new();
    let mut next = 0;
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            let Token(id) = event.token();
            if event.token() != LISTENER {
                let Some((stream, stage)) = clients.get_mut(&id) else { continue };
                if !take(stream, stage) {
                    clients.remove(&id);
                }
                continue;
            }
            while let Ok((mut stream, _)) = listener.accept() {
                poll.registry().register(&mut stream, Token(next), Interest::READABLE)?;
                clients.insert(next, (stream, Stage::Head));
                next += 1;
            }
        }
    }
}

/// How far a connection has come.
#[derive(Clone, Copy)]
enum Stage {
    Head,
    FirstFrame,
    Taken,
}

/// Reads all there is; false at the end. Requests of HTTP are answered; what is none, or begins with
/// a frame without a mask, is ended.
fn take(stream: &mut TcpStream, stage: &mut Stage) -> bool {
    let mut bytes = [0; READ_BYTES];
    loop {
        match (stream.read(&mut bytes), *stage) {
            (Ok(0), _) => return false,
            (Ok(_), Stage::Taken) => {}
            (Ok(count), Stage::FirstFrame) => {
                if count > 1 && bytes[1] & 0x80 == 0 {
                    return false;
                }
                *stage = Stage::Taken;
            }
            (Ok(_), Stage::Head) if !bytes.starts_with(b"GET ") => return false,
            (Ok(count), Stage::Head) if bytes[..count].ends_with(b"\r\n\r\n") => {
                let is_upgraded = bytes.starts_with(b"GET /ws ");
                let answer = if is_upgraded { UPGRADED } else { ANSWERED };
                if stream.write_all(answer).is_err() {
                    return false;
                }
                if is_upgraded {
                    *stage = Stage::FirstFrame;
                }
            }
            (Ok(_), Stage::Head) => {}
            (Err(error), _) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
}

/// Is a client of the exchange at `address`, again and again; does not end.
pub(crate) fn follow(address: SocketAddr) -> ! {
    loop {
        // However a connection ended, the next one is made like it.
        let _ = follow_once(address);
        std::thread::sleep(PAUSE);
    }
}

fn follow_once(address: SocketAddr) -> io::Result<()> {
    let mut stream = std::net::TcpStream::connect(address)?;
    write!(
        stream,
        "GET / HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )?;
    let mut bytes = vec![0; 64 << 10];
    while stream.read(&mut bytes)? > 0 {}
    Ok(())
}
