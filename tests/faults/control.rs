//! The control side of a feed, as far as it asks for books: one request at a time over the
//! simulator's real socket, repeated until it succeeds.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use arrayvec::ArrayString;
use tickwire::clock::{Clock, MonoNanos};
use tickwire::exchange::Profile;
use tickwire::feed::{FeedCommand, FeedHandle};
use tickwire::instrument::{InstrumentId, SYMBOL_BYTES_MAX};

/// A request that takes longer has failed.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Between two requests for one book.
const SPACING: Duration = Duration::from_secs(1);

/// A book that somebody wants.
#[derive(Clone, Copy, Debug)]
struct Job {
    instrument: InstrumentId,
    native: ArrayString<SYMBOL_BYTES_MAX>,
    not_before: MonoNanos,
}

/// A request under way.
struct Asked {
    job: Job,
    socket: TcpStream,
    answer: Vec<u8>,
    until: MonoNanos,
}

/// Asks for books.
pub(super) struct Control {
    profile: &'static Profile,
    address: SocketAddr,
    clock: Clock,
    jobs: VecDeque<Job>,
    asked: Option<Asked>,
    /// When each book was asked for last.
    last: HashMap<InstrumentId, MonoNanos>,
    /// The exchange wants to be left alone until then.
    refused_until: MonoNanos,
}

impl Control {
    pub(super) fn new(profile: &'static Profile, address: SocketAddr, clock: Clock) -> Self {
        Self {
            profile,
            address,
            clock,
            jobs: VecDeque::new(),
            asked: None,
            last: HashMap::new(),
            refused_until: MonoNanos::ZERO,
        }
    }

    pub(super) fn want(&mut self, instrument: InstrumentId, native: ArrayString<SYMBOL_BYTES_MAX>) {
        let last = self.last.get(&instrument);
        let not_before = last.map_or(MonoNanos::ZERO, |last| last.after(SPACING));
        if self.jobs.iter().all(|job| job.instrument != instrument) {
            self.jobs.push_back(Job { instrument, native, not_before });
        }
    }

    /// Goes on as far as it goes; returns what happened, if anything did.
    pub(super) fn turn(&mut self, now: MonoNanos, feed: &FeedHandle) -> Option<String> {
        if let Some(asked) = &mut self.asked {
            let done = asked.read();
            if !done && now < asked.until {
                return None;
            }
            let Asked { job, answer, .. } = self.asked.take()?;
            return Some(self.judge(job, &answer, now, feed));
        }
        if now < self.refused_until {
            return None;
        }
        let index = self.jobs.iter().position(|job| job.not_before <= now)?;
        let job = self.jobs.remove(index)?;
        self.last.insert(job.instrument, now);
        self.asked = Some(self.ask(job, now));
        Some(format!("asks for the book of {}", job.native))
    }

    fn ask(&self, job: Job, now: MonoNanos) -> Asked {
        let rest = self.profile.snapshot.expect("this exchange has books beside the stream");
        let path = (rest.path)(&job.native, rest.depth(None).levels);
        let mut socket = TcpStream::connect(self.address).expect("the simulator listens");
        let head = format!("GET {path} HTTP/1.1\r\nHost: sim\r\nConnection: close\r\n\r\n");
        socket.write_all(head.as_bytes()).expect("loopback takes a request");
        socket.set_nonblocking(true).expect("a socket can be told");
        Asked { job, socket, answer: Vec::new(), until: now.after(TIMEOUT) }
    }

    fn again(&mut self, mut job: Job, now: MonoNanos, wait: Duration, what: &str) -> String {
        job.not_before = now.after(wait);
        self.jobs.push_back(job);
        format!("{}: {what}, again after {wait:?}", job.native)
    }

    fn judge(&mut self, job: Job, answer: &[u8], now: MonoNanos, feed: &FeedHandle) -> String {
        let Some(Answer { status, retry_after, body }) = Answer::read(answer) else {
            return self.again(job, now, SPACING, "no whole answer");
        };
        if status != 200 {
            let date = self.clock.date(now);
            let refusal = self.profile.refusal(status, retry_after, body, date);
            self.refused_until = now.after(refusal.retry_after);
            return self.again(job, now, refusal.retry_after.max(SPACING), "refused");
        }
        let rest = self.profile.snapshot.expect("this exchange has books beside the stream");
        match (rest.read)(body) {
            Ok(snapshot) => {
                let told = format!("the book of {} at {}", job.native, snapshot.last_update_id);
                let command = FeedCommand::Snapshot { instrument: job.instrument, snapshot };
                feed.send(command).expect("the feed has room for a book");
                told
            }
            Err(error) => self.again(job, now, SPACING, &error.to_string()),
        }
    }
}

impl Asked {
    /// Takes what has come; true when that is all.
    fn read(&mut self) -> bool {
        let mut bytes = [0; 16 << 10];
        loop {
            match self.socket.read(&mut bytes) {
                Ok(0) => return true,
                Ok(count) => self.answer.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(_) => return true,
            }
        }
    }
}

/// An answer in parts.
struct Answer<'a> {
    status: u16,
    retry_after: Option<&'a str>,
    body: &'a [u8],
}

impl<'a> Answer<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let (head, body) = (std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 4..]);
        let field = |name: &str| {
            let own = head.lines().filter_map(|line| line.split_once(": "));
            own.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
        };
        let length: usize = field("content-length")?.parse().ok()?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        (body.len() == length).then_some(Self { status, retry_after: field("retry-after"), body })
    }
}
