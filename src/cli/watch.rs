//! `tickwire watch`

use std::io::{self, LineWriter};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use clap::Args;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tickwire::limits::LADDERS_EVERY;
use tickwire::net::Endpoint;
use tickwire::watch::{
    Books, Event, Form, News, Printer, Trust, View, WatchError, WatchOptions, run,
};

use super::output::{Out, is_of_output, tell};
use super::screen::{
    BAD, FAINT, HEAD_ROWS, Key, PLAIN, Surface, WIDTH_MIN, below, is_suitable, ladder, left, put,
    right_of, top, width_of,
};
use super::signals;

#[derive(Debug, Args)]
pub(super) struct WatchArguments {
    /// The gateway, like ws://127.0.0.1:8080; without a scheme it is ws://.
    #[arg(value_parser = address)]
    url: String,
    /// Symbols (BTC/USDT), instruments (binance:BTC/USDT) or * for all.
    #[arg(required = true)]
    symbols: Vec<String>,
    /// trades, quotes, ticker, orderbook, candles or status; repeatable.
    #[arg(long = "channel", value_name = "C", default_value = "trades")]
    channels: Vec<String>,
    /// Of candles: 1s, 1m, 5m, 15m, 1h, 4h or 1d.
    #[arg(long)]
    interval: Option<String>,
    /// Of order books: how many levels of each side.
    #[arg(long)]
    depth: Option<u32>,
    /// Events as they come, one JSON a line.
    #[arg(long)]
    json: bool,
    /// A certificate authority to trust besides the system's, as PEM.
    #[arg(long, value_name = "FILE")]
    tls_ca_file: Option<PathBuf>,
}

/// The URL of a gateway, as it was meant.
fn address(text: &str) -> Result<String, String> {
    let text = text.trim();
    let form = "write ws://HOST:PORT, like ws://127.0.0.1:8080, or wss:// for a gateway with TLS";
    let url = match text.split_once("://") {
        Some(("ws" | "wss", _)) => text.to_owned(),
        Some(("http", rest)) => return Err(format!("clients connect by ws://; write ws://{rest}")),
        Some(("https", rest)) => {
            return Err(format!("clients connect by wss://; write wss://{rest}"));
        }
        Some(_) => return Err(form.to_owned()),
        None => format!("ws://{text}"),
    };
    let has_port = |authority: &str| {
        authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok())
    };
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let is_meant = text.contains("://") || has_port(authority);
    match Endpoint::parse(&url) {
        Ok(_) if is_meant => Ok(url),
        _ => Err(form.to_owned()),
    }
}

/// Shows what the gateway tells until it is asked to stop.
pub(super) fn watch(arguments: WatchArguments) -> anyhow::Result<ExitCode> {
    let stop = signals::stop_flag().context("cannot listen for signals")?;
    let form = if arguments.json { Form::Json } else { Form::Lines };
    let books_alone = arguments.channels.iter().all(|channel| channel == "orderbook");
    let options = WatchOptions {
        symbols: arguments.symbols,
        channels: arguments.channels,
        interval: arguments.interval,
        depth: arguments.depth,
        trust: arguments.tls_ca_file.map_or(Trust::System, Trust::Authority),
        ..WatchOptions::new(arguments.url)
    };
    let ended = if books_alone && form == Form::Lines && is_suitable() {
        let surface = Surface::enter().context("cannot draw on the terminal")?;
        run(&options, &stop, &mut Ladders::new(surface, options.depth))
    } else {
        // Half a line would never be seen whole: it goes out with its end.
        let out = LineWriter::new(Out);
        run(&options, &stop, &mut Printer::new(out, io::stderr(), form))
    };
    match ended {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(WatchError::Io(error)) if is_of_output(&error) => Err(error.into()),
        Err(error) => {
            tell(format_args!("tickwire: {error}"));
            Ok(ExitCode::from(error.exit_code()))
        }
    }
}

