//! What can go wrong at an exchange, and how one asks for it.

use std::str::FromStr;
use std::time::Duration;

/// Which stream a fault concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// The order book's deltas.
    Depth,
    /// Trades.
    Trade,
    /// The exchange's own candles.
    Candle,
}

/// One fault. Where a fault strikes "the next" of something, it waits until a client is due to
/// receive it. Events and frames of a stream are struck on one connection, whichever is served
/// first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Every connection ends, without a close frame.
    Disconnect,
    /// One open WebSocket ends, without a close frame; each time another one.
    DisconnectOne,
    /// Every open connection goes half-open: it stays, nothing comes, nothing is heard.
    Silence,
    /// No market data goes out on any open WebSocket, though it answers everything, until its client
    /// subscribes to something again.
    Hush,
    /// Of a long frame every open WebSocket gets a byte each tenth of a second, and nothing else any
    /// more.
    Trickle,
    /// Every open WebSocket is closed with this code.
    Close(u16),
    /// A text frame that is no JSON, to every open WebSocket.
    Garbage,
    /// A copy of the next data frame, cut in the middle, goes out before the frame itself.
    Truncated,
    /// A text frame of that many bytes, to every open WebSocket.
    Oversized(usize),
    /// A binary frame, to every open WebSocket.
    Binary,
    /// So many pongs that nobody asked for, to every open WebSocket.
    Pongs(u32),
    /// A message that begins with so many fragments without a byte, and does not end, to every open
    /// WebSocket.
    Crumbs(u32),
    /// So many errors that answer nothing, in the exchange's own words for what it cannot read, to
    /// every open WebSocket.
    Errors(u32),
    /// So many levels beyond all others appear in a book, some hundred with each trade.
    Deep {
        /// Of which instrument; of all when absent.
        symbol: Option<String>,
        /// Levels of each side.
        count: u32,
    },
    /// The ids of trades leap so far ahead, and go on from there.
    Leap {
        /// How far.
        by: u64,
        /// Of which instrument; of all when absent.
        symbol: Option<String>,
    },
    /// From now on a WebSocket is opened that much later than it was asked for.
    SlowStart(Duration),
    /// The next handshakes are refused with this status.
    Refuse {
        /// HTTP status.
        status: u16,
        /// Handshakes.
        count: u32,
    },
    /// The notice of a shutdown, then the end of the connections that it went to.
    Shutdown {
        /// From the notice to the end.
        after: Duration,
    },
    /// The next event is not sent, though the market goes on.
    Drop {
        /// On which stream.
        of: Of,
        /// Of which instrument; of any when absent.
        symbol: Option<String>,
        /// Events.
        count: u32,
    },
    /// The next event is sent twice.
    Duplicate {
        /// On which stream.
        of: Of,
        /// Of which instrument; of any when absent.
        symbol: Option<String>,
        /// Events.
        count: u32,
    },
    /// The next event of a stream is sent after the one that follows it.
    Reorder {
        /// On which stream.
        of: Of,
        /// Of which instrument; of any when absent.
        symbol: Option<String>,
        /// Events.
        count: u32,
    },
    /// One digit of the next frame is another one.
    Corrupt {
        /// Of which stream.
        of: Of,
        /// Of which instrument; of any when absent.
        symbol: Option<String>,
        /// Frames.
        count: u32,
    },
    /// Of the next frame only the first half is sent.
    Cut {
        /// Of which stream.
        of: Of,
        /// Of which instrument; of any when absent.
        symbol: Option<String>,
        /// Frames.
        count: u32,
    },
    /// From its next frame on a stream of one connection says nothing, until the client subscribes
    /// to something on that connection again.
    Mute {
        /// Which stream.
        of: Of,
        /// Of which instrument; of any when absent.
        symbol: Option<String>,
    },
    /// Nothing goes out on any connection for so long; then everything does.
    Stall(Duration),
    /// The market of an instrument closes: nothing comes of it, and who asks for it is refused.
    MarketClosed {
        /// Of which instrument; of all when absent.
        symbol: Option<String>,
        /// Until it opens again.
        lasts: Duration,
    },
    /// The next requests to subscribe are refused for now, in the exchange's own words for too
    /// many of them.
    TooMany {
        /// Requests to subscribe.
        count: u32,
    },
    /// The next subscriptions are acknowledged and stay without data.
    AckMute {
        /// Requests to subscribe.
        count: u32,
    },
    /// One value of the next frame cannot be read: it is empty, null, or no number.
    Unreadable {
        /// Of which stream.
        of: Of,
        /// Of which instrument; of any when absent.
        symbol: Option<String>,
        /// Frames.
        count: u32,
    },
    /// The times of the next frame lie ahead, all by as much.
    TimesAhead {
        /// By how much.
        by: Duration,
        /// Of which stream.
        of: Of,
        /// Of which instrument; of any when absent.
        symbol: Option<String>,
        /// Frames.
        count: u32,
    },
    /// How a candle ended is not sent: not the frame that calls it final, or where there is none
    /// such (Kraken, Coinbase, Deriv) nothing from now on until the next candle begins.
    Superseded {
        /// Of which instrument; of any when absent.
        symbol: Option<String>,
        /// Candles.
        count: u32,
    },
    /// Numbers begin anew, low, as after maintenance: of trades their ids, of books the update ids
    /// (Binance, Bybit, OKX, Coinbase Exchange) or the frames of every connection (Coinbase
    /// Advanced Trade). Kraken's books and all of Deriv's streams have no numbers.
    SequenceReset {
        /// Of which stream.
        of: Of,
        /// Of which instrument; of any when absent, or of all whose numbers begin at once.
        symbol: Option<String>,
    },
    /// The checksum of a book's next events is wrong.
    WrongChecksum {
        /// Of which instrument; of any when absent.
        symbol: Option<String>,
        /// Events.
        count: u32,
    },
    /// The next REST requests are refused with this status (429 or 418).
    RestRefuse {
        /// HTTP status.
        status: u16,
        /// Requests.
        count: u32,
    },
    /// The next REST requests are answered that much later, as of the time when they were asked.
    RestLate {
        /// From the request to the answer.
        after: Duration,
        /// Requests.
        count: u32,
    },
    /// The next order books by REST are older than any stream.
    RestStale {
        /// Requests.
        count: u32,
    },
}

