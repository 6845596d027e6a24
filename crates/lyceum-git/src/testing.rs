//! An object source in memory, for tests.
