//! The broadcaster thread: drains the rings, remembers, fans out, writes.
