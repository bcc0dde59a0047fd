//! Everything whose instructions and allocations are counted.

mod books;
mod encode;
mod frames;
mod parse;
mod publish;
mod ring;

/// What is counted, once: it is warm.
pub(crate) type Run = Box<dyn FnMut()>;

/// A subject, ready.
pub(crate) struct Prepared {
    /// Frames, ticks or events of one run.
    pub(crate) items: usize,
    pub(crate) run: Run,
}

/// Something that is counted.
pub(crate) struct Subject {
    pub(crate) name: String,
    prepare: Box<dyn FnOnce() -> Prepared>,
}

impl Subject {
    fn new(name: String, prepare: impl FnOnce() -> Prepared + 'static) -> Self {
        Self { name, prepare: Box::new(prepare) }
    }

    /// Makes what it needs, and warms it.
    pub(crate) fn prepare(self) -> Prepared {
        (self.prepare)()
    }
}

/// All of them.
pub(crate) fn subjects() -> Vec<Subject> {
    let rooms = [
        parse::subjects,
        frames::subjects,
        ring::subjects,
        books::subjects,
        encode::subjects,
        publish::subjects,
    ];
    rooms.into_iter().flat_map(|subjects| subjects()).collect()
}
