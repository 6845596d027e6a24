//! Mirrors: what they follow, and what is remembered of their upstreams.

use super::{NOW, at, id, org, put, read, repo, user, xet};
use crate::{Db, Mirror, Role};

pub(super) async fn mirrors_follow_and_end(db: &Db) {
    let (alice, lab) = (user(db, "alice").await, org(db, "lab").await);
    let (plain, followed) = (repo(db, lab, "lab/plain").await, repo(db, lab, "lab/followed").await);
    let mirror = Mirror {
        repo_id: followed.id,
        upstream: "hf".to_owned(),
        remote: id("google/bert"),
        revision: None,
        every_seconds: Some(3600),
        whole: false,
        created_at: NOW,
        synced_at: None,
        failed_at: None,
        error: None,
        received_bytes: 0,
        reused_bytes: 0,
    };
    let row = mirror.clone();
    put(db, move |tx| {
        Box::pin(async move {
            tx.insert_mirror(&row).await?;
            tx.insert_mirror_namespace(lab).await?;
            tx.insert_mirror_namespace(lab).await?;
            tx.insert_mirror_xorb("hf", &xet(1)).await?;
            tx.insert_mirror_xorb("hf", &xet(1)).await
        })
    })
    .await;
    let mut reader = read(db).await;
    assert_eq!(reader.mirror(followed.id).await.unwrap(), Some(mirror.clone()));
    assert_eq!(reader.mirror(plain.id).await.unwrap(), None);
    let [(listed, shown)] = reader.mirrors(0, 10).await.unwrap().try_into().unwrap();
    assert!(listed == mirror && shown.mirror && shown.name == followed.name);
    assert!(!reader.repo(plain.id).await.unwrap().unwrap().mirror);
    assert_eq!(reader.mirrors(followed.id, 10).await.unwrap(), []);
    assert!(reader.mirror_xorb("hf", &xet(1)).await.unwrap());
    assert!(!reader.mirror_xorb("other", &xet(1)).await.unwrap());
    assert!(reader.mirror_namespace(lab).await.unwrap() && !reader.mirror_namespace(alice).await.unwrap());
    drop(reader);

    put(db, move |tx| {
        Box::pin(async move {
            tx.mark_mirror_failed(followed.id, "no answer", at(1)).await?;
            tx.add_mirror_bytes(followed.id, 5, 7).await?;
            tx.add_mirror_bytes(followed.id, 1, 0).await?;
            // Whoever joins makes it an organisation like any other.
            tx.upsert_member(lab, alice, Role::Read).await
        })
    })
    .await;
    let failed = read(db).await.mirror(followed.id).await.unwrap().unwrap();
    assert_eq!((failed.error.as_deref(), failed.failed_at), (Some("no answer"), Some(at(1))));
    assert_eq!((failed.received_bytes, failed.reused_bytes), (6, 7));
    assert!(!read(db).await.mirror_namespace(lab).await.unwrap());

    put(db, move |tx| {
        Box::pin(async move {
            tx.mark_mirror_synced(followed.id, &id("Google/BERT"), at(2)).await?;
            let synced = tx.mirror(followed.id).await?.unwrap();
            assert_eq!((synced.synced_at, synced.error, synced.failed_at), (Some(at(2)), None, None));
            assert_eq!(synced.remote, id("Google/BERT"));
            assert!(tx.delete_mirror(followed.id).await?);
            assert!(!tx.delete_mirror(followed.id).await?);
            assert!(!tx.repo(followed.id).await?.unwrap().mirror);
            Ok(())
        })
    })
    .await;
}
