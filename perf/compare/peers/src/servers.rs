//! Servers on tokio-tungstenite: one task a client, behind a broadcast channel. Who connects by
//! `/publish` sends what all others get.

use anyhow::bail;
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::TryRecvError;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

/// Events that may wait for a client; nobody comes near it here.
const CHANNEL_EVENTS: usize = 1 << 14;

#[derive(Clone, Copy, PartialEq)]
enum Style {
    /// As examples have it: the default configuration, one `send` for each event.
    Naive,
    /// All that waits goes out in one write, and the read buffer is small.
    Tuned,
}

pub fn run(name: &str, port: u16) -> anyhow::Result<()> {
    let style = match name {
        "tokio-naive" => Style::Naive,
        "tokio-tuned" => Style::Tuned,
        _ => bail!("no server: {name}"),
    };
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let (events, _) = broadcast::channel(CHANNEL_EVENTS);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(serve(stream, events.clone(), style));
        }
    })
}

async fn serve(stream: TcpStream, events: broadcast::Sender<Utf8Bytes>, style: Style) {
    let config = match style {
        Style::Naive => WebSocketConfig::default(),
        Style::Tuned => WebSocketConfig::default().read_buffer_size(4 << 10),
    };
    // Before the client is answered, so that it misses nothing.
    let inbox = events.subscribe();
    let mut publishes = false;
    #[expect(clippy::result_large_err, reason = "the signature is tungstenite's")]
    let look = |request: &Request, response: Response| {
        publishes = request.uri().path() == "/publish";
        Ok(response)
    };
    let accepted =
        tokio_tungstenite::accept_hdr_async_with_config(stream, look, Some(config)).await;
    let Ok(socket) = accepted else { return };
    if publishes {
        drop(inbox);
        let mut socket = socket;
        while let Some(Ok(Message::Text(text))) = socket.next().await {
            // Without clients there is nobody to tell.
            let _ = events.send(text);
        }
        return;
    }
    deliver(socket, inbox, style).await;
}

/// Ends with the connection.
async fn deliver(
    socket: tokio_tungstenite::WebSocketStream<TcpStream>,
    mut inbox: broadcast::Receiver<Utf8Bytes>,
    style: Style,
) {
    let (mut sink, mut heard) = socket.split();
    loop {
        tokio::select! {
            event = inbox.recv() => {
                let Ok(text) = event else { return };
                let sent = match style {
                    Style::Naive => sink.send(Message::Text(text)).await.is_ok(),
                    Style::Tuned => burst(&mut sink, text, &mut inbox).await,
                };
                if !sent {
                    return;
                }
            }
            message = heard.next() => {
                if !matches!(message, Some(Ok(_))) {
                    return;
                }
            }
        }
    }
}

async fn burst(
    sink: &mut (impl SinkExt<Message> + Unpin),
    first: Utf8Bytes,
    inbox: &mut broadcast::Receiver<Utf8Bytes>,
) -> bool {
    if sink.feed(Message::Text(first)).await.is_err() {
        return false;
    }
    loop {
        match inbox.try_recv() {
            Ok(text) => {
                if sink.feed(Message::Text(text)).await.is_err() {
                    return false;
                }
            }
            Err(TryRecvError::Empty) => return sink.flush().await.is_ok(),
            Err(_) => return false,
        }
    }
}
