//! Both directions, at all lengths modulo 4.

use super::*;
use crate::testing::random;

#[test]
fn join_reverts_split() {
    for length in (0..70).chain([4096, 65_535, 131_072]) {
        let data = random(length as u64, length);
        let (mut planes, mut joined) = (vec![0; length], vec![0; length]);
        split(&data, &mut planes);
        let plane = |offset| data.iter().skip(offset).step_by(4).copied();
        assert_eq!(planes, (0..4).flat_map(plane).collect::<Vec<u8>>(), "{length} bytes");
        join(&mut planes, &mut joined);
        assert_eq!(joined, data, "{length} bytes");
    }
}
