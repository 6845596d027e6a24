use lyceum_core::Timestamp;

use super::{GrantError, Signer};

#[test]
fn grants_hold_until_they_expire_and_only_for_their_purpose() {
    let signer = Signer::new([7; 32]);
    let grant = signer.sign("a", Timestamp(100), &(1, "x".to_owned()));
    let check = |signer: &Signer, purpose: &str, now, grant: &str| {
        signer.check::<(i32, String)>(purpose, Timestamp(now), grant)
    };
    assert_eq!(check(&signer, "a", 99, &grant), Ok((1, "x".to_owned())));
    assert_eq!(check(&signer, "a", 100, &grant), Err(GrantError::Expired));
    assert_eq!(check(&signer, "b", 99, &grant), Err(GrantError::Forged));
    assert_eq!(check(&Signer::new([8; 32]), "a", 99, &grant), Err(GrantError::Forged));
    for position in 0..grant.len() {
        let mut forged = grant.clone().into_bytes();
        forged[position] = if forged[position] == b'A' { b'B' } else { b'A' };
        // The last character carries spare bits; the decoder refuses those that are not zero.
        assert_eq!(
            check(&signer, "a", 99, std::str::from_utf8(&forged).unwrap()),
            Err(GrantError::Forged),
            "{position}"
        );
    }
    for garbage in ["", "A", "é", &"A".repeat(20_000)] {
        assert_eq!(check(&signer, "a", 99, garbage), Err(GrantError::Forged));
    }
}
