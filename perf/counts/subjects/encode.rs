//! An event to the bytes that clients read, in each dialect's form.

use std::hint::black_box;

use tickwire::cache::Stamp;
use tickwire::dialect::{Dialect, Label, Name, Telling};

use super::{Prepared, Subject};
use crate::events::{Content, DATE, Kind, body, instrument, told};
use crate::random::Random;

const EVENTS: usize = 128;

/// All kinds that a dialect has words for.
pub(super) fn subjects() -> Vec<Subject> {
    let kinds = |dialect| Kind::ALL.map(|kind| Told::new(dialect, kind, 1));
    let mut spoken: Vec<Told> = Dialect::ALL.into_iter().flat_map(kinds).collect();
    spoken.retain_mut(|told| {
        told.run();
        !told.out.is_empty()
    });
    let counted = |Told { dialect, kind, .. }: Told| {
        let name = format!("encode {}, dialect {dialect:?}", kind.name());
        Subject::new(name, move || {
            let mut told = Told::new(dialect, kind, EVENTS);
            told.run();
            Prepared { items: EVENTS, run: Box::new(move || told.run()) }
        })
    };
    spoken.into_iter().map(counted).collect()
}

/// Events of one kind, and where they are written to.
struct Told {
    dialect: Dialect,
    kind: Kind,
    label: Label,
    bodies: Vec<(Stamp, Content)>,
    out: Vec<u8>,
}

impl Told {
    fn new(dialect: Dialect, kind: Kind, count: usize) -> Self {
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        let bodies = (0..count).map(|_| body(kind, &mut random)).collect();
        let name = Name::parse("BTC/USDT").unwrap();
        let label = dialect.speech().label(&instrument(), &name);
        Self { dialect, kind, label, bodies, out: Vec::new() }
    }

    fn run(&mut self) {
        self.out.clear();
        let speech = self.dialect.speech();
        for (body, seq) in self.bodies.iter().zip(1..) {
            let event = told(body, seq);
            speech.tell(&mut self.out, Some(&self.label), &event, Telling::live(DATE));
        }
        black_box(&self.out);
    }
}
