//! How SQLite answers: by index, never by reading a table.

use lyceum_core::RepoKind;

use super::{NOW, at, id, name, oid, put, read, sha, xet};
use crate::testing::{TestDb, sqlite};
use crate::value::bind;
use crate::{
    AccountKind, CollectionQuery, CollectionSort, DiscussionQuery, DownloadCount, EventQuery, Facet, Lane,
    ListQuery, NewEvent, PublisherOf, Reader, RequestState, Sort, Viewer, ViewerScope,
};

const MODEL: RepoKind = RepoKind::Model;

async fn plan(reader: &mut Reader, sql: &str) -> Vec<String> {
    let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
    let steps: Vec<((i64, i64, i64), String)> = reader.all(explain, bind![]).await.unwrap();
    steps.into_iter().map(|(_, step)| step).collect()
}

/// Checks that no statement in `seen` reads a whole table or index, or sorts where that is ruled out.
async fn check(db: &TestDb, seen: Vec<String>, forbidden: &[&str]) {
    let mut reader = read(db).await;
    for sql in seen {
        let transaction = ["BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK", "PRAGMA", "CREATE"];
        if transaction.iter().any(|word| sql.starts_with(word)) {
            continue;
        }
        for step in plan(&mut reader, &sql).await {
            // Constants and subqueries are read to the end; jobs and pages of collections are found by walking the index
            // that orders them.
            let known = [
                "CONSTANT ROW",
                "SCAN (subquery",
                "SCAN found",
                "SCAN times",
                "SCAN walk",
                "SCAN job USING INDEX job_due",
                "SCAN c USING INDEX collection_",
            ];
            let derived = known.iter().any(|known| step.contains(known));
            let bad = forbidden.iter().any(|word| step.contains(word));
            assert!(!bad || derived, "{step}\nin {sql}");
        }
    }
}

