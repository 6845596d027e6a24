use super::{MAX_BYTES_OF_ONE, MAX_SHARDS_OF_ONE, Verifying};
use crate::ErrorKind;

#[test]
fn one_user_has_so_many_turns_at_once() {
    let verifying = Verifying::default();
    let turns: Vec<_> = (0..MAX_SHARDS_OF_ONE).map(|_| verifying.begin(1, 1).unwrap()).collect();
    assert_eq!(verifying.begin(1, 1).err().unwrap().kind(), ErrorKind::Unavailable);
    drop(verifying.begin(2, 1).unwrap());
    drop(turns);
    assert!(verifying.0.lock().unwrap().is_empty());

    let large = verifying.begin(1, 4 * MAX_BYTES_OF_ONE).unwrap();
    assert_eq!(verifying.begin(1, 1).err().unwrap().kind(), ErrorKind::Unavailable);
    drop(large);
    let _small = verifying.begin(1, 1).unwrap();
    assert_eq!(verifying.begin(1, MAX_BYTES_OF_ONE).err().unwrap().kind(), ErrorKind::Unavailable);
    verifying.begin(1, MAX_BYTES_OF_ONE - 1).unwrap();
}
