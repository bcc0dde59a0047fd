//! What a person sees while the gateway runs: feeds, prices, a book, latencies and the log, each
//! in its own part of the terminal.
//!
//! The screen reads the gateway's statistics, and is an ordinary client of it for the prices; what
//! it shows is what everybody gets.

mod canvas;
mod ladder;
mod market;
mod page;
mod table;
mod terminal;

use std::time::Instant;

use tickwire::gateway::Gateway;
use tickwire::limits::SCREEN_STATS_EVERY;
use tickwire::metrics::Stats;

use super::log;
use market::Client;
use page::{About, Look, State};

pub(super) use canvas::{BAD, FAINT, PLAIN, below, left, put, right_of, top};
pub(super) use ladder::{HEAD_ROWS, WIDTH_MIN, ladder, width_of};
pub(super) use terminal::{Key, Surface, is_suitable, restore_at_end};

/// The screen of a running gateway.
pub(super) struct Screen {
    surface: Surface,
    client: Client,
    about: About,
    state: State,
    stats: Stats,
    stats_at: Instant,
    /// The instruments that are listed, to see that there are others.
    listed: *const (),
}

impl Screen {
    /// Covers the terminal with the screen of `gateway`, which serves `what`.
    pub(super) fn start(gateway: &Gateway, what: &'static str) -> std::io::Result<Self> {
        let surface = Surface::enter()?;
        let about = About { what, url: gateway.url(), admin: gateway.admin_address().to_string() };
        Ok(Self {
            surface,
            client: Client::start(gateway)?,
            about,
            state: State::default(),
            stats: gateway.stats(),
            stats_at: Instant::now(),
            listed: table_of(gateway),
        })
    }

    /// What was pressed, to be handed to [`Screen::press`].
    pub(super) const fn keys(&self) -> &crossbeam::channel::Receiver<Key> {
        self.surface.keys()
    }

    /// Does what a key asks for.
    pub(super) fn press(&mut self, key: Key) {
        let listed = self.client.market().listed.len();
        self.state.press(key, listed, log::count());
    }

    /// Draws everything as it is now.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn draw(&mut self, gateway: &Gateway) -> std::io::Result<()> {
        if self.stats_at.elapsed() >= SCREEN_STATS_EVERY {
            self.stats_at = Instant::now();
            self.stats = gateway.stats();
        }
        let mut market = self.client.market();
        if self.listed != table_of(gateway) {
            self.listed = table_of(gateway);
            market.list(gateway);
        }
        let (about, stats, state) = (&self.about, &self.stats, &mut self.state);
        self.surface.draw(|buffer| {
            page::draw(buffer, &mut Look { about, stats, state, market: &mut market });
        })
    }
}

/// Which table of instruments it is.
fn table_of(gateway: &Gateway) -> *const () {
    std::sync::Arc::as_ptr(gateway.instruments()).cast()
}
