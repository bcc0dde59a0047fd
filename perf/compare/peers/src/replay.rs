//! The exchange: Binance's trades, as fast as the reader takes them.
//!
//! The frames are those of `perf/flood.rs`: 4,096 distinct ones of eight symbols, whose trade ids
//! go on from pass to pass. One reader connects, asks for what it likes, and gets the frames
//! half a second after its last request.

use std::io::{ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use anyhow::bail;

use crate::connect::push_frame;

const SYMBOLS: [&str; 8] =
    ["BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT", "PEPEUSDT", "ADAUSDT"];

const FRAMES: usize = 4_096;

/// Where an id will stand.
const ID_PLACE: &str = "000000000000";

/// All ids have twelve digits.
const ID_FIRST: u64 = 100_000_000_000;

/// What a reader asks Binance for, each in its own way.
#[derive(Clone, Copy)]
pub enum Form {
    /// Trades, each with the name of its stream.
    Combined,
    /// Trades without it.
    Raw,
    /// Aggregates of trades, with the name of the stream.
    Aggregate,
}

impl Form {
    pub fn named(name: &str) -> anyhow::Result<Self> {
        match name {
            "combined" => Ok(Self::Combined),
            "raw" => Ok(Self::Raw),
            "aggregate" => Ok(Self::Aggregate),
            _ => bail!("no form of frames: {name}"),
        }
    }
}

/// Serves one reader with so many frames; with `u64::MAX`, until it leaves.
pub fn run(form: Form, frames: u64) -> anyhow::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    println!("{}", listener.local_addr()?);
    let (stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    let mut socket = tungstenite::accept(stream)?;
    socket.get_ref().set_read_timeout(Some(Duration::from_millis(500)))?;
    while let Ok(message) = socket.read() {
        if let Some(answer) = answer(message.to_text().unwrap_or_default()) {
            socket.send(answer.into())?;
        }
    }
    match flood(socket.get_mut(), &mut Frames::new(form), frames) {
        Err(error)
            if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {}
        written => written?,
    }
    // The reader leaves first: a socket that is closed early may take the last frames with it.
    socket.get_ref().set_read_timeout(Some(Duration::from_secs(30)))?;
    while socket.read().is_ok() {}
    Ok(())
}

/// The answer to a subscription.
pub fn answer(request: &str) -> Option<String> {
    let (_, id) = request.split_once("\"id\":")?;
    let id: String = id.trim_start().chars().take_while(char::is_ascii_digit).collect();
    Some(format!(r#"{{"result":null,"id":{id}}}"#))
}

fn flood(stream: &mut TcpStream, frames: &mut Frames, count: u64) -> std::io::Result<()> {
    let mut left = count;
    while left > 0 {
        let pass = left.min(FRAMES as u64) as usize;
        for index in 0..pass {
            frames.number(index);
        }
        let end = frames.places.get(pass).map_or(frames.bytes.len(), |next| next.0);
        stream.write_all(&frames.bytes[..end])?;
        left -= pass as u64;
    }
    Ok(())
}

struct Frames {
    bytes: Vec<u8>,
    /// Begin of each frame, and of its id.
    places: Vec<(usize, usize)>,
    /// The next id of each symbol.
    ids: [u64; SYMBOLS.len()],
}

impl Frames {
    fn new(form: Form) -> Self {
        let (mut bytes, mut places) = (Vec::new(), Vec::new());
        for index in 0..FRAMES {
            let symbol = SYMBOLS[symbol_of(index)];
            let (price, size) = (index * 7_919 % 100_000, index * 104_729 % 1_000_000);
            let (is_maker, stream) = (index % 3 == 0, symbol.to_lowercase());
            let tail = format!(
                r#""p":"{price}.{size:08}","q":"0.{size:08}","T":1700000000123,"m":{is_maker},"M":true}}"#
            );
            let head = format!(r#""E":1700000000123,"s":"{symbol}","#);
            let trade = format!(r#"{{"e":"trade",{head}"t":{ID_PLACE},{tail}"#);
            let text = match form {
                Form::Raw => trade,
                Form::Combined => format!(r#"{{"stream":"{stream}@trade","data":{trade}}}"#),
                Form::Aggregate => {
                    let aggregate = format!(r#"{{"e":"aggTrade",{head}"a":{ID_PLACE},{tail}"#);
                    format!(r#"{{"stream":"{stream}@aggTrade","data":{aggregate}}}"#)
                }
            };
            let begin = bytes.len();
            push_frame(&mut bytes, text.as_bytes());
            let id = text.find(ID_PLACE).unwrap_or_default();
            places.push((begin, bytes.len() - text.len() + id));
        }
        Self { bytes, places, ids: [ID_FIRST; SYMBOLS.len()] }
    }

    /// Gives the frame the next id.
    fn number(&mut self, index: usize) {
        let place = self.places[index].1;
        let id = &mut self.ids[symbol_of(index)];
        let mut rest = *id;
        for digit in self.bytes[place..place + 12].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        *id += 1;
    }
}

const fn symbol_of(index: usize) -> usize {
    index * 7 % SYMBOLS.len()
}
