use super::*;

const END: u64 = 10 * WINDOW_BYTES + 1000;

fn check(start: u64, length: u64, from: u64, to: u64) {
    let found = window(ByteRange::new(start, start + length), END);
    assert_eq!((found.start, found.end), (from, to), "{length} bytes at {start}");
}

#[test]
fn windows_hold_what_lies_before_and_behind() {
    let w = WINDOW_BYTES;
    check(12, 100, 0, w);
    check(w + 500, 100, w, 2 * w);
    check(2 * w - 100, 100, w, 2 * w);
    // Across the border, and at the end.
    check(2 * w - 100, 101, 2 * w - 100, 3 * w);
    check(END - 10, 10, 10 * w, END);
    // Large ones are read alone.
    check(w + 500, w, w + 500, 2 * w + 500);
    // A reader that goes backwards opens each piece once.
    let mut windows: Vec<_> =
        (0..100).rev().map(|at| window(ByteRange::new(at * 8192, at * 8192 + 300), END)).collect();
    windows.dedup();
    assert_eq!(windows.len(), 4);
}
