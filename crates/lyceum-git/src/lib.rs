//! Git objects, trees, commits, pack segments, attributes and pointers over an object source.
