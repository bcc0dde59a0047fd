//! Where a URL leads.

use tungstenite::http::Uri;

use super::NetError;

/// The parts of a `ws`, `wss`, `http` or `https` URL that a connection needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `wss` or `https`.
    pub tls: bool,
    /// Name or address, without the brackets of IPv6.
    pub host: String,
    /// As stated, else 80 or 443.
    pub port: u16,
    /// Path and query; `/` where the URL has none.
    pub target: String,
}

impl Endpoint {
    /// Takes a URL apart.
    ///
    /// # Errors
    /// [`NetError::Url`] when it is no URL, has another scheme or names no host.
    pub fn parse(url: &str) -> Result<Self, NetError> {
        let refuse = |what| NetError::Url { url: url.into(), what };
        let uri: Uri = url.parse().map_err(|_| refuse("not a URL; write ws://HOST:PORT/PATH"))?;
        let tls = match uri.scheme_str() {
            Some("wss" | "https") => true,
            Some("ws" | "http") => false,
            _ => return Err(refuse("the scheme must be ws, wss, http or https")),
        };
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        if host.is_empty() {
            return Err(refuse("it names no host"));
        }
        let usual = if tls { 443 } else { 80 };
        let port = port(&uri).ok_or_else(|| refuse("the port must be from 1 to 65535"))?;
        let port = port.unwrap_or(usual);
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        Ok(Self { tls, host: host.to_owned(), port, target: target.to_owned() })
    }
}

/// The port that an address states: `Some(None)` where it states none, `None` where what it states
/// is no port that one can connect to.
pub fn port(uri: &Uri) -> Option<Option<u16>> {
    let authority = uri.authority()?.as_str();
    // A name and a password may stand before the host.
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let behind = host.strip_prefix(uri.host()?)?;
    if behind.is_empty() {
        return Some(None);
    }
    let digits = behind.strip_prefix(':')?;
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|&port| is_plain && port > 0).map(Some)
}

/// The URL of `path` below `base`. A base that ends with that path already (an exchange's whole
/// address, as its documentation prints it) does not get it twice.
pub fn join(base: &str, path: &str) -> String {
    let base = base.trim_end_matches('/');
    let (route, query) = path.split_at(path.find('?').unwrap_or(path.len()));
    match !route.is_empty() && base.ends_with(route) {
        true => format!("{base}{query}"),
        false => format!("{base}{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_there_is_not_added_twice() {
        for (base, path, url) in [
            ("wss://ws.kraken.com", "/v2", "wss://ws.kraken.com/v2"),
            ("wss://ws.kraken.com/", "/v2", "wss://ws.kraken.com/v2"),
            ("wss://ws.kraken.com/v2", "/v2", "wss://ws.kraken.com/v2"),
            ("ws://[::1]:9/stream", "/stream?timeUnit=x", "ws://[::1]:9/stream?timeUnit=x"),
            ("ws://x/proxy", "/v2", "ws://x/proxy/v2"),
            ("ws://x/a?b=c", "", "ws://x/a?b=c"),
        ] {
            assert_eq!(join(base, path), url);
        }
    }

    #[test]
    fn urls_are_taken_apart() {
        let one = Endpoint::parse("wss://stream.binance.com:9443/stream?streams=a@trade").unwrap();
        assert_eq!((one.tls, one.host.as_str(), one.port), (true, "stream.binance.com", 9443));
        assert_eq!(one.target, "/stream?streams=a@trade");
        let two = Endpoint::parse("ws://[::1]").unwrap();
        assert_eq!((two.tls, two.host.as_str(), two.port), (false, "::1", 80));
        assert_eq!(two.target, "/");
        assert_eq!(Endpoint::parse("https://api.x.com/depth").unwrap().port, 443);
    }

    #[test]
    fn what_is_no_url_of_ours_is_refused_with_its_text() {
        for bad in [
            "",
            "stream.binance.com",
            "ftp://x/",
            "ws:///path",
            "ws://a b/",
            "ws://a:0/",
            "wss://a:65536",
        ] {
            let error = Endpoint::parse(bad).unwrap_err();
            assert!(error.to_string().contains(&format!("{bad:?}")), "{error}");
        }
    }
}
