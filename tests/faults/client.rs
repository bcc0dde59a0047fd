//! A client of the gateway that never waits: it takes what its socket has.

use std::net::{SocketAddr, TcpListener};

use tickwire::broadcast::{Admission, OpenSocket};
use tickwire::dialect::{Dialects, Door};
use tickwire::net::{Bounds, Fill, Message, Role, Security, Step, Transport, WebSocket};

/// Longest message that it takes: a book of 500 levels has 20 KB.
const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// One connection to a broadcaster.
pub(super) struct Client {
    socket: WebSocket<Transport>,
}

impl Client {
    /// A connection as after its upgrade, and the broadcaster's end of it.
    pub(super) fn pair() -> (Self, OpenSocket) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback listens");
        let address: SocketAddr = listener.local_addr().expect("it is bound");
        let mut near = Transport::connect(address, &Security::Plain).expect("loopback connects");
        let (far, peer) = listener.accept().expect("it was connected to");
        far.set_nonblocking(true).expect("a socket can be told");
        let far = mio::net::TcpStream::from_std(far);
        let far = Transport::accept(far, peer, &Security::Plain).expect("a socket is tuned");
        while near.advance().expect("loopback connects") == Step::Pending {}
        let bounds = Bounds::session(MESSAGE_BYTES_MAX);
        let socket = WebSocket::new(far, Role::Server, bounds, b"");
        let dialects = Dialects::at(&Door { path: "/" }).expect("clients come in there");
        let admission = Admission::take(Vec::new());
        let open = OpenSocket { socket: Box::new(socket), peer, dialects, admission };
        (Self { socket: WebSocket::new(near, Role::Client, bounds, b"") }, open)
    }

    pub(super) fn say(&mut self, text: &str) {
        self.socket.queue_text(text).expect("there is room for a request");
        self.socket.flush().expect("the gateway listens");
    }

    /// Hands every message that has come to `take`; returns how many there were.
    pub(super) fn take(
        &mut self,
        mut take: impl FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<usize, String> {
        let mut count = 0;
        loop {
            match self.socket.next().map_err(|error| error.to_string())? {
                Some(Message::Text(frame)) => {
                    count += 1;
                    take(frame.bytes())?;
                }
                Some(Message::Ping | Message::Pong(_) | Message::Part(_)) => count += 1,
                Some(other) => return Err(format!("the gateway said {other:?}")),
                None => match self.socket.fill().map_err(|error| error.to_string())? {
                    Fill::Read(_) => {}
                    Fill::Blocked => break,
                },
            }
        }
        if self.socket.control_pending() {
            self.socket.flush().map_err(|error| error.to_string())?;
        }
        Ok(count)
    }
}
