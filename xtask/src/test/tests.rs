use super::Count;

fn check(lines: &[&str], passed: u64, failed: u64, skipped: u64) {
    let lines: Vec<_> = lines.iter().map(|line| (*line).to_owned()).collect();
    assert_eq!(Count::read(&lines), Count { passed, failed, skipped }, "{lines:?}");
}

#[test]
fn summaries_of_every_runner_are_read() {
    check(&["     Summary [   1.234s] 12 tests run: 12 passed, 0 skipped"], 12, 0, 0);
    check(&["     Summary [   0.5s] 9/12 tests run: 7 passed (1 slow), 2 failed, 3 skipped"], 7, 2, 3);
    check(
        &[
            "\u{1b}[32;1m     Summary\u{1b}[0m [   1.2s] \u{1b}[1m3\u{1b}[0m tests run: \u{1b}[1m3\u{1b}[0m passed",
        ],
        3,
        0,
        0,
    );
    check(
        &[
            "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.0s",
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out",
        ],
        7,
        1,
        1,
    );
    check(
        &[
            "    test result: FAILED. 0 passed; 1 failed; 0 ignored",
            "Summary [ 7s] 5 tests run: 4 passed, 1 failed",
        ],
        4,
        1,
        0,
    );
    check(&["=================== 3 passed, 1 skipped in 2.10s ==================="], 3, 0, 1);
    check(&["1 failed, 40 passed, 2 errors in 61.10s (0:01:01)"], 40, 3, 0);
    check(&["# tests 4", "# pass 3", "# fail 1", "# cancelled 2", "# skipped 0"], 3, 3, 0);
    check(&["ℹ pass 2", "ℹ fail 0"], 2, 0, 0);
}

#[test]
fn other_lines_do_not_count() {
    check(&["hub-2: 3 passed", "4 passed", "uploaded 3 failed in total"], 0, 0, 0);
}
