//! Bytes only: polling, TCP, TLS, WebSocket handshakes and frames, backoff.
