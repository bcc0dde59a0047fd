//! Errors that cost nothing but words: told together for each feed, whatever the words are, but those
//! that answer a request apart from those that answer none.

use std::collections::BTreeMap;

use crate::clock::MonoNanos;
use crate::feed::Refusal;
use crate::instrument::ExchangeId;
use crate::limits;

/// What is known of each exchange's.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    /// By whether they answer a request.
    heard: BTreeMap<(ExchangeId, bool), Heard>,
}

/// What one exchange said since the last line.
#[derive(Debug)]
struct Heard {
    /// Before this no line is written.
    next: MonoNanos,
    count: u64,
    last: Option<Refusal>,
}

impl Complaints {
    /// Whether a refusal is one: said aloud, and without an effect on any stream.
    pub(super) fn is_one(refusal: &Refusal) -> bool {
        let is_idle = refusal.given_up.is_empty() && refusal.postponed.is_empty();
        is_idle && !refusal.is_pending && !refusal.text.is_empty()
    }

    /// The exchange said this.
    pub(super) fn note(&mut self, exchange: ExchangeId, refusal: Refusal) {
        let none = Heard { next: MonoNanos::ZERO, count: 0, last: None };
        let heard = self.heard.entry((exchange, refusal.id.is_some())).or_insert(none);
        heard.count = heard.count.saturating_add(1);
        heard.last = Some(refusal);
    }

    /// What is to be told now: whose, how many, and the last of them.
    pub(super) fn due(
        &mut self,
        now: MonoNanos,
    ) -> impl Iterator<Item = (ExchangeId, u64, Refusal)> {
        let due = self.heard.iter_mut().filter(move |(_, heard)| now >= heard.next);
        due.filter_map(move |(&(exchange, _), heard)| {
            let last = heard.last.take()?;
            heard.next = now.after(limits::COMPLAINTS_TOLD_EVERY);
            Some((exchange, std::mem::take(&mut heard.count), last))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::words::complaint;
    use arrayvec::ArrayString;

    #[test]
    fn an_exchange_that_finds_other_words_each_time_gets_a_few_lines() {
        let mut complaints = Complaints::default();
        let mut lines = Vec::new();
        for turn in 0..4_000_u64 {
            let text = ArrayString::from(&format!("Invalid topic: x{turn}")).unwrap();
            complaints.note(ExchangeId::Bybit, Refusal { text, ..Refusal::default() });
            let now = MonoNanos(turn * 10_000_000);
            lines.extend(complaints.due(now).map(|(_, count, last)| (count, last.text)));
        }
        let end = MonoNanos(50_000_000_000);
        lines.extend(complaints.due(end).map(|(_, count, last)| (count, last.text)));
        assert_eq!(lines.len(), 5, "40 s, and the rest: {lines:?}");
        assert_eq!(lines.iter().map(|(count, _)| count).sum::<u64>(), 4_000, "none is forgotten");
        assert_eq!((lines[0].0, &*lines[0].1), (1, "Invalid topic: x0"), "the first at once");
        assert_eq!(&*lines[4].1, "Invalid topic: x3999");
        assert_eq!(complaints.due(end.after(limits::COMPLAINTS_TOLD_EVERY)).count(), 0);
    }

    #[test]
    fn errors_that_answer_no_request_are_counted_and_called_apart() {
        let mut complaints = Complaints::default();
        let said = |id| {
            let text = ArrayString::from("no").unwrap();
            Refusal { id, text, ..Refusal::default() }
        };
        for id in [None, Some(7), None, None] {
            complaints.note(ExchangeId::Binance, said(id));
        }
        let due = complaints.due(MonoNanos(1));
        let told: Vec<_> = due.map(|(_, count, last)| (count, complaint(&last))).collect();
        let words = ["answers no request", "a request on which nothing depends"];
        assert_eq!(told.iter().map(|(count, _)| *count).collect::<Vec<_>>(), [3, 1]);
        assert!(told.iter().zip(words).all(|((_, told), words)| told.ends_with(words)), "{told:?}");
    }

    #[test]
    fn one_exchange_does_not_silence_another() {
        let mut complaints = Complaints::default();
        let said = || Refusal { text: ArrayString::from("no").unwrap(), ..Refusal::default() };
        complaints.note(ExchangeId::Bybit, said());
        assert_eq!(complaints.due(MonoNanos(1)).count(), 1);
        complaints.note(ExchangeId::Bybit, said());
        complaints.note(ExchangeId::Okx, said());
        let told: Vec<_> = complaints.due(MonoNanos(2)).map(|(exchange, ..)| exchange).collect();
        assert_eq!(told, [ExchangeId::Okx]);
    }
}
