//! The admin port: metrics, health, statistics and a small page, for people and their tools.
//!
//! It runs on a thread of its own with a runtime of its own, and only reads the [`Observatory`]:
//! nothing that is asked here reaches the data plane.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;
use tokio::sync::oneshot;

use super::guarded::GuardedListener;
use crate::limits;
use crate::metrics::{Exposition, Observatory, Watched, expose, stats};

/// The dashboard: one file, no assets from elsewhere.
const DASHBOARD: &str = include_str!("dashboard.html");

/// What the dashboard may do: its own script and style, and ask this port.
const DASHBOARD_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; \
     style-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'";

/// Why the admin port could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// The address is taken, not ours, or not allowed.
    #[error(
        "admin.listen = \"{address}\": {error}; choose another address, or port 0 for a free one, in the \
         file or by TICKWIRE_ADMIN_LISTEN=127.0.0.1:0"
    )]
    Listen {
        /// As configured.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// The system gave no thread or event queue.
    #[error("cannot start the admin thread")]
    Thread {
        /// What the system says.
        #[from]
        source: io::Error,
    },
}

/// The running admin port.
#[derive(Debug)]
pub struct Admin {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    thread: Watched,
}

impl Admin {
    /// Listens at once, so that a taken port is an error here, and serves on its own thread.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub fn start(listen: SocketAddr, observatory: Arc<Observatory>) -> Result<Self, AdminError> {
        let bound = TcpListener::bind(listen)
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener));
        let listener = bound.map_err(|error| AdminError::Listen { address: listen, error })?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let shown = Arc::clone(&observatory);
        let serve = move || runtime.block_on(serve(listener, shown, stopped));
        let thread = observatory.spawn("admin", move || {
            if let Err(error) = serve() {
                tracing::error!(%error, "the admin port failed");
            }
        })?;
        Ok(Self { address, stop, thread })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers what was asked, within a second, and ends the thread, at the latest then.
    pub fn stop(self, until: Instant) {
        // It fails when the thread has ended already; then there is nothing to stop.
        let _ = self.stop.send(());
        self.thread.join_by(until);
    }
}

async fn serve(
    listener: TcpListener,
    observatory: Arc<Observatory>,
    stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    let counters = Arc::default();
    observatory.set_admin(Arc::clone(&counters));
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let listener = GuardedListener::new(listener, counters);
    let (begin_stop, stop_begun) = oneshot::channel::<()>();
    let server = axum::serve(listener, router(observatory)).with_graceful_shutdown(async {
        // An error is a dropped sender, which means stop as well.
        let _ = stop_begun.await;
    });
    let server = tokio::spawn(server.into_future());
    // As above: a dropped `Admin` means stop.
    let _ = stopped.await;
    let _ = begin_stop.send(());
    match tokio::time::timeout(limits::ADMIN_STOP_MAX, server).await {
        Ok(Ok(served)) => served,
        // Connections that hold a request back are cut when the runtime ends.
        Ok(Err(_)) | Err(_) => Ok(()),
    }
}

fn router(observatory: Arc<Observatory>) -> Router {
    Router::new()
        .route("/", get(dashboard))
        .route("/metrics", get(metrics))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/stats", get(statistics))
        .fallback(nothing)
        .with_state(observatory)
}

async fn dashboard() -> Response {
    let policy = (CONTENT_SECURITY_POLICY, DASHBOARD_POLICY);
    let mut response = answer(StatusCode::OK, "text/html; charset=utf-8", DASHBOARD.to_owned());
    response.headers_mut().insert(policy.0, axum::http::HeaderValue::from_static(policy.1));
    response
}

async fn metrics(State(observatory): State<Arc<Observatory>>, headers: HeaderMap) -> Response {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let exposition = Exposition::from_accept(accept);
    answer(StatusCode::OK, exposition.content_type(), expose(&observatory, exposition))
}

/// That this is answered at all is the answer.
async fn live() -> Response {
    json(StatusCode::OK, &serde_json::json!({ "live": true }))
}

async fn ready(State(observatory): State<Arc<Observatory>>) -> Response {
    let readiness = observatory.readiness();
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json(status, &readiness)
}

async fn statistics(State(observatory): State<Arc<Observatory>>) -> Response {
    json(StatusCode::OK, &stats(&observatory))
}

