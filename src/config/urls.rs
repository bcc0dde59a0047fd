//! Addresses as people write them, and what is wrong with them.

use tungstenite::http::Uri;

use crate::net::port;

/// What to write instead of a port that is none.
const PORT_REMEDY: &str = "the port must be from 1 to 65535, or be left out";

/// The address of an exchange: the encrypted scheme anywhere, the plain one on loopback alone.
///
/// # Errors
/// What to write instead.
pub(super) fn exchange(
    text: &str,
    [secure, plain]: [&str; 2],
    form: String,
) -> Result<String, String> {
    let text = text.trim_end_matches('/');
    let Ok(uri) = text.parse::<Uri>() else { return Err(form) };
    if text.contains('#') {
        return Err("a fragment (#…) is never sent; leave it out".to_owned());
    }
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(
            "a name or password is not used here; leave out what stands before the @".to_owned()
        );
    }
    let host = uri.host().unwrap_or_default();
    if !host.is_empty() && port(&uri).is_none() {
        return Err(PORT_REMEDY.to_owned());
    }
    match uri.scheme_str() {
        Some(scheme) if scheme == secure && !host.is_empty() => Ok(text.to_owned()),
        Some(scheme) if scheme == plain && is_loopback(host) => Ok(text.to_owned()),
        _ => Err(form),
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether a browser can send this text as its `Origin`.
///
/// # Errors
/// What to write instead.
pub(super) fn origin_of_browser(text: &str) -> Result<(), String> {
    if text == "null" {
        // What a page without an origin of its own sends.
        return Ok(());
    }
    if text == "*" {
        return Err("any origin is allowed by an empty list: allowed_origins = []".to_owned());
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(format!("an origin has a scheme; write \"https://{text}\""));
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.len() < rest.len() {
        return Err(format!(
            "an origin has no path and no slash at its end; write \"{scheme}://{authority}\""
        ));
    }
    if authority.contains('*') {
        return Err("is compared as a whole; write each origin out, without *".to_owned());
    }
    let lower = text.to_lowercase();
    if lower != text {
        return Err(format!("browsers send it in small letters; write \"{lower}\""));
    }
    let usual = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => "",
    };
    if let Some(short) = text.strip_suffix(usual).filter(|_| !usual.is_empty()) {
        return Err(format!("browsers leave out the usual port; write \"{short}\""));
    }
    if !text.is_ascii() {
        return Err("browsers send such a host in its ASCII form, xn--…; write that".to_owned());
    }
    let is_sound = !authority.contains(['@', ' '])
        && text.parse::<Uri>().is_ok_and(|uri| uri.host().is_some_and(|host| !host.is_empty()));
    match is_sound {
        true if text.parse::<Uri>().is_ok_and(|uri| port(&uri).is_none()) => {
            Err(PORT_REMEDY.to_owned())
        }
        true => Ok(()),
        false => Err("write scheme, host and port if any, like \"https://example.org\"".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_browser_sends_is_told_how_it_is_sent() {
        for text in ["https://example.org", "http://localhost:3000", "http://[::1]:80", "null"] {
            let told = origin_of_browser(text);
            assert_eq!(told.is_ok(), text != "http://[::1]:80", "{text}: {told:?}");
        }
        for (text, says) in [
            ("example.org", "\"https://example.org\""),
            ("https://example.org/", "write \"https://example.org\""),
            ("https://example.org/app?a=1", "write \"https://example.org\""),
            ("https://*.example.org", "without *"),
            ("*", "allowed_origins = []"),
            ("https://Example.org", "\"https://example.org\""),
            ("https://example.org:443", "\"https://example.org\""),
            ("https://bücher.example", "xn--"),
            ("https://", "write scheme, host"),
            ("https://a b", "write scheme, host"),
            ("https://u:p@example.org", "write scheme, host"),
            ("", "write \"https://"),
            ("https://a.example:0", "from 1 to 65535"),
            ("https://a.example:65536", "from 1 to 65535"),
        ] {
            let told = origin_of_browser(text).expect_err(text);
            assert!(told.contains(says), "{text}: {told}");
        }
    }

    #[test]
    fn an_address_without_use_for_its_parts_is_refused() {
        let url = |text: &str| exchange(text, ["wss", "ws"], "write wss://host".to_owned());
        assert_eq!(url("wss://a.example:9443/").as_deref(), Ok("wss://a.example:9443"));
        assert_eq!(url("ws://[::1]:1").as_deref(), Ok("ws://[::1]:1"));
        for (text, says) in [
            ("wss://u:p@a.example", "before the @"),
            ("wss://a.example#x", "fragment"),
            ("ws://a.example", "write wss://host"),
            ("https://a.example", "write wss://host"),
            ("a.example", "write wss://host"),
            ("wss://a.example:0", "from 1 to 65535"),
            ("wss://a.example:65536", "from 1 to 65535"),
            ("wss://a.example:", "from 1 to 65535"),
            ("wss://a.example:+443", "from 1 to 65535"),
            ("ws://[::1]:0", "from 1 to 65535"),
        ] {
            assert!(url(text).expect_err(text).contains(says), "{text}");
        }
    }
}