/// Order books that are drawn over themselves, one ladder each.
struct Ladders {
    surface: Surface,
    picture: Picture,
    drawn: Option<Instant>,
}

impl Ladders {
    fn new(surface: Surface, depth: Option<u32>) -> Self {
        Self { surface, picture: Picture { depth, ..Picture::default() }, drawn: None }
    }
}

impl View for Ladders {
    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        self.picture.books.event(event);
        Ok(())
    }

    fn news(&mut self, news: &News<'_>) -> io::Result<()> {
        if matches!(news, News::Resumed { .. }) {
            // A book that comes back is whole.
            return Ok(());
        }
        self.picture.books.news(news);
        self.picture.news = news.to_string();
        self.picture.is_well = !matches!(news, News::Lost { .. });
        self.drawn = None;
        Ok(())
    }

    fn turn(&mut self) -> io::Result<()> {
        while let Ok(key) = self.surface.keys().try_recv() {
            self.picture.press(key);
            self.drawn = None;
        }
        if self.drawn.is_none_or(|drawn| drawn.elapsed() >= LADDERS_EVERY) {
            self.surface.draw(|buffer| self.picture.draw(buffer))?;
            self.drawn = Some(Instant::now());
        }
        Ok(())
    }
}

/// What the ladders show.
#[derive(Debug, Default)]
struct Picture {
    books: Books,
    depth: Option<u32>,
    /// How the connection is.
    news: String,
    is_well: bool,
    /// Cells that the widest ladder took so far.
    widest: u16,
    /// Rows of ladders that were scrolled past.
    first: usize,
}

impl Picture {
    fn press(&mut self, key: Key) {
        match key {
            Key::Down | Key::PageDown => self.first += 1,
            Key::Up | Key::PageUp => self.first = self.first.saturating_sub(1),
            Key::Home => self.first = 0,
            _ => {}
        }
    }

    fn draw(&mut self, buffer: &mut Buffer) {
        let area = *buffer.area();
        put(buffer, area, 0, &self.news, if self.is_well { PLAIN } else { BAD });
        let body = below(area, 2);
        let body = Rect { height: body.height.saturating_sub(1), ..body };
        let levels = self.depth.map_or(usize::from(area.height), |depth| depth as usize);
        let wanted = self.books.iter().map(|(_, book)| width_of(book, levels));
        // Never narrower again: ladders should not change places with every order.
        self.widest = wanted.max().unwrap_or(0).max(self.widest).max(WIDTH_MIN);
        let columns = usize::from((area.width / self.widest.saturating_add(2)).max(1));
        let width = area.width / columns as u16;
        let deepest = self.books.iter().map(|(_, book)| book.bids.len().max(book.asks.len()));
        let levels = self.depth.map_or_else(|| deepest.max().unwrap_or(1), |depth| depth as usize);
        let room = body.height.saturating_sub(HEAD_ROWS).max(1);
        let height = u16::try_from(levels).unwrap_or(room).min(room) + HEAD_ROWS + 1;
        let all = self.books.iter().len().div_ceil(columns);
        let rows = usize::from((body.height + 1) / height).max(1);
        self.first = self.first.min(all.saturating_sub(rows));
        let in_view = self.books.iter().skip(self.first * columns).take(rows * columns);
        for (index, (name, book)) in in_view.enumerate() {
            let (x, y) = ((index % columns) as u16 * width, (index / columns) as u16 * height);
            let place = left(right_of(below(body, y), x), width.saturating_sub(2));
            ladder(buffer, top(place, height - 1), name, Some(book));
        }
        let hidden = self.books.iter().len().saturating_sub(rows * columns);
        let more = format!("+{hidden} more, ↑↓ scroll   ");
        let keys = format!("{}q quit", if hidden > 0 { &more } else { "" });
        put(buffer, below(area, area.height.saturating_sub(1)), 0, &keys, FAINT);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn rows(picture: &mut Picture, width: u16, height: u16) -> Vec<String> {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        picture.draw(&mut buffer);
        let rows = buffer.content().chunks(width.into());
        rows.map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>()).collect()
    }

