//! One client connection: its session, its outbox, its dialects.