async fn nothing() -> Response {
    let text = "Nothing here. There are /metrics, /health/live, /health/ready, /stats and /.\n";
    answer(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", text.to_owned())
}

fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_string(value) {
        Ok(text) => answer(status, "application/json", text),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn answer(status: StatusCode, content_type: &'static str, body: String) -> Response {
    let headers = [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;
    use crate::clock::Clock;
    use crate::latency::{Budget, recorder};
    use crate::tick::{FeedState, Reason};

    fn started() -> (Admin, Arc<Observatory>) {
        let configuration = serde_json::json!({"gateway": {"broadcasters": 1}});
        let observatory = Observatory::new(Clock::real(), "e1", configuration, Budget::default());
        observatory.add_feed("binance", Arc::default(), recorder().1);
        observatory.add_broadcaster(Arc::default(), recorder().1);
        let admin = Admin::start(SocketAddr::from(([127, 0, 0, 1], 0)), Arc::clone(&observatory));
        (admin.unwrap(), observatory)
    }

    /// Status, headers and body of one request over a real socket.
    fn ask(admin: &Admin, request: &str, headers: &str) -> (u16, String, String) {
        let mut socket = TcpStream::connect(admin.address()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let text = format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
        socket.write_all(text.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect("a whole answer");
        let status = head.split(' ').nth(1).expect("a status").parse().unwrap();
        (status, head.to_ascii_lowercase(), body.to_owned())
    }

    #[test]
    fn every_page_is_served_and_others_are_not() {
        let (admin, _observatory) = started();
        let (status, head, page) = ask(&admin, "GET /", "");
        assert_eq!(status, 200);
        assert!(head.contains("text/html") && page.contains("<title>tickwire</title>"));
        assert!(!page.contains("http://") && !page.contains("https://"), "an outside asset");
        let (status, head, page) = ask(&admin, "GET /metrics", "");
        assert_eq!(status, 200);
        assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
        assert!(page.contains("\ntickwire_feed_frames_total{exchange=\"binance\"} 0\n"));
        let open_metrics = "Accept: application/openmetrics-text; version=1.0.0\r\n";
        let (_, head, page) = ask(&admin, "GET /metrics", open_metrics);
        assert!(head.contains("content-type: application/openmetrics-text"), "{head}");
        assert!(page.ends_with("# EOF\n"));
        let (status, _, page) = ask(&admin, "GET /stats", "");
        assert_eq!(status, 200);
        let stats: serde_json::Value = serde_json::from_str(&page).unwrap();
        assert_eq!(stats["feeds"][0]["exchange"], "binance");
        assert_eq!(stats["configuration"]["gateway"]["broadcasters"], 1);
        assert_eq!(ask(&admin, "GET /health/live", "").0, 200);
        assert_eq!(ask(&admin, "GET /nothing", "").0, 404);
        assert_eq!(ask(&admin, "GET /metrics/", "").0, 404);
        let (status, head, _) = ask(&admin, "POST /stats", "Content-Length: 0\r\n");
        assert_eq!(status, 405);
        assert!(head.contains("allow: get,head"), "{head}");
        admin.stop(Instant::now() + limits::ADMIN_STOP_MAX);
    }

    #[test]
    fn readiness_follows_the_feeds() {
        let (admin, observatory) = started();
        let (status, _, body) = ask(&admin, "GET /health/ready", "");
        assert_eq!(status, 503);
        let readiness: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(readiness["ready"], false);
        assert!(readiness["reasons"][0].as_str().unwrap().contains("binance"), "{readiness}");
        observatory.set_feed_state("binance", 0, FeedState::Connected, Reason::Requested, 1);
        let (status, _, body) = ask(&admin, "GET /health/ready", "");
        assert_eq!((status, body.as_str()), (200, "{\"ready\":true,\"reasons\":[]}"));
        admin.stop(Instant::now() + limits::ADMIN_STOP_MAX);
    }

    #[test]
    fn a_taken_port_is_told_with_its_key() {
        let (admin, observatory) = started();
        let error = Admin::start(admin.address(), observatory).expect_err("the port is taken");
        let text = error.to_string();
        assert!(text.contains(&admin.address().to_string()), "{text}");
        assert!(text.contains("admin.listen"), "{text}");
        admin.stop(Instant::now() + limits::ADMIN_STOP_MAX);
    }

    #[test]
    fn who_never_finishes_a_request_loses_his_connection_and_locks_nobody_out() {
        use crate::limits::ADMIN_CONNECTIONS_MAX;
        let (admin, _observatory) = started();
        let half = || {
            let mut half = TcpStream::connect(admin.address()).unwrap();
            half.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            half.write_all(b"GET /stats HTTP/1.1\r\nHost").unwrap();
            half
        };
        let mut halves: Vec<_> = (0..ADMIN_CONNECTIONS_MAX + 20).map(|_| half()).collect();
        assert_eq!(ask(&admin, "GET /health/live", "").0, 200, "asked beside them");
        // The oldest gave way at once, the last goes when its time is over.
        for half in [halves.remove(0), halves.pop().unwrap()] {
            let mut half = half;
            let mut rest = Vec::new();
            let outcome = half.read_to_end(&mut rest);
            assert!(!matches!(&outcome, Err(e) if e.kind() == io::ErrorKind::WouldBlock));
            assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 4"), "{rest:?}");
        }
        let (_, _, page) = ask(&admin, "GET /metrics", "");
        let count = |name: &str| {
            let line = page.lines().find_map(|line| line.strip_prefix(name)).expect(name);
            line.trim().parse::<usize>().unwrap()
        };
        assert!(count("tickwire_admin_displacements_total ") >= 20, "{page}");
        assert!(count("tickwire_admin_timeouts_total ") >= 1, "{page}");
        admin.stop(Instant::now() + limits::ADMIN_STOP_MAX);
    }

    #[test]
    fn a_stop_does_not_wait_for_a_request_that_never_ends() {
        let (admin, _observatory) = started();
        let address = admin.address();
        let mut half = TcpStream::connect(address).unwrap();
        half.write_all(b"GET /stats HTTP/1.1\r\nHost").unwrap();
        admin.stop(Instant::now() + limits::ADMIN_STOP_MAX);
        half.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut rest = Vec::new();
        // Cut: the end of the stream, or a reset.
        let _ = half.read_to_end(&mut rest);
        assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 4"), "{rest:?}");
        assert!(TcpStream::connect(address).is_err(), "it listens no more");
    }
}
