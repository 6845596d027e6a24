//! Collections: order, sight, pages.

use super::{NOW, at, name, new_repo, put, read, repo, user};
use crate::{
    CollectionChange, CollectionQuery, CollectionSort, Db, NewCollection, NewCollectionItem, Viewer,
    Visibility,
};

fn new(id: &str, owner_id: i64, private: bool) -> NewCollection {
    NewCollection {
        id: id.to_owned(),
        owner_id,
        creator_id: owner_id,
        title: format!("Title of {id}"),
        description: None,
        private,
        theme: "blue".to_owned(),
        created_at: NOW,
    }
}

fn item(id: &str, collection: &str, kind: &str, target: &str) -> NewCollectionItem {
    NewCollectionItem {
        id: id.to_owned(),
        collection_id: collection.to_owned(),
        kind: kind.to_owned(),
        target: target.to_owned(),
        repo_id: (kind == "model").then(|| target.parse().unwrap()),
        nested_id: (kind == "collection").then(|| target.to_owned()),
        note: None,
        created_at: NOW,
    }
}

async fn seen(db: &Db, viewer: Viewer<'_>, each: u32) -> String {
    let items = read(db).await.collection_items(&["one", "two"], viewer, each).await.unwrap();
    items.into_iter().map(|item| item.id).collect::<Vec<_>>().join(" ")
}

pub(super) async fn items_keep_their_order(db: &Db) {
    let (alice, bob) = (user(db, "alice").await, user(db, "bob").await);
    let open = repo(db, alice, "alice/open").await.id;
    let hidden = new_repo(alice, "alice/hidden", Visibility::Private);
    put(db, move |tx| {
        Box::pin(async move {
            let hidden = tx.insert_repo(&hidden).await?.expect("the name is free");
            assert!(tx.insert_collection(&new("one", alice, false)).await?);
            assert!(tx.insert_collection(&new("two", alice, true)).await?);
            let same_title = NewCollection { id: "three".to_owned(), ..new("one", alice, false) };
            assert!(!tx.insert_collection(&same_title).await?);
            for new in [
                item("a", "one", "model", &open.to_string()),
                item("b", "one", "model", &hidden.to_string()),
                item("c", "one", "collection", "two"),
                item("d", "one", "paper", "2401.00001"),
                item("e", "two", "paper", "2401.00001"),
            ] {
                assert!(tx.insert_collection_item(&new).await?);
            }
            assert!(!tx.insert_collection_item(&item("f", "one", "paper", "2401.00001")).await?);
            Ok(())
        })
    })
    .await;
    let (owner, other) = (
        Viewer { user_id: Some(alice), admin: false, scope: None },
        Viewer { user_id: Some(bob), admin: false, scope: None },
    );
    assert_eq!(seen(db, owner, 9).await, "a b c d e");
    assert_eq!(seen(db, other, 9).await, "a d e");
    assert_eq!(seen(db, Viewer::default(), 1).await, "a e", "the first of each");
    assert_eq!(seen(db, Viewer { user_id: None, admin: true, scope: None }, 2).await, "a b e");
    put(db, |tx| {
        Box::pin(async move {
            tx.move_collection_item("one", "a", 0, 2).await?;
            tx.move_collection_item("one", "d", 3, 0).await?;
            assert!(tx.note_collection_item("one", "d", Some("read this")).await?);
            assert!(!tx.note_collection_item("two", "d", None).await?, "it is in another one");
            assert!(
                tx.delete_collection_item("one", "b").await?
                    && !tx.delete_collection_item("one", "b").await?
            );
            Ok(())
        })
    })
    .await;
    assert_eq!(seen(db, owner, 9).await, "d c a e");
    put(db, |tx| Box::pin(async move { tx.delete_collection("two").await })).await;
    assert_eq!(seen(db, owner, 9).await, "d a", "nested collections go as well");
}

pub(super) async fn lists_show_what_may_be_seen(db: &Db) {
    let (alice, bob) = (user(db, "alice").await, user(db, "bob").await);
    let change = CollectionChange { theme: Some("pink".to_owned()), ..CollectionChange::default() };
    put(db, move |tx| {
        Box::pin(async move {
            tx.insert_collection(&new("one", alice, false)).await?;
            tx.insert_collection(&new("two", bob, false)).await?;
            tx.insert_collection(&new("three", alice, true)).await?;
            tx.insert_collection_item(&item("a", "one", "paper", "2401.00001")).await?;
            assert!(tx.update_collection("one", &change, at(5)).await?);
            assert!(
                tx.set_upvote("two", alice, true, NOW).await?
                    && !tx.set_upvote("two", alice, true, NOW).await?
            );
            Ok(())
        })
    })
    .await;
    let query = CollectionQuery {
        viewer: Viewer { user_id: Some(alice), admin: false, scope: None },
        owners: Vec::new(),
        items: None,
        search: None,
        sort: CollectionSort::LastModified,
        after: None,
        limit: 9,
    };
    let list = async |query: CollectionQuery<'_>| {
        let found = read(db).await.list_collections(&query).await.unwrap();
        found.into_iter().map(|one| one.id).collect::<Vec<_>>().join(" ")
    };
    let q = || query.clone();
    assert_eq!(list(q()).await, "one two three");
    assert_eq!(list(CollectionQuery { viewer: Viewer::default(), ..q() }).await, "one two");
    assert_eq!(list(CollectionQuery { sort: CollectionSort::Upvotes, ..q() }).await, "two three one");
    assert_eq!(list(CollectionQuery { after: Some((NOW.0, "two".to_owned())), ..q() }).await, "three");
    assert_eq!(list(CollectionQuery { owners: vec![name("Bob"), name("zed")], ..q() }).await, "two");
    assert_eq!(list(CollectionQuery { search: Some("OF T".to_owned()), ..q() }).await, "two three");
    let paper = ("paper".to_owned(), "2401.00001".to_owned());
    let other = ("paper".to_owned(), "x".to_owned());
    assert_eq!(list(CollectionQuery { items: Some(vec![paper, other]), ..q() }).await, "one");
    let found = read(db).await.collection("two", query.viewer).await.unwrap().unwrap();
    assert_eq!((found.upvotes, found.upvoted, found.role), (1, true, None));
    assert_eq!((found.owner.as_str(), found.position), ("bob", 0));
}