/// A fault and its times, as the command line has it: `name[=value][@when][:key=value]…`.
///
/// `disconnect@5s`, `disconnect:every=30s`, `refuse=503:count=3`, `gap@3s:symbol=BTCUSDT`,
/// `duplicate:of=trade`, `shutdown=2s@10s`. Times count from the simulator's start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultSpec {
    /// What happens.
    pub fault: Fault,
    /// When, the first time.
    pub at: Duration,
    /// And again after so long, for ever.
    pub every: Option<Duration>,
}

/// Why a text is no [`FaultSpec`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultError {
    /// No fault has that name.
    #[error("fault `{name}` is unknown; use one of {NAMES}")]
    Name {
        /// As given.
        name: String,
    },
    /// A value is no time.
    #[error("fault field `{field}`: `{value}` is no time; write it like 500ms, 5s or 2m")]
    Time {
        /// Where.
        field: &'static str,
        /// As given.
        value: String,
    },
    /// A value is no number, or not one that fits.
    #[error("fault field `{field}`: `{value}` is no number from {min} to {max}")]
    Number {
        /// Where.
        field: &'static str,
        /// As given.
        value: String,
        /// Least.
        min: u64,
        /// Most.
        max: u64,
    },
    /// A value is not among those that the field takes.
    #[error("fault field `of`: `{value}` is no stream; use depth, trade or candle")]
    Stream {
        /// As given.
        value: String,
    },
    /// The fault has no such field.
    #[error("fault `{name}` has no field `{field}`")]
    Field {
        /// The fault.
        name: String,
        /// As given.
        field: String,
    },
}

