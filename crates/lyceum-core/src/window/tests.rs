use super::Window;

#[test]
fn counts_last_for_a_window_and_share_when_there_are_too_many() {
    let mut window = Window::new(2);
    window.enter(7);
    for (key, expected) in [("a", 1), ("b", 1), ("a", 2), ("c", 1), ("d", 2), ("b", 2)] {
        let count = window.count(key, "others");
        *count += 1;
        assert_eq!(*count, expected, "{key}");
    }
    window.enter(7);
    assert_eq!(*window.count("a", "others"), 2);
    window.enter(8);
    assert_eq!(*window.count("a", "others"), 0);
}
