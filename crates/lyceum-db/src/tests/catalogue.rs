//! The database notes what changed in the catalogue by itself.

use super::{at, put, read, repo, user};
use crate::{Db, RepoSettings, Visibility};

pub(super) async fn changes_are_noted(db: &Db) {
    let mut seen = read(db).await.last_catalogue_change().await.unwrap();
    assert!(seen > 0, "there is always a last change");
    let mut since = async || {
        let changes = read(db).await.catalogue_changes(seen, 9).await.unwrap();
        seen = changes.last().map_or(seen, |last| last.seq);
        let mut found: Vec<_> =
            changes.into_iter().map(|change| (change.repo_id, change.account_id)).collect();
        found.dedup();
        found
    };
    let alice = user(db, "alice").await;
    assert_eq!(since().await, [(None, Some(alice))]);
    let made = repo(db, alice, "alice/m").await.id;
    let other = repo(db, alice, "alice/n").await.id;
    assert_eq!(since().await, [(Some(made), None), (Some(other), None)]);
    let hide = RepoSettings { visibility: Some(Visibility::Private), ..RepoSettings::default() };
    let changed = put(db, move |tx| {
        Box::pin(async move {
            tx.touch_repo(other, at(1), Some(at(1))).await?;
            tx.update_repo_settings(made, &hide, at(1)).await
        })
    });
    assert!(changed.await, "triggers do not disturb the count of changed rows");
    assert_eq!(since().await, [(Some(other), None), (Some(made), None)]);
    put(db, move |tx| Box::pin(async move { tx.set_like(made, alice, true, at(1)).await })).await;
    assert_eq!(since().await, [(Some(made), None)]);
    put(db, move |tx| {
        Box::pin(async move {
            // Nobody finds a repo by the number of its last segment.
            tx.take_segment_number(made).await?;
            tx.put_repo_text(made, "one").await?;
            tx.put_repo_text(made, "two").await
        })
    })
    .await;
    assert!(since().await.is_empty());
    let row = read(db).await.catalogue_repos(0, 1).await.unwrap().remove(0);
    assert_eq!((row.repo.id, row.text.as_deref(), row.info), (made, Some("two"), None));
    assert!(put(db, move |tx| Box::pin(async move { tx.delete_repo(made).await })).await);
    assert_eq!(since().await, [(Some(made), None)]);
    put(db, move |tx| {
        Box::pin(async move {
            tx.note_catalogue_changes(&[other, 99]).await?;
            tx.forget_catalogue_changes(2).await
        })
    })
    .await;
    assert_eq!(since().await, [(Some(other), None), (Some(99), None)]);
    assert_eq!(read(db).await.catalogue_changes(0, 9).await.unwrap().len(), 2);
}