const NAMES: &str = "disconnect, disconnect-one, silence, hush, trickle, close, garbage, truncated, oversized, binary, \
    pongs, crumbs, errors, deep, leap, slow-start, refuse, shutdown, gap, drop-trade, duplicate, reorder, corrupt, cut, \
    mute, unreadable, times-ahead, superseded, stall, seq-reset, bad-checksum, market-closed, ack-mute, \
    too-many, rest-429, rest-418, rest-late, rest-stale";

/// The parts of a spec before they have a meaning.
struct Parts<'a> {
    name: &'a str,
    value: Option<&'a str>,
    /// Fields that the fault did not ask for yet.
    fields: Vec<(&'a str, &'a str)>,
}

impl FromStr for FaultSpec {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let mut pieces = text.split(':');
        let (head, when) = split_pair(pieces.next().unwrap_or(""), '@');
        let (name, value) = split_pair(head, '=');
        let fields = pieces.map(|piece| piece.split_once('=').unwrap_or((piece, ""))).collect();
        let mut parts = Parts { name, value, fields };
        let at = when.map(|when| time("@", when)).transpose()?;
        let every = parts.take("every").map(|value| time("every", value)).transpose()?;
        let fault = parts.fault()?;
        if let Some((field, _)) = parts.fields.first() {
            let (name, field) = (name.to_owned(), (*field).to_owned());
            return Err(FaultError::Field { name, field });
        }
        if let Some(value) = parts.value {
            let field = format!("={value}");
            return Err(FaultError::Field { name: name.to_owned(), field });
        }
        Ok(Self { fault, at: at.or(every).unwrap_or(Duration::ZERO), every })
    }
}

