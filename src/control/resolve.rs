//! Host names to addresses, on threads of their own: a resolver that hangs for a minute is
//! ordinary, and must hold up neither a feed nor the name of another host.

use std::io;
use std::net::ToSocketAddrs;
use std::sync::Arc;

use crossbeam::channel::{Receiver, Sender, TrySendError, bounded};

use crate::feed::{Addresses, FeedCommand, FeedHandle};
use crate::limits::{RESOLVE_QUEUE_CAPACITY, RESOLVE_THREADS};
use crate::metrics::Observatory;

/// One question.
#[derive(Debug)]
pub(super) struct Question {
    /// Given back with the answer.
    pub(super) ticket: u64,
    /// The name.
    pub(super) host: Arc<str>,
    /// The port, to make whole addresses.
    pub(super) port: u16,
    /// Who asks.
    pub(super) feed: FeedHandle,
}

/// The running resolver threads.
#[derive(Debug)]
pub(super) struct Resolver {
    questions: Sender<Question>,
}

impl Resolver {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start(observatory: &Arc<Observatory>) -> io::Result<Self> {
        let (sender, receiver) = bounded(RESOLVE_QUEUE_CAPACITY);
        for index in 0..RESOLVE_THREADS {
            let questions: Receiver<Question> = receiver.clone();
            // Nobody waits for their end.
            observatory.spawn(format!("resolve-{index}"), move || {
                questions.iter().for_each(|question| question.answer());
            })?;
        }
        Ok(Self { questions: sender })
    }

    /// Asks; the answer goes to the feed as a command. When too many questions wait already this
    /// one is answered with no address at once, which the feed meets like a failed attempt.
    pub(super) fn ask(&self, question: Question) {
        match self.questions.try_send(question) {
            Ok(()) => {}
            Err(TrySendError::Full(question) | TrySendError::Disconnected(question)) => {
                question.reply(Addresses::new());
            }
        }
    }

    /// Takes no more questions. A thread that hangs in the system's resolver is left behind.
    pub(super) fn stop(self) {
        drop(self.questions);
    }
}

impl Question {
    fn answer(self) {
        let found = (&*self.host, self.port).to_socket_addrs();
        let addresses = match found {
            Ok(addresses) => addresses.take(Addresses::new().capacity()).collect(),
            Err(error) => {
                tracing::warn!(host = &*self.host, %error, "cannot resolve");
                Addresses::new()
            }
        };
        self.reply(addresses);
    }

    fn reply(self, addresses: Addresses) {
        self.feed.send_waiting(FeedCommand::Resolved { ticket: self.ticket, addresses });
    }
}
