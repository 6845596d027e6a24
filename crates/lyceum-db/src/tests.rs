//! One contract for both databases: every function below `both!` runs on SQLite and on PostgreSQL.

use futures_util::future::BoxFuture;
use lyceum_core::{AccountName, Oid, RepoId, RepoKind, Sha256, Timestamp, XetHash};

use crate::testing::{NOW, TestDb};
use crate::{AccountKind, Db, Gated, NewAccount, NewRepo, Reader, Repo, Result, Tx, Visibility};

mod accounts;
mod buckets;
mod catalogue;
mod collections;
mod crash;
mod discussions;
mod events;
mod files;
mod git;
mod identities;
mod jobs;
mod lists;
mod migrations;
mod mirrors;
mod people;
mod plans;
mod postgres;
mod repos;
mod sqlite;
mod usage;
mod webhooks;
mod writes;

macro_rules! both {
    ($($module:ident { $($name:ident)* })*) => {
        mod on_sqlite {$(
            mod $module {$(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $name() {
                    let db = crate::testing::sqlite().await;
                    crate::tests::$module::$name(&db).await;
                }
            )*}
        )*}

        mod on_postgres {$(
            mod $module {$(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $name() {
                    if let Some(db) = crate::testing::postgres().await {
                        crate::tests::$module::$name(&db).await;
                    }
                }
            )*}
        )*}
    };
}

both! {
    accounts { names_and_addresses_are_unique members_and_roles resource_groups_give_roles tokens_lead_to_their_users refresh_tokens_work_once device_grants_step_once }
    buckets { levels_and_pages_match_a_naive_model files_of_a_bucket_stay }
    catalogue { changes_are_noted }
    collections { items_keep_their_order lists_show_what_may_be_seen }
    discussions { numbers_events_and_pages states_change_once authors_may_leave }
    events { chain_shows_changes }
    files { hashes_lead_to_files verified_files_stay chunks_lead_to_xorbs uploads_keep_their_parts garbage_is_not_what_is_named }
    git { one_of_many_moves_a_ref refs_that_cannot_live_together segments_page_and_merge }
    identities { subjects_lead_to_their_users groups_leave_alone_what_hands_gave tokens_end_with_their_publisher }
    jobs { each_job_has_one_worker leases_end enqueued_again given_up_and_tried_again lanes_keep_apart }
    lists { pages_match_a_naive_model tags_are_counted }
    migrations { empty_to_head_once changed_and_unknown_migrations_are_refused failing_migration_leaves_nothing discussions_survive_their_new_tables }
    mirrors { mirrors_follow_and_end }
    people { followers_and_counts }
    repos { names_aliases_and_moves one_of_many_takes_a_name callers_meet_their_role deleted_repo_takes_all_along downloads_and_likes_add_up requests_for_access settings_are_made_once }
    usage { totals_and_owners }
    webhooks { watchers_are_found_by_what_they_watch deliveries_are_logged_and_forgotten }
    writes { failing_write_undoes_only_itself swallowed_failure_is_an_error nothing_shows_before_commit reader_cannot_write any_text_can_be_stored }
}

async fn put<T: Send + 'static>(
    db: &Db,
    work: impl for<'a> FnOnce(&'a mut Tx) -> BoxFuture<'a, Result<T>> + Clone + Send + 'static,
) -> T {
    db.write(work).await.unwrap()
}

async fn read(db: &Db) -> Reader {
    db.read().await.unwrap()
}

fn at(milliseconds: i64) -> Timestamp {
    Timestamp(NOW.0 + milliseconds)
}

fn name(name: &str) -> AccountName {
    AccountName::parse(name).unwrap()
}

fn id(id: &str) -> RepoId {
    RepoId::parse(id).unwrap()
}

fn oid(number: u64) -> Oid {
    let mut bytes = [7; 20];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    Oid(bytes)
}

fn sha(number: u64) -> Sha256 {
    let mut bytes = [9; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    Sha256(bytes)
}

fn xet(number: u64) -> XetHash {
    XetHash(sha(number).0)
}

fn new_account(kind: AccountKind, account: &str) -> NewAccount {
    NewAccount {
        kind,
        name: name(account),
        full_name: format!("The {account}"),
        email: (kind == AccountKind::User).then(|| format!("{account}@example.com")),
        password_hash: None,
        admin: false,
        service: false,
        created_at: NOW,
    }
}

async fn user(db: &Db, name: &str) -> i64 {
    let new = new_account(AccountKind::User, name);
    put(db, |tx| Box::pin(async move { tx.insert_account(&new).await })).await.unwrap()
}

async fn org(db: &Db, name: &str) -> i64 {
    let new = new_account(AccountKind::Org, name);
    put(db, |tx| Box::pin(async move { tx.insert_account(&new).await })).await.unwrap()
}

fn new_repo(owner_id: i64, repo: &str, visibility: Visibility) -> NewRepo {
    NewRepo {
        kind: RepoKind::Model,
        owner_id,
        creator_id: owner_id,
        name: id(repo),
        visibility,
        gated: Gated::No,
        sdk: None,
        resource_group_id: None,
        created_at: NOW,
    }
}

async fn repo(db: &Db, owner_id: i64, repo: &str) -> Repo {
    let new = new_repo(owner_id, repo, Visibility::Public);
    put(db, |tx| {
        Box::pin(async move {
            let id = tx.insert_repo(&new).await?.expect("the name is free");
            Ok(tx.repo(id).await?.expect("it was just made"))
        })
    })
    .await
}

/// Opens the database of `db` a second time.
async fn open_again(db: &TestDb) -> Result<Db> {
    Db::open(crate::testing::options(db.url())).await
}
