//! The data loop.
