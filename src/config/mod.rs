//! From a file to a typed configuration, once, at start.
