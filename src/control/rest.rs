//! One request beside the stream, and whom it trusts.

use std::io;
use std::path::Path;

use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use crate::clock::UnixNanos;
use crate::exchange::{Profile, Refusal};
use crate::json::http_date;
use crate::limits::{REST_BODY_BYTES_MAX, REST_IDLE_MAX, REST_REQUEST_MAX};
use crate::tick::Reason;

/// Bytes of another place that are worth a line.
const REDIRECT_BYTES_SHOWN: usize = 200;

/// Why a request has to be repeated.
pub(super) enum Failure {
    /// The exchange said no, and when to come back.
    Refused(Refusal),
    /// Nothing came.
    Broken(String),
    /// What came cannot be used.
    Unreadable(String),
}

impl Failure {
    /// As whoever waits for the answer is told.
    pub(super) const fn reason(&self) -> Reason {
        match self {
            Self::Refused(refusal) => refusal.reason,
            Self::Broken(_) => Reason::Unavailable,
            Self::Unreadable(_) => Reason::Refused,
        }
    }
}

/// Where an exchange answers requests.
#[derive(Debug)]
pub(super) struct Rest {
    profile: &'static Profile,
    url: String,
    agent: ureq::Agent,
}

impl Rest {
    /// An HTTP client that trusts whom the feed's own connection trusts.
    ///
    /// # Errors
    /// When the certificates cannot be read.
    pub(super) fn new(
        profile: &'static Profile,
        url: &str,
        tls_ca_file: Option<&Path>,
    ) -> io::Result<Self> {
        let mut config = ureq::Agent::config_builder()
            .timeout_global(Some(REST_REQUEST_MAX))
            .max_idle_age(REST_IDLE_MAX)
            .http_status_as_error(false)
            // No exchange's documents know of one, and wherever it led, nobody named it.
            .max_redirects(0)
            .max_redirects_will_error(false)
            // Streams take none either: half of a feed through a proxy would be asked for books by
            // another address than the one that gets the deltas.
            .proxy(None)
            .user_agent(concat!("tickwire/", env!("CARGO_PKG_VERSION")));
        if url.starts_with("https:") {
            let roots = RootCerts::new_with_certs(&certificates(tls_ca_file)?);
            config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
        }
        Ok(Self { profile, url: url.to_owned(), agent: config.build().new_agent() })
    }

    /// The body that a path is answered with.
    pub(super) fn fetch(&self, path: &str, now: UnixNanos) -> Result<Vec<u8>, Failure> {
        let broken = |error: ureq::Error| Failure::Broken(error.to_string());
        let url = format!("{}{path}", self.url);
        let mut response = self.agent.get(&url).call().map_err(broken)?;
        let status = response.status().as_u16();
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        if response.status().is_redirection() {
            return Err(Failure::Broken(redirected(status, header("location"))));
        }
        let retry_after = header("retry-after").map(str::to_owned);
        // A date counts from the server's own, else from ours.
        let theirs = header("date").and_then(http_date);
        let body = response.body_mut().with_config().limit(REST_BODY_BYTES_MAX).read_to_vec();
        let body = body.map_err(broken)?;
        if status == 200 {
            return Ok(body);
        }
        let by_our_date = theirs.is_none() && retry_after.as_deref().and_then(http_date).is_some();
        let judge = if by_our_date { Profile::refusal_by_our_date } else { Profile::refusal };
        let now = theirs.unwrap_or(now);
        let refusal = judge(self.profile, status, retry_after.as_deref(), &body, now);
        Err(Failure::Refused(refusal))
    }
}

/// What is said of an answer that names another place.
fn redirected(status: u16, location: Option<&str>) -> String {
    let location = location.unwrap_or("nowhere");
    let end = location.floor_char_boundary(REDIRECT_BYTES_SHOWN);
    format!("answered with a redirect ({status}) to {}, which is not followed", &location[..end])
}

fn certificates(ca_file: Option<&Path>) -> io::Result<Vec<Certificate<'static>>> {
    let native = rustls_native_certs::load_native_certs();
    let mut all: Vec<_> = native
        .certs
        .iter()
        .map(|certificate| Certificate::from_der(certificate).to_owned())
        .collect();
    if let Some(path) = ca_file {
        let pem = std::fs::read(path)?;
        for item in parse_pem(&pem) {
            if let PemItem::Certificate(certificate) = item.map_err(io::Error::other)? {
                all.push(certificate);
            }
        }
    }
    Ok(all)
}