#[tokio::test]
async fn reads_use_an_index() {
    let db = sqlite().await;
    let mut reader = read(&db).await;
    let r = &mut reader;
    r.account(1).await.unwrap();
    r.accounts(&[1, 2, 3]).await.unwrap();
    r.account_by_name(&name("a")).await.unwrap();
    r.account_by_email("a@b").await.unwrap();
    r.accounts_page(AccountKind::Org, None, 9).await.unwrap();
    r.accounts_starting(AccountKind::User, "a", 9).await.unwrap();
    r.users_count().await.unwrap();
    r.role_in(1, 2).await.unwrap();
    r.memberships_of(1).await.unwrap();
    r.members_of(1, None, 9).await.unwrap();
    r.token_by_hash(&[1; 32]).await.unwrap();
    r.token(1).await.unwrap();
    r.tokens_of(1, 0, 9).await.unwrap();
    r.user_by_identity("x", "y").await.unwrap();
    r.memberships_by_issuer(1, "x").await.unwrap();
    r.publishers_of(PublisherOf::Account(1), 9).await.unwrap();
    r.publishers_of(PublisherOf::Repo(1), 9).await.unwrap();
    r.resource_group(1, 1).await.unwrap();
    r.resource_groups(1, Some(1), 0, 9).await.unwrap();
    r.role_in_group(1, 1).await.unwrap();
    r.group_members(1, 0, 9).await.unwrap();
    r.group_repos(1, 0, 9).await.unwrap();
    r.repos(&[1, 2, 3]).await.unwrap();
    r.device_grant_by_user_code("x").await.unwrap();
    r.device_grant_by_device_hash(&[1; 32]).await.unwrap();
    r.repo(1).await.unwrap();
    r.all_repos(0, 9).await.unwrap();
    r.repo_access(MODEL, &id("a/b"), Some(1)).await.unwrap();
    r.repo_access_by_id(1, 1).await.unwrap();
    r.repo_with_ref(MODEL, &id("a/b"), Some(1), ["refs/heads/x", "refs/tags/x"]).await.unwrap();
    r.repos_count(MODEL).await.unwrap();
    r.catalogue_changes(1, 9).await.unwrap();
    r.catalogue_changes_among(&[1, 2]).await.unwrap();
    r.last_catalogue_change().await.unwrap();
    r.catalogue_repos(0, 9).await.unwrap();
    r.catalogue_repos_among(&[1, 2]).await.unwrap();
    r.catalogue_accounts(0, 9).await.unwrap();
    r.listed_repos(&[1, 2, 3], 1).await.unwrap();
    r.resource_groups_of(1).await.unwrap();
    r.has_repo_text(1).await.unwrap();
    r.repo_info(1).await.unwrap();
    r.tag_counts(MODEL, Facet::Tag, "license:", 9).await.unwrap();
    r.likers(1, None, 9).await.unwrap();
    r.liked_repos(1, Viewer::default(), None, 9).await.unwrap();
    r.followers_of(1, None, 9).await.unwrap();
    r.followed_by(1, None, 9).await.unwrap();
    r.follows_among(1, &[1, 2]).await.unwrap();
    let scope = ViewerScope { owners: vec![1, 2], repos: vec![3], collections: vec![4] };
    let viewer = Viewer { user_id: Some(1), admin: false, scope: Some(&scope) };
    r.repo_counts(1, viewer).await.unwrap();
    r.user_counts(1, viewer).await.unwrap();
    r.org_counts(1).await.unwrap();
    r.collection("x", viewer).await.unwrap();
    r.collection_by_title(1, "x").await.unwrap();
    r.collections_count(1).await.unwrap();
    r.collection_items(&["x", "y"], viewer, 4).await.unwrap();
    r.collection_items_count("x").await.unwrap();
    r.access_request(1, 1).await.unwrap();
    r.access_requests(1, RequestState::Pending, None, 9).await.unwrap();
    r.downloads_by_day(1, "2023-01-01").await.unwrap();
    r.segment_indexes(1, Some(7), 9).await.unwrap();
    r.segment_indexes_after(1, 7, 9).await.unwrap();
    r.segment_numbers(1).await.unwrap();
    r.segments(1, 0, 9).await.unwrap();
    r.segments_of_size(1, 0, 9, 9).await.unwrap();
    r.segment_data(1, 1).await.unwrap();
    r.segment_count(1).await.unwrap();
    r.segment_blob_keys(1).await.unwrap();
    r.ref_get(1, "x").await.unwrap();
    r.refs(1).await.unwrap();
    r.refs_without_pulls(1).await.unwrap();
    r.refs_between(1, "refs/heads/", "refs/heads0").await.unwrap();
    r.ref_conflict(1, "refs/heads/a/b").await.unwrap();
    r.xorb(&xet(1)).await.unwrap();
    r.xorbs_known(&[xet(1), xet(2)]).await.unwrap();
    r.all_xorbs(None, 9).await.unwrap();
    r.xorbs_around_chunk(&xet(1), 9).await.unwrap();
    r.xet_file(&xet(1)).await.unwrap();
    r.all_xet_files(None, 9).await.unwrap();
    r.unused_files(&[xet(1), xet(2)]).await.unwrap();
    r.repos_with_unnamed_files(NOW, 0, 9).await.unwrap();
    r.unnamed_files(1, NOW, 9).await.unwrap();
    r.unused_segment_keys(&["a".to_owned()]).await.unwrap();
    r.repo_file(1, &sha(1)).await.unwrap();
    r.repo_files(1, &[sha(1), sha(2)]).await.unwrap();
    r.repo_files_page(1, None, 9).await.unwrap();
    r.repo_file_totals(1).await.unwrap();
    r.repo_has_xet_file(1, &xet(1)).await.unwrap();
    r.readable_xet_files(1, &[xet(1), xet(2)]).await.unwrap();
    r.bucket(1).await.unwrap();
    r.buckets(&[1, 2]).await.unwrap();
    r.count_bucket(1).await.unwrap();
    r.bucket_file(1, "a").await.unwrap();
    r.bucket_files(1, &["a".to_owned(), "b".to_owned()]).await.unwrap();
    r.bucket_tree(1, "a", Some("b"), 9).await.unwrap();
    r.bucket_tree_recorded(1, "a", 9).await.unwrap();
    r.bucket_level(1, 0, "", None, 9).await.unwrap();
    r.bucket_level(1, 2, "a/", Some("a0"), 9).await.unwrap();
    r.bucket_events(1, 0, 9).await.unwrap();
    r.oldest_bucket_event(1).await.unwrap();
    r.first_bucket_event(1, NOW).await.unwrap();
    r.upload("x").await.unwrap();
    r.parts("x").await.unwrap();
    r.lfs_lock(1, 1).await.unwrap();
    r.lfs_lock_of(1, "a").await.unwrap();
    r.lfs_locks(1, None, None, 0, 9).await.unwrap();
    r.lfs_locks(1, Some("a"), Some(1), 0, 9).await.unwrap();
    r.lfs_locks_count(1).await.unwrap();
    r.expired_uploads(NOW, 9).await.unwrap();
    r.discussion(1, 1).await.unwrap();
    r.discussions(&DiscussionQuery { repo_id: 1, is_pull: Some(true), limit: 9, ..Default::default() })
        .await
        .unwrap();
    r.discussion_events(1, 1, 5, 9).await.unwrap();
    r.discussion_event(1, 1, "x").await.unwrap();
    r.attachment("x").await.unwrap();
    r.attachments_page("x", 9).await.unwrap();
    r.attachments_known(&["x".to_owned()]).await.unwrap();
    r.attached_bytes(1, NOW).await.unwrap();
    let busy = ["q:1:".to_owned(), "q:2:".to_owned()];
    for lane in [Lane::Any, Lane::Only("q"), Lane::Except("q", &busy), Lane::Not(&["q", "r"])] {
        r.next_job_at(lane).await.unwrap();
    }
    r.webhook(1).await.unwrap();
    r.webhooks_of(1, 9).await.unwrap();
    r.webhooks_count(1).await.unwrap();
    r.watched_by(&[1, 2]).await.unwrap();
    r.repo_watched(1).await.unwrap();
    r.watchers(&["x".to_owned(), "y".to_owned()], 1, 0, 9).await.unwrap();
    r.delivery(1).await.unwrap();
    r.deliveries_of(1, None, 9).await.unwrap();
    let before = EventQuery { before: 9, ..EventQuery::default() };
    r.events_found(&before, 9).await.unwrap();
    r.events_found(&EventQuery { repo_id: Some(1), ..before.clone() }, 9).await.unwrap();
    r.events_found(&EventQuery { actor_id: Some(1), ..before }, 9).await.unwrap();
    r.events_end().await.unwrap();
    r.event_at(NOW).await.unwrap();
    r.jobs_page(false, 0, 9).await.unwrap();
    r.quotas(&[1, 2]).await.unwrap();
    r.accounts_starting_after(AccountKind::User, "a", "ab", 9).await.unwrap();
    r.setting("x").await.unwrap();
    let seen = std::mem::take(&mut reader.seen);
    assert!(seen.len() > 60);
    drop(reader);
    check(&db, seen, &["SCAN"]).await;
}

