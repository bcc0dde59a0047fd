//! Simulated exchanges: real protocols on real sockets, with faults on demand.
