//! The control thread: accepts, resolves, requests, supervises, answers the admin port.