#[tokio::test]
async fn writes_use_an_index() {
    let db = sqlite().await;
    let seen = put(&db, |tx| {
        Box::pin(async move {
            tx.seen.clear();
            tx.touch_token(1, NOW).await?;
            tx.take_refresh_token(&[1; 32], NOW).await?;
            tx.delete_expired_tokens(NOW, 9).await?;
            tx.delete_unshown_attachments(NOW, 9).await?;
            tx.touch_identity("x", "y", NOW).await?;
            tx.delete_identities(1, "x").await?;
            tx.use_sign_in(&[1; 32], NOW, NOW).await?;
            tx.touch_publisher(1, NOW).await?;
            tx.delete_expired_publisher_tokens(1, NOW).await?;
            tx.delete_publisher(PublisherOf::Repo(1), 1).await?;
            tx.touch_repo(1, NOW, Some(NOW)).await?;
            tx.take_segment_number(1).await?;
            tx.delete_repo(1).await?;
            tx.delete_segments(1).await?;
            let downloads = DownloadCount { repo_id: 1, day: "2023-01-01".to_owned(), count: 1 };
            tx.add_downloads(&[downloads]).await?;
            tx.refresh_download_totals("2023-01-01", "2023-01-01", 0, 9).await?;
            tx.cas_ref(1, "x", Some(oid(1)), Some((oid(2), oid(2))), NOW).await?;
            tx.cas_ref(1, "x", Some(oid(1)), None, NOW).await?;
            tx.hold_xorbs(&[xet(1), xet(2)], NOW, NOW).await?;
            tx.mark_xorb(&xet(1), &[xet(2)], NOW).await?;
            tx.delete_marked_xorb(&xet(1)).await?;
            tx.delete_missing_xorb(&xet(1), NOW).await?;
            tx.note_unused_files(&[xet(1)], NOW).await?;
            tx.delete_old_repo_xet_files(NOW, 9).await?;
            tx.delete_unused_files(&[xet(1)], NOW).await?;
            tx.delete_unnamed_files(1, &[sha(1)], NOW).await?;
            tx.delete_repo_files(1, &[sha(1)]).await?;
            tx.delete_lfs_lock(1, 1).await?;
            tx.unlink_bucket_xet_files(1, &[xet(1)], NOW).await?;
            tx.purge_bucket_uploads(1, 9).await?;
            tx.purge_bucket(1, 9).await?;
            tx.change_bucket(1, 1, 1, 1).await?;
            tx.delete_bucket_files(1, &["a".to_owned()]).await?;
            tx.forget_bucket_events(1, 9).await?;
            tx.mark_verified(1, &sha(1), &xet(1)).await?;
            tx.enqueue("q", "k", "{}", NOW, NOW).await?;
            tx.claim(Lane::Any, NOW, 1).await?;
            tx.claim(Lane::Not(&["q", "r"]), NOW, 1).await?;
            tx.forget_deliveries(1, 9, 99).await?;
            let job = tx.claim(Lane::Only("q"), at(2), 1).await?.unwrap();
            tx.extend_job(&job, NOW, 1).await?;
            tx.fail(&job, "x", NOW).await?;
            tx.complete(&job).await?;
            let action = "x".to_owned();
            tx.append_event(&NewEvent {
                repo_id: Some(1),
                actor_id: None,
                action,
                detail: String::new(),
                at: NOW,
            })
            .await?;
            Ok(std::mem::take(&mut tx.seen))
        })
    })
    .await;
    assert!(seen.len() > 25);
    check(&db, seen, &["SCAN"]).await;
}

