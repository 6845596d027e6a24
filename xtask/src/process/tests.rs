use super::*;

#[test]
fn what_hangs_is_killed_with_its_children() {
    let mut hanging = command("sh");
    hanging.args(["-c", "echo begun; sleep 3600 & sleep 3600"]);
    let (success, lines) = tee(&mut hanging, Duration::from_millis(200)).unwrap();
    assert!(!success);
    assert_eq!(lines, ["begun"]);
}

#[test]
fn output_of_both_kinds_is_kept() {
    let mut short = command("sh");
    short.args(["-c", "echo out; echo err >&2"]);
    let (success, lines) = tee(&mut short, Duration::from_mins(1)).unwrap();
    assert!(success);
    assert_eq!(lines, ["out", "err"]);
}