impl Parts<'_> {
    fn fault(&mut self) -> Result<Fault, FaultError> {
        for read in [Self::of_connections, Self::of_events, Self::of_answers] {
            if let Some(fault) = read(self)? {
                return Ok(fault);
            }
        }
        Err(FaultError::Name { name: self.name.to_owned() })
    }

    /// What befalls a connection, or all of them.
    fn of_connections(&mut self) -> Result<Option<Fault>, FaultError> {
        Ok(Some(match self.name {
            "disconnect" => Fault::Disconnect,
            "disconnect-one" => Fault::DisconnectOne,
            "silence" => Fault::Silence,
            "hush" => Fault::Hush,
            "trickle" => Fault::Trickle,
            "close" => Fault::Close(self.value("close", 1_000, 4_999, 1_008)? as u16),
            "garbage" => Fault::Garbage,
            "truncated" => Fault::Truncated,
            "oversized" => {
                Fault::Oversized(self.value("oversized", 1, 24 << 20, 9 << 20)? as usize)
            }
            "binary" => Fault::Binary,
            "pongs" => Fault::Pongs(self.value("pongs", 1, 1 << 20, 1 << 17)? as u32),
            "crumbs" => Fault::Crumbs(self.value("crumbs", 1, 1 << 20, 1 << 17)? as u32),
            "errors" => Fault::Errors(self.value("errors", 1, 1 << 16, 1_000)? as u32),
            "slow-start" => Fault::SlowStart(self.duration("slow-start", 2)?),
            "refuse" => Fault::Refuse {
                status: self.value("refuse", 400, 599, 503)? as u16,
                count: self.count()?,
            },
            "shutdown" => Fault::Shutdown { after: self.duration("shutdown", 5)? },
            "stall" => Fault::Stall(self.duration("stall", 2)?),
            _ => return Ok(None),
        }))
    }

    /// What befalls the events of a stream, or the market itself.
    fn of_events(&mut self) -> Result<Option<Fault>, FaultError> {
        type Named = fn((Of, Option<String>, u32)) -> Fault;
        let (fixed, named): (_, Named) = match self.name {
            "gap" => (Some(Of::Depth), |(of, symbol, count)| Fault::Drop { of, symbol, count }),
            "drop-trade" => {
                (Some(Of::Trade), |(of, symbol, count)| Fault::Drop { of, symbol, count })
            }
            "duplicate" => (None, |(of, symbol, count)| Fault::Duplicate { of, symbol, count }),
            "reorder" => (None, |(of, symbol, count)| Fault::Reorder { of, symbol, count }),
            "corrupt" => (None, |(of, symbol, count)| Fault::Corrupt { of, symbol, count }),
            "cut" => (None, |(of, symbol, count)| Fault::Cut { of, symbol, count }),
            "unreadable" => (None, |(of, symbol, count)| Fault::Unreadable { of, symbol, count }),
            "superseded" => {
                (Some(Of::Candle), |(_, symbol, count)| Fault::Superseded { symbol, count })
            }
            "bad-checksum" => {
                (Some(Of::Depth), |(_, symbol, count)| Fault::WrongChecksum { symbol, count })
            }
            _ => return self.of_streams(),
        };
        Ok(Some(named(self.event(fixed)?)))
    }

    /// What befalls a stream, or the market itself, until it ends.
    fn of_streams(&mut self) -> Result<Option<Fault>, FaultError> {
        Ok(Some(match self.name {
            "deep" => Fault::Deep {
                count: self.value("deep", 1, 1 << 20, 10_000)? as u32,
                symbol: self.symbol(),
            },
            "leap" => Fault::Leap {
                by: self.value("leap", 1, u64::MAX, 10_000_000_000_000_000)?,
                symbol: self.symbol(),
            },
            "market-closed" => Fault::MarketClosed {
                lasts: self.duration("market-closed", 30)?,
                symbol: self.symbol(),
            },
            "mute" => {
                let (of, symbol) = self.stream(None)?;
                Fault::Mute { of, symbol }
            }
            "seq-reset" => {
                let (of, symbol) = self.stream(None)?;
                Fault::SequenceReset { of, symbol }
            }
            "times-ahead" => {
                let by = self.duration("times-ahead", 3_600)?;
                let (of, symbol, count) = self.event(None)?;
                Fault::TimesAhead { by, of, symbol, count }
            }
            _ => return Ok(None),
        }))
    }

    /// What befalls answers to requests, on the stream or beside it.
    fn of_answers(&mut self) -> Result<Option<Fault>, FaultError> {
        Ok(Some(match self.name {
            "ack-mute" => Fault::AckMute { count: self.count()? },
            "too-many" => Fault::TooMany { count: self.count()? },
            "rest-429" => Fault::RestRefuse { status: 429, count: self.count()? },
            "rest-418" => Fault::RestRefuse { status: 418, count: self.count()? },
            "rest-stale" => Fault::RestStale { count: self.count()? },
            "rest-late" => {
                Fault::RestLate { after: self.duration("rest-late", 2)?, count: self.count()? }
            }
            _ => return Ok(None),
        }))
    }

    fn symbol(&mut self) -> Option<String> {
        self.take("symbol").map(str::to_owned)
    }

    fn take(&mut self, field: &str) -> Option<&str> {
        let index = self.fields.iter().position(|(name, _)| *name == field)?;
        Some(self.fields.remove(index).1)
    }

    fn count(&mut self) -> Result<u32, FaultError> {
        let value = self.take("count").map(str::to_owned);
        number("count", value.as_deref(), 1, u64::from(u32::MAX), 1).map(|count| count as u32)
    }

    fn value(
        &mut self,
        field: &'static str,
        min: u64,
        max: u64,
        otherwise: u64,
    ) -> Result<u64, FaultError> {
        number(field, self.value.take(), min, max, otherwise)
    }

    fn duration(&mut self, field: &'static str, seconds: u64) -> Result<Duration, FaultError> {
        let value = self.value.take();
        value.map_or(Ok(Duration::from_secs(seconds)), |value| time(field, value))
    }

    /// The fields that say which event is meant.
    fn event(&mut self, fixed: Option<Of>) -> Result<(Of, Option<String>, u32), FaultError> {
        let (of, symbol) = self.stream(fixed)?;
        Ok((of, symbol, self.count()?))
    }

    /// The fields that say which stream is meant.
    fn stream(&mut self, fixed: Option<Of>) -> Result<(Of, Option<String>), FaultError> {
        let of = match fixed {
            Some(of) => of,
            None => match self.take("of") {
                None | Some("depth") => Of::Depth,
                Some("trade") => Of::Trade,
                Some("candle") => Of::Candle,
                Some(value) => return Err(FaultError::Stream { value: value.to_owned() }),
            },
        };
        let symbol = self.take("symbol").map(|symbol| symbol.replace('/', "").to_uppercase());
        Ok((of, symbol))
    }
}

