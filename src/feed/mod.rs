//! The feed thread: one per exchange, from sockets to rings.
