//! Another configuration while the gateway runs: feeds come and go, and carry other symbols and
//! channels, without touching the rest. What cannot be changed is refused before anything is.
//!
//! Order: everything that can fail, then the broadcasters learn the instruments, then the feeds
//! that change or go what they are to carry; those that go end, those that come begin.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use super::{
    Gateway, Prepared, Start, StartError, add_instruments, offers, streams, supervised, thread_name,
};
use crate::broadcast::BroadcastHandle;
use crate::config::{Changes, Config, FeedConfig, Unchangeable, changes, effective};
use crate::control::Carriage;
use crate::exchange::{self, Exchange as _, Subscription};
use crate::feed::{FeedCommand, FeedHandle};
use crate::instrument::{ExchangeId, InstrumentTable, TableError};
use crate::limits::{FEED_CONNECTIONS_MAX, GATEWAY_STOP_MAX};

/// Why a configuration was refused. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// It differs in what only a start can set.
    #[error(transparent)]
    Unchangeable(#[from] Unchangeable),
    /// A new feed cannot be made.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Too many instruments, those that were carried once included.
    #[error("{0}, those that were carried once included; a restart forgets them")]
    Instruments(#[from] TableError),
    /// More connections than are numbered.
    #[error(
        "feed {exchange}: the symbols need {count} connections, more than {FEED_CONNECTIONS_MAX}"
    )]
    TooManyConnections {
        /// Whose.
        exchange: ExchangeId,
        /// As planned.
        count: usize,
    },
    /// The certificates of a new feed cannot be used, or the system gives no thread.
    #[error("a new feed cannot be looked after: {0}")]
    Supervision(#[from] io::Error),
}

impl Gateway {
    /// Goes over to another configuration, or stays as it is.
    ///
    /// # Errors
    /// See [`ReloadError`].
    pub fn reload(&mut self, config: Config) -> Result<Changes, ReloadError> {
        let changes = changes(&self.config, &config)?;
        if changes.is_empty() {
            return Ok(changes);
        }
        let table = Arc::new(self.instruments_after(&config)?);
        let start = Start {
            config: &config,
            clock: self.clock.clone(),
            table: Arc::clone(&table),
            observatory: &self.observatory,
            epoch: self.epoch,
            is_running: true,
        };
        let handles: Vec<_> = self.broadcasters.iter().map(|(handle, _)| handle.clone()).collect();
        let mut changed = changes.changed.iter();
        changed.try_for_each(|feed| count_connections(feed, &start.subscriptions(feed)))?;
        let mut prepared = Vec::new();
        for feed in &changes.added {
            let attempts = self.hosts.attempts(feed);
            prepared.push(start.prepare(feed, attempts, &handles, &self.reports)?);
        }
        self.look_after(&prepared, &changes.added)?;
        self.supervisor.carry(Carriage {
            table: Arc::clone(&table),
            offers: offers(&config),
            streams: changes.changed.iter().map(|feed| (feed.exchange, streams(feed))).collect(),
        });
        for &exchange in &changes.removed {
            self.remove(exchange);
        }
        self.launch_all(prepared, &config, &table, &handles)?;
        self.observatory.set_configuration(serde_json::Value::String(effective(&config)));
        (self.config, self.table) = (config, table);
        Ok(changes)
    }

    /// The present configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The instruments with the ids that they have, new ones behind them.
    fn instruments_after(&self, config: &Config) -> Result<InstrumentTable, TableError> {
        let mut table = InstrumentTable::clone(&self.table);
        for before in &self.config.feeds {
            let after = config.feeds.iter().find(|feed| feed.exchange == before.exchange);
            let stays = |symbol| after.is_some_and(|feed| feed.symbols.contains(symbol));
            for symbol in before.symbols.iter().filter(|symbol| !stays(*symbol)) {
                table.retire(before.exchange, *symbol);
            }
        }
        config.feeds.iter().try_for_each(|feed| add_instruments(&mut table, feed))?;
        Ok(table)
    }

    /// Has the supervisor look after new feeds, all or none.
    fn look_after(&self, prepared: &[Prepared], added: &[FeedConfig]) -> io::Result<()> {
        for (index, (prepared, config)) in prepared.iter().zip(added).enumerate() {
            if let Err(error) = self.supervisor.add(supervised(&prepared.handle, config)) {
                for one in &added[..index] {
                    self.supervisor.remove(one.exchange);
                    self.observatory.remove_feed(one.exchange.name(), "");
                }
                return Err(error);
            }
        }
        Ok(())
    }

    fn launch_all(
        &mut self,
        prepared: Vec<Prepared>,
        config: &Config,
        table: &Arc<InstrumentTable>,
        handles: &[BroadcastHandle],
    ) -> Result<(), StartError> {
        for one in prepared {
            let start = Start {
                config,
                clock: self.clock.clone(),
                table: Arc::clone(table),
                observatory: &self.observatory,
                epoch: self.epoch,
                is_running: true,
            };
            let exchange = one.handle.exchange();
            self.feeds.push(start.launch(one, handles)?);
            self.observatory.excuse_feed(exchange.name());
        }
        Ok(())
    }

    /// Ends a feed, which carries nothing any more and has said so.
    fn remove(&mut self, exchange: ExchangeId) {
        let is_it = |(handle, _): &(FeedHandle, _)| handle.exchange() == exchange;
        let Some(index) = self.feeds.iter().position(is_it) else { return };
        let (handle, thread) = self.feeds.remove(index);
        let until = Instant::now() + self.config.gateway.drain + GATEWAY_STOP_MAX;
        handle.send_by(FeedCommand::Stop, until);
        thread.join_by(until);
        self.supervisor.remove(exchange);
        self.observatory.remove_feed(exchange.name(), &thread_name(exchange));
    }
}

/// Whether so many streams can be carried at all.
fn count_connections(feed: &FeedConfig, wanted: &[Subscription]) -> Result<(), ReloadError> {
    let planned = exchange::adapter_at(feed.exchange, &feed.url).plan(wanted).len();
    let count = planned * feed.lines;
    if count <= FEED_CONNECTIONS_MAX {
        return Ok(());
    }
    Err(ReloadError::TooManyConnections { exchange: feed.exchange, count })
}
