//! Data and xorbs for the tests of this crate.
