use std::net::IpAddr;

use lyceum_core::Timestamp;

use super::{Guess, Throttle};

/// The start of a window.
const NOW: Timestamp = Timestamp(1_700_000_400_000);

fn address(number: u8) -> Option<IpAddr> {
    Some(IpAddr::from([192, 0, 2, number]))
}

/// Returns how many wrong guesses are let through.
fn let_through(throttle: &Throttle, guesses: impl Iterator<Item = Guess>) -> usize {
    guesses.take_while(|guess| throttle.count(guess, NOW).is_ok()).count()
}

#[test]
fn guesses_at_one_name_are_few_from_one_address_and_more_from_all() {
    let throttle = Throttle::new();
    assert_eq!(let_through(&throttle, (0..99).map(|_| Guess::password("ada", address(1)))), 10);
    assert_eq!(let_through(&throttle, (0..99).map(|_| Guess::password("ADA", address(1)))), 0, "any case");
    assert!(throttle.count(&Guess::password("ada", address(2)), NOW).is_ok(), "somebody else, elsewhere");
    let elsewhere = (3..99).map(|number| Guess::password("ada", address(number)));
    assert_eq!(let_through(&throttle, elsewhere), 39);
}

#[test]
fn guesses_from_one_address_are_limited_over_all_names() {
    let throttle = Throttle::new();
    let names = |from| (0..999).map(move |number| Guess::password(&format!("user{number}"), from));
    assert_eq!(let_through(&throttle, names(address(1))), 100);
    assert_eq!(
        let_through(&throttle, names(Some(IpAddr::from([127, 0, 0, 1])))),
        999,
        "a proxy that does not tell"
    );
    let long = "x".repeat(1 << 20);
    assert_eq!(let_through(&throttle, (0..99).map(|_| Guess::password(&long, None))), 10, "no name at all");
}

#[test]
fn right_guesses_are_given_back_and_windows_end() {
    let throttle = Throttle::new();
    for _ in 0..999 {
        let guess = Guess::password("ada", address(1));
        throttle.count(&guess, NOW).unwrap();
        throttle.give_back(&guess, NOW);
    }
    assert_eq!(let_through(&throttle, (0..99).map(|_| Guess::code(1))), 20);
    let refused = throttle.count(&Guess::code(1), NOW.plus_seconds(500)).unwrap_err();
    assert_eq!(refused.retry_seconds(), Some(100));
    assert!(throttle.count(&Guess::code(1), NOW.plus_seconds(600)).is_ok());
}
