//! Bytes only: polling, TCP, TLS, WebSocket handshakes and frames, backoff.

mod waiting;

pub use waiting::Waiting;
