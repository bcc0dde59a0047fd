//! The simulator's command line.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::fault::FaultSpec;
use super::options::{CaptureEnd, Era, Options, Playback, Speed};
use crate::instrument::ExchangeId;

/// What `tickwire sim` takes.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// Exchange to simulate
    #[arg(long, value_parser = exchange)]
    pub exchange: ExchangeId,
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Instruments, as the exchange spells them; fifty usual ones when absent
    #[arg(long, value_delimiter = ',')]
    pub symbols: Vec<String>,
    /// Trades a second over all instruments; 0 is as many as the clients take
    #[arg(long, default_value_t = 200)]
    pub rate: u32,
    /// Same seed, same market
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Play the frames of this capture instead of a market
    #[arg(long)]
    pub capture: Option<PathBuf>,
    /// Order book by REST to go with the capture, named ANYTHING-SYMBOL.rest.json; repeatable, also
    /// for one symbol, whose books are answered in this order
    #[arg(long, requires = "capture")]
    pub rest: Vec<PathBuf>,
    /// Speed of the capture: a factor such as 1, 10 or 0.5, or `max`
    #[arg(long, default_value = "1", value_parser = speed, requires = "capture")]
    pub speed: Speed,
    /// Close the connection after the last frame of the capture
    #[arg(long, requires = "capture")]
    pub close_at_end: bool,
    /// Play every frame of the capture, whatever a client subscribed to
    #[arg(long, requires = "capture")]
    pub everything: bool,
    /// Speak TLS, with a certificate made at start
    #[arg(long)]
    pub tls: bool,
    /// File to write the certificate's authority to, as PEM
    #[arg(long, requires = "tls")]
    pub tls_ca_out: Option<PathBuf>,
    /// Frames as they were: `current`, `checksums` (OKX until June 2026) or `early` (OKX of 2022)
    #[arg(long, default_value = "current", value_parser = era)]
    pub era: Era,
    /// Fault: `name[=value][@when][:key=value]...`, such as disconnect@5s, disconnect:every=30s,
    /// silence@10s, hush, trickle, gap@3s:symbol=BTCUSDT, drop-trade, duplicate:of=trade, reorder, garbage,
    /// cut:of=trade, corrupt, mute, stall=2s, truncated, oversized=9000000, binary, slow-start=2s,
    /// refuse=503:count=3, rest-429:count=2, rest-418, rest-late=2s, rest-stale, shutdown=5s@10s,
    /// ack-mute, too-many, seq-reset, unreadable, times-ahead=1h:of=candle, superseded, bad-checksum,
    /// market-closed=30s:symbol=frxEURUSD, close=1008; repeatable
    #[arg(long = "fault")]
    pub faults: Vec<FaultSpec>,
}

impl Arguments {
    /// The options that these arguments mean.
    pub fn options(&self) -> Options {
        let playback = self.capture.clone().map(|capture| Playback {
            capture,
            rest: self.rest.clone(),
            speed: self.speed,
            end: if self.close_at_end { CaptureEnd::Close } else { CaptureEnd::Hold },
            everything: self.everything,
        });
        Options {
            listen: self.listen,
            tls: self.tls,
            symbols: self.symbols.clone(),
            rate: self.rate,
            seed: self.seed,
            faults: self.faults.clone(),
            era: self.era,
            playback,
            ca_out: self.tls_ca_out.clone(),
            ..Options::new(self.exchange)
        }
    }
}

fn exchange(name: &str) -> Result<ExchangeId, String> {
    let names = || ExchangeId::ALL.map(ExchangeId::name).join(", ");
    ExchangeId::from_name(name).ok_or_else(|| format!("unknown; use one of {}", names()))
}

fn era(text: &str) -> Result<Era, String> {
    match text {
        "current" => Ok(Era::Current),
        "checksums" => Ok(Era::Checksums),
        "early" => Ok(Era::Early),
        _ => Err("use current, checksums or early".to_owned()),
    }
}

/// A factor with at most two digits after the point, or `max`.
fn speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed::Max);
    }
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let percent = || {
        let hundredths = match part.len() {
            0 => 0,
            1 => part.parse::<u32>().ok()? * 10,
            2 => part.parse().ok()?,
            _ => return None,
        };
        let whole: u32 = whole.parse().ok()?;
        whole.checked_mul(100)?.checked_add(hundredths).filter(|percent| *percent > 0)
    };
    percent()
        .map(Speed::Percent)
        .ok_or_else(|| format!("`{text}` is no speed; use a factor such as 10 or 0.5, or max"))
}

/// Writes the authority where the options ask for it.
pub(super) fn write_ca(options: &Options, pem: Option<&str>) -> io::Result<()> {
    match (&options.ca_out, pem) {
        (Some(path), Some(pem)) => fs::write(path, pem),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_are_factors_or_max() {
        assert_eq!(speed("max"), Ok(Speed::Max));
        assert_eq!(speed("10"), Ok(Speed::Percent(1_000)));
        assert_eq!(speed("0.5"), Ok(Speed::Percent(50)));
        assert_eq!(speed("1.25"), Ok(Speed::Percent(125)));
        for wrong in ["0", "-1", "fast", "1.234", ""] {
            assert!(speed(wrong).is_err(), "{wrong}");
        }
    }
}