#[tokio::test]
async fn lists_walk_an_index_in_order() {
    let db = sqlite().await;
    let mut reader = read(&db).await;
    for sort in [Sort::LastModified, Sort::CreatedAt, Sort::Downloads, Sort::Likes, Sort::Trending] {
        for ascending in [false, true] {
            let mut query = ListQuery { sort, ascending, ..ListQuery::new(MODEL) };
            reader.list_repos(&query).await.unwrap();
            query.after = Some((5, 5));
            query.viewer = Some(1);
            query.search = vec!["x".to_owned()];
            query.gated = Some(true);
            reader.list_repos(&query).await.unwrap();
        }
    }
    for closed in [None, Some(true)] {
        for is_pull in [None, Some(true)] {
            for author_id in [None, Some(1)] {
                let query = DiscussionQuery {
                    repo_id: 1,
                    closed,
                    is_pull,
                    author_id,
                    offset: 5,
                    limit: 5,
                    ..DiscussionQuery::default()
                };
                reader.discussions(&query).await.unwrap();
            }
        }
    }
    for sort in [CollectionSort::LastModified, CollectionSort::Upvotes] {
        let mut query = CollectionQuery {
            viewer: Viewer { user_id: Some(1), admin: false, scope: None },
            owners: Vec::new(),
            items: None,
            search: Some("x".to_owned()),
            sort,
            after: None,
            limit: 9,
        };
        reader.list_collections(&query).await.unwrap();
        query.after = Some((5, "x".to_owned()));
        reader.list_collections(&query).await.unwrap();
    }
    let seen = std::mem::take(&mut reader.seen);
    drop(reader);
    check(&db, seen, &["SCAN", "TEMP B-TREE"]).await;
}

/// Without an index, deleting one repo or account would read whole tables.
#[tokio::test]
async fn every_foreign_key_has_an_index() {
    let db = sqlite().await;
    let mut reader = read(&db).await;
    let keys: Vec<((String, i64, String), String)> = reader
        .all(
            "SELECT m.name, k.id, k.\"from\", k.\"table\" FROM sqlite_master m, pragma_foreign_key_list(m.name) k \
             WHERE m.type = 'table' AND k.seq = 0 ORDER BY m.name",
            bind![],
        )
        .await
        .unwrap();
    assert!(keys.len() > 20);
    for ((table, _, column), parent) in keys {
        let sql = sqlx::AssertSqlSafe(format!("SELECT 1 FROM {table} WHERE {column} = 1"));
        let steps = plan(&mut reader, &sql.0).await;
        assert!(
            steps.iter().all(|step| step.starts_with("SEARCH")),
            "{table}.{column} -> {parent}: {steps:?}"
        );
    }
}
