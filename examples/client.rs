//! A client of the gateway in Rust: trades of a symbol, through losses of the connection.
//!
//! `cargo run --example client -- ws://127.0.0.1:8080 BTC/USDT`
//!
//! Events go to standard output as they come; what happens to the connection, and whether all that
//! was missed came after it, to standard error. A third argument ends it after so many events.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};
use tungstenite::error::UrlError;
use tungstenite::{Error, Message, connect};

const WAIT_MIN: Duration = Duration::from_millis(500);
const WAIT_MAX: Duration = Duration::from_secs(30);

/// What outlives a connection.
#[derive(Default)]
struct Seen {
    /// Names the run of the gateway that the numbers below belong to.
    epoch: String,
    /// The last `seq` of each instrument.
    seq: BTreeMap<String, u64>,
}

impl Seen {
    /// Asks for what was missed; or, with nothing seen before, for the last trade first.
    fn request(&self, symbol: &str) -> Value {
        let mut request =
            json!({"action": "subscribe", "symbols": [symbol], "channels": ["trades"]});
        if self.seq.is_empty() {
            request["snapshot"] = true.into();
        } else {
            let from = self.seq.iter();
            let from = from.map(|(name, seq)| (name, json!({"epoch": self.epoch, "seq": seq})));
            request["from"] = from.map(|(name, place)| (name.clone(), place)).collect();
        }
        request
    }

    /// The subscription was granted. Says of each instrument whether all that was missed came.
    fn granted(&mut self, data: &Value) -> io::Result<()> {
        let epoch = data["epoch"].as_str().unwrap_or_default();
        let restarted = epoch != self.epoch;
        for (instrument, whole) in data["recovered"].as_object().into_iter().flatten() {
            match (whole.as_bool(), restarted) {
                (Some(true), _) => tell(format_args!("{instrument}: resumed, nothing was missed"))?,
                (_, true) => tell(format_args!(
                    "*** EVENTS LOST *** {instrument}: the gateway was started anew, which forgot \
                     all that came before. How many are missing nobody knows."
                ))?,
                (_, false) => tell(format_args!(
                    "*** EVENTS LOST *** {instrument}: away for longer than the gateway remembers."
                ))?,
            }
        }
        if restarted {
            epoch.clone_into(&mut self.epoch);
            self.seq.clear();
        }
        Ok(())
    }
}

/// Why a connection ended.
enum Ended {
    /// As many events came as were wanted.
    Enough,
    /// It is worth another attempt.
    Lost(Error),
    /// No other attempt would fare better.
    ForGood(Box<dyn std::error::Error>),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        match error {
            // Nobody listens there; somebody may, soon.
            Error::Url(UrlError::UnableToConnect(_)) => Self::Lost(error),
            Error::Url(_) | Error::HttpFormat(_) => Self::ForGood(error.into()),
            Error::Http(answer) if answer.status().is_client_error() => {
                let status = answer.status();
                Self::ForGood(format!("the gateway refuses with HTTP {status}").into())
            }
            error => Self::Lost(error),
        }
    }
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::ForGood(error.into())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().unwrap_or_else(|| "ws://127.0.0.1:8080".to_owned());
    let symbol = arguments.next().unwrap_or_else(|| "BTC/USDT".to_owned());
    let mut wanted: u64 = arguments.next().map_or(Ok(u64::MAX), |count| count.parse())?;

    let mut seen = Seen::default();
    let mut wait = WAIT_MIN;
    loop {
        let before = wanted;
        match listen(&url, &symbol, &mut seen, &mut wanted) {
            Ended::Enough => return Ok(()),
            Ended::ForGood(error) => return Err(error),
            Ended::Lost(error) => {
                // A connection that brought something was a good one.
                wait = if wanted < before { WAIT_MIN } else { wait };
                let seconds = wait.as_secs_f64();
                tell(format_args!("{url}: {error}; trying again in {seconds:.1} s"))?;
            }
        }
        std::thread::sleep(wait);
        wait = (wait * 2).min(WAIT_MAX);
    }
}

/// One connection, until it ends.
fn listen(url: &str, symbol: &str, seen: &mut Seen, wanted: &mut u64) -> Ended {
    let mut follow = || -> Result<(), Ended> {
        let (mut socket, _) = connect(url)?;
        tell(format_args!("connected to {url}"))?;
        socket.send(Message::text(seen.request(symbol).to_string()))?;
        let mut out = io::stdout().lock();
        while *wanted > 0 {
            let Message::Text(text) = socket.read()? else { continue };
            let Ok(event) = serde_json::from_str::<Value>(&text) else { continue };
            match event["type"].as_str().unwrap_or_default() {
                "success" => seen.granted(&event["data"])?,
                "error" => return Err(Ended::ForGood(text.to_string().into())),
                "trade" => {
                    let (data, seq) = (&event["data"], event["seq"].as_u64().unwrap_or_default());
                    let [exchange, symbol] =
                        ["exchange", "symbol"].map(|key| data[key].as_str().unwrap_or("?"));
                    seen.seq.insert(format!("{exchange}:{symbol}"), seq);
                    // The text has the exchange's digits; a float would not.
                    writeln!(out, "{text}")?;
                    *wanted -= 1;
                }
                "gap" => tell(format_args!("*** EVENTS LOST *** {text}"))?,
                _ => {}
            }
        }
        // The gateway may have gone first.
        let _ = socket.close(None);
        Ok(())
    };
    follow().map_or_else(|ended| ended, |()| Ended::Enough)
}

fn tell(words: std::fmt::Arguments<'_>) -> io::Result<()> {
    writeln!(io::stderr().lock(), "client: {words}")
}