    #[test]
    fn ladders_stand_beside_and_below_each_other_and_are_drawn_at_any_size() {
        let mut picture = Picture { depth: Some(2), is_well: true, ..Picture::default() };
        picture.news = "connected to ws://127.0.0.1:8080".to_owned();
        for symbol in ["A/B", "C/D", "E/F"] {
            let text = format!(
                r#"{{"type":"orderbook","data":{{"symbol":"{symbol}","exchange":"okx","kind":
                "snapshot","bids":[[9.50,1.0],[9.40,2]],"asks":[[10.10,4]],"timestamp":3723004}},
                "seq":1}}"#
            );
            picture.books.event(&Event::read(text.as_bytes()).unwrap());
        }
        let drawn = rows(&mut picture, 92, 16);
        assert!(drawn[0].starts_with("connected to"), "{drawn:#?}");
        assert_eq!(drawn[2].matches("live").count(), 2, "{drawn:#?}");
        assert!(drawn[3].starts_with("spread 0.60"), "{drawn:#?}");
        assert!(drawn[5].contains("1.0 9.50") && drawn[5].contains("10.10"), "{drawn:#?}");
        assert!(drawn[8].starts_with("okx:E/F"), "{drawn:#?}");
        assert!(drawn[15].starts_with("q quit"), "{drawn:#?}");
        assert!(rows(&mut picture, 40, 10)[9].starts_with("+2 more"));
        picture.press(Key::PageDown);
        assert!(rows(&mut picture, 40, 10)[2].starts_with("okx:C/D"));
        for (width, height) in [(1, 1), (3, 2), (20, 5), (300, 80)] {
            rows(&mut picture, width, height);
        }
    }

    #[test]
    fn an_address_may_lack_its_scheme_and_a_wrong_one_is_told_the_form() {
        for (text, url) in [
            ("ws://127.0.0.1:8080", "ws://127.0.0.1:8080"),
            ("wss://example.org/a?token=b", "wss://example.org/a?token=b"),
            ("127.0.0.1:9999", "ws://127.0.0.1:9999"),
            ("localhost:9999", "ws://localhost:9999"),
            ("[::1]:9999", "ws://[::1]:9999"),
        ] {
            assert_eq!(address(text).as_deref(), Ok(url));
        }
        assert!(address("http://127.0.0.1:1").unwrap_err().contains("write ws://127.0.0.1:1"));
        assert!(address("https://a.b/c").unwrap_err().contains("write wss://a.b/c"));
        for text in ["", "BTC/USDT", "tcp://a:1", "localhost", "ws://", "127.0.0.1:99999", "::1"] {
            assert!(address(text).unwrap_err().contains("write ws://HOST:PORT"), "{text}");
        }
    }

    #[test]
    fn a_lost_connection_is_told_and_no_book_is_called_live() {
        let mut picture = Picture::default();
        let text = r#"{"type":"orderbook","data":{"symbol":"A","exchange":"b","kind":"snapshot",
            "bids":[[1,1]],"asks":[]},"seq":1}"#;
        picture.books.event(&Event::read(text.as_bytes()).unwrap());
        let url = "ws://127.0.0.1:9";
        let wait = Duration::from_millis(500);
        let lost =
            News::Lost { url, was_open: false, reason: "connection refused", wait, attempt: 2 };
        picture.books.news(&lost);
        picture.news = lost.to_string();
        let drawn = rows(&mut picture, 100, 8);
        assert_eq!(
            drawn[0].trim_end(),
            "cannot connect to ws://127.0.0.1:9: connection refused; trying again in 0.5 s (attempt 2)"
        );
        assert!(drawn[2].contains("not connected"), "{drawn:#?}");
    }
}
