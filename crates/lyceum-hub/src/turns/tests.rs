use super::*;

#[tokio::test]
async fn nobody_takes_all_turns() {
    let turns = Turns::new(5, 2);
    let (alice, bob) = (Party::User(1), Party::Address([192, 0, 2, 1].into()));
    let first = turns.try_take(alice).unwrap();
    let _second = turns.take(alice, Duration::ZERO).await.unwrap();
    assert!(turns.try_take(alice).is_none(), "it would be her third");
    assert!(turns.take(alice, Duration::from_secs(60)).await.is_none(), "which she need not wait for");
    let _bobs = (turns.try_take(bob).unwrap(), turns.try_take(bob).unwrap());
    assert!(turns.try_take(bob).is_none());
    let last = turns.try_take(Party::Unknown).unwrap();
    assert!(turns.try_take(Party::Unknown).is_none(), "all are taken");
    assert!(turns.take(Party::User(2), Duration::ZERO).await.is_none());
    drop((first, last));
    let unknown = [turns.try_take(Party::Unknown), turns.try_take(Party::Unknown)];
    assert!(unknown.iter().all(Option::is_some), "who is not known may be many");
    drop(unknown);
    assert!(turns.try_take(alice).is_some());
    assert_eq!(turns.counts().len(), 2, "what nobody holds is forgotten");
}

#[test]
fn who_signed_in_counts_wherever_he_is() {
    let at = |address: [u8; 4]| Some(IpAddr::from(address));
    assert_eq!(Party::of(&Caller::Anonymous, at([192, 0, 2, 1])), Party::Address([192, 0, 2, 1].into()));
    assert_eq!(Party::of(&Caller::Anonymous, at([127, 0, 0, 1])), Party::Unknown);
    assert_eq!(Party::of(&Caller::Anonymous, None), Party::Unknown);
}