fn split_pair(text: &str, by: char) -> (&str, Option<&str>) {
    match text.split_once(by) {
        Some((left, right)) => (left, Some(right)),
        None => (text, None),
    }
}

fn number(
    field: &'static str,
    value: Option<&str>,
    min: u64,
    max: u64,
    otherwise: u64,
) -> Result<u64, FaultError> {
    let Some(value) = value else { return Ok(otherwise) };
    let number = value.parse().ok().filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| FaultError::Number { field, value: value.to_owned(), min, max })
}

/// A time such as `500ms`, `5s` or `2m`.
fn time(field: &'static str, value: &str) -> Result<Duration, FaultError> {
    let error = || FaultError::Time { field, value: value.to_owned() };
    let unit_at = value.find(|c: char| !c.is_ascii_digit()).ok_or_else(error)?;
    let count: u32 = value[..unit_at].parse().map_err(|_| error())?;
    let unit = match &value[unit_at..] {
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        _ => return Err(error()),
    };
    Ok(unit * count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> FaultSpec {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn specs_of_every_kind_are_read() {
        let spec = parse("disconnect@5s");
        assert_eq!((spec.fault, spec.at, spec.every), (Fault::Disconnect, secs(5), None));
        let spec = parse("disconnect:every=30s");
        assert_eq!((spec.at, spec.every), (secs(30), Some(secs(30))));
        assert_eq!(parse("refuse=503:count=3").fault, Fault::Refuse { status: 503, count: 3 });
        assert_eq!(parse("slow-start=200ms").fault, Fault::SlowStart(Duration::from_millis(200)));
        let spec = parse("shutdown=2s@1m");
        assert_eq!((spec.fault, spec.at), (Fault::Shutdown { after: secs(2) }, secs(60)));
        let symbol = Some("BTCUSDT".to_owned());
        let gap = Fault::Drop { of: Of::Depth, symbol: symbol.clone(), count: 2 };
        assert_eq!(parse("gap:symbol=btc/usdt:count=2").fault, gap);
        let twice = Fault::Duplicate { of: Of::Trade, symbol, count: 1 };
        assert_eq!(parse("duplicate@1s:of=trade:symbol=BTCUSDT").fault, twice);
        let symbol = Some("BTCUSDT".to_owned());
        let mute = Fault::Mute { of: Of::Depth, symbol };
        assert_eq!(parse("mute:of=depth:symbol=BTCUSDT").fault, mute);
        let late = Fault::RestLate { after: secs(3), count: 2 };
        assert_eq!(parse("rest-late=3s:count=2").fault, late);
        let anew = Fault::SequenceReset { of: Of::Trade, symbol: None };
        assert_eq!(parse("seq-reset:of=trade").fault, anew);
        assert_eq!(parse("close=4000").fault, Fault::Close(4_000));
        assert_eq!(parse("rest-418").fault, Fault::RestRefuse { status: 418, count: 1 });
        for name in NAMES.split(", ") {
            parse(name);
        }
    }

    #[test]
    fn wrong_specs_say_what_is_wrong_and_what_would_be_right() {
        let error = |text: &str| text.parse::<FaultSpec>().expect_err(text).to_string();
        assert!(error("explode").contains("use one of disconnect"));
        assert!(error("").contains("is unknown"));
        assert!(error("disconnect@5").contains("write it like 500ms"));
        assert!(error("disconnect@fives").contains("`fives` is no time"));
        assert!(error("refuse=20").contains("from 400 to 599"));
        assert!(error("rest-429:count=0").contains("`count`: `0`"));
        assert!(error("gap:of=trade").contains("has no field `of`"));
        assert!(error("duplicate:of=kline").contains("use depth, trade or candle"));
        assert!(error("garbage=5").contains("has no field `=5`"));
    }

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }
}
