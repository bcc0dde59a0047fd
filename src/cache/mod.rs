//! What a broadcaster remembers: latest state, history, candles, books.
