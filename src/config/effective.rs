//! The effective configuration as TOML, defaults filled in: what `check` prints. No secret is
//! ever part of it.

use std::fmt::Write as _;

use super::{Config, FeedConfig};

/// The configuration as a file that would give it.
pub fn effective(config: &Config) -> String {
    let gateway = &config.gateway;
    let mut text = String::new();
    let mut line = |key: &str, value: String| {
        // Writing into a String does not fail.
        let _ = writeln!(text, "{key} = {value}");
    };
    line("[gateway]\nlisten", quoted(gateway.listen));
    line("broadcasters", gateway.broadcasters.to_string());
    line("cpus", format!("{:?}", gateway.cpus));
    line("poll", quoted(gateway.poll.name()));
    line("max_clients", gateway.max_clients.to_string());
    line("max_clients_per_ip", gateway.max_clients_per_ip.to_string());
    line("max_symbols_per_client", gateway.max_symbols_per_client.to_string());
    line("client_queue_bytes", gateway.client_queue_bytes.to_string());
    line("heartbeat_seconds", gateway.heartbeat.as_secs().to_string());
    line("drain_seconds", gateway.drain.as_secs().to_string());
    line("default_exchange", quoted(gateway.default_exchange));
    line("allow_anonymous", (!gateway.listen.ip().is_loopback()).to_string());
    line("allowed_origins", format!("{:?}", gateway.allowed_origins));
    if let Some(tls) = &gateway.tls {
        line("tls_cert_file", quoted(tls.cert_file.display()));
        line("tls_key_file", quoted(tls.key_file.display()));
    }
    line("\n[admin]\nlisten", quoted(config.admin.listen));
    for feed in &config.feeds {
        feed_lines(feed, &mut line);
    }
    line("\n[history]\nevents", config.history.events.to_string());
    line("bytes", quoted(config.history.bytes));
    if !config.budget.allowances().is_empty() {
        text.push_str("\n# Microseconds.\n[budget]\n");
    }
    for allowance in config.budget.allowances() {
        let (span, quantile) = (allowance.span.name(), allowance.quantile.name());
        let _ = writeln!(text, "{span}_{quantile} = {:?}", allowance.nanos as f64 / 1e3);
    }
    text
}

fn feed_lines(feed: &FeedConfig, line: &mut impl FnMut(&str, String)) {
    line("\n[[feed]]\nexchange", quoted(feed.exchange));
    line("symbols", list(feed.symbols.iter().map(quoted)));
    line("channels", list(feed.channels.iter().map(|channel| quoted(channel.name()))));
    line("candle_source", quoted(feed.candle_source.name()));
    line("url", quoted(&feed.url));
    line("rest_url", quoted(&feed.rest_url));
    if let Some(cpu) = feed.cpu {
        line("cpu", cpu.to_string());
    }
    line("poll", quoted(feed.poll.name()));
    line("lines", feed.lines.to_string());
    let reconnect = &feed.reconnect;
    let table = format!(
        "{{ initial_ms = {}, max_ms = {}, factor = {:?}, jitter = {:?}, max_attempts = {} }}",
        reconnect.initial.as_millis(),
        reconnect.max.as_millis(),
        reconnect.factor,
        reconnect.jitter,
        reconnect.max_attempts
    );
    line("reconnect", table);
    if let Some(path) = &feed.tls_ca_file {
        line("tls_ca_file", quoted(path.display()));
    }
}

fn quoted(value: impl std::fmt::Display) -> String {
    toml::Value::String(value.to_string()).to_string()
}

fn list(values: impl Iterator<Item = String>) -> String {
    format!("[{}]", values.collect::<Vec<_>>().join(", "))
}
