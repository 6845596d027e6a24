use proptest::prelude::*;

use super::*;

fn ranges(pairs: &[(u64, u64)]) -> Vec<ByteRange> {
    pairs.iter().map(|(start, end)| ByteRange::new(*start, *end)).collect()
}

#[test]
fn any_subset_is_granted_and_nothing_else() {
    let granted = union(ranges(&[(100, 200), (300, 400), (200, 250)]));
    let check = |asked: &[(u64, u64)], expected: bool| {
        assert_eq!(covers(&granted, &ranges(asked)), expected, "{asked:?}");
    };
    check(&[(100, 250)], true);
    check(&[(120, 130), (399, 400)], true);
    check(&[(99, 101)], false);
    check(&[(240, 251)], false);
    check(&[(100, 400)], false);
    check(&[(120, 130), (0, 1)], false);
    check(&[(400, u64::MAX)], false);
}

proptest! {
    #[test]
    fn covers_is_set_inclusion(
        granted in prop::collection::vec((0_u64..50, 1_u64..10), 0..6),
        asked in prop::collection::vec((0_u64..50, 1_u64..10), 1..4),
    ) {
        let long = |pairs: Vec<(u64, u64)>| pairs.into_iter().map(|(s, l)| ByteRange::new(s, s + l)).collect::<Vec<_>>();
        let (granted, asked) = (long(granted), long(asked));
        let within = |byte: u64| granted.iter().any(|range| (range.start..range.end).contains(&byte));
        let expected = asked.iter().all(|range| (range.start..range.end).all(within));
        prop_assert_eq!(covers(&union(granted.clone()), &asked), expected);
    }
}
