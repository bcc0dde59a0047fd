//! A frame's bytes to ticks, for every kind of frame that `benches/parse` knows.

use super::{Prepared, Subject};
use crate::harness::Candidate;
use crate::kinds;

/// Frames of one kind: enough that no single one weighs 1 %.
const FRAMES: usize = 128;

pub(super) fn subjects() -> Vec<Subject> {
    let counted = |kind: crate::harness::Subject| {
        Subject::new(format!("parse {}", kind.name), move || {
            let mut frames = (kind.frames)(FRAMES);
            let mut parser = (kind.contender)(Candidate::Recogniser);
            parser.run(&mut frames);
            Prepared { items: frames.len(), run: Box::new(move || parser.run(&mut frames)) }
        })
    };
    kinds::subjects().into_iter().map(counted).collect()
}
