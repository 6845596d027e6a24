//! From an announced change to one delivery per webhook.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lyceum_core::{RepoId, RepoKind};
use lyceum_db::{AccountKind, Role, TokenKind, TokenRole, Watched, Watcher};
use serde_json::{Map, Value};

use super::announce::{Announcement, Gone};
use super::deliver::{self, MAX_OF_ONE_USER};
use super::message::{CommentPart, DiscussionPart, Message, MovedPart, RefPart, RepoPart};
use crate::access::check;
use crate::{Action, Caller, Error, Hub, Identity, Result};

/// Job queue.
pub(crate) const QUEUE: &str = "webhook-event";
/// Webhooks that are told in one transaction.
const PAGE: u32 = 100;
/// Most messages that one event makes.
const MAX_MESSAGES: i64 = 4;

/// What a change was made to.
struct Subject {
    kind: RepoKind,
    name: RepoId,
    part: RepoPart,
    owner: Option<lyceum_db::Account>,
    gone: Option<Gone>,
}

impl Hub {
    /// Runs the job: puts down a delivery for every webhook that watches and whose owner may know.
    pub(crate) async fn tell_webhooks(&self, payload: &str) -> Result<()> {
        let announcement: Announcement = serde_json::from_str(payload).map_err(Error::internal)?;
        let Some(subject) = self.subject(&announcement).await? else {
            return Ok(());
        };
        let messages = self.messages(&announcement, &subject).await?;
        if messages.is_empty() {
            return Ok(());
        }
        let targets = targets(&announcement, &subject);
        let mut after = 0;
        loop {
            let mut db = self.inner.db.read().await?;
            let watchers = db.watchers(&targets, subject.part.owner_id, after, PAGE).await?;
            drop(db);
            let Some(last) = watchers.last().map(|watcher| watcher.webhook.id) else {
                break;
            };
            let mut told = Vec::new();
            for watcher in &watchers {
                if self.may_know(&announcement, &subject, watcher).await? {
                    told.extend(messages.iter().filter_map(|message| message.to(watcher)));
                }
            }
            self.put_down(told).await?;
            if watchers.len() < PAGE as usize {
                break;
            }
            after = last;
        }
        self.inner.delivery_added.notify_one();
        Ok(())
    }

    /// Finds what was changed; `None` if it is gone meanwhile.
    async fn subject(&self, announcement: &Announcement) -> Result<Option<Subject>> {
        let mut db = self.inner.db.read().await?;
        if let Some(gone) = &announcement.gone {
            let Some((kind, name)) = gone.id() else {
                return Ok(None);
            };
            let part = RepoPart {
                kind: gone.kind.clone(),
                name: gone.name.clone(),
                id: announcement.repo_id,
                private: gone.private,
                owner_id: gone.owner_id,
                head: None,
            };
            return Ok(Some(Subject { kind, name, part, owner: None, gone: Some(gone.clone()) }));
        }
        let Some(repo) = db.repo(announcement.repo_id).await? else {
            return Ok(None);
        };
        let head = db.ref_get(repo.id, &format!("refs/heads/{}", repo.default_branch)).await?;
        let part = RepoPart {
            kind: repo.kind.singular().to_owned(),
            name: repo.name.to_string(),
            id: repo.id,
            private: repo.visibility == lyceum_db::Visibility::Private,
            owner_id: repo.owner_id,
            head: head.map(|head| head.peeled.to_string()),
        };
        let owner = db.account(repo.owner_id).await?;
        Ok(Some(Subject { kind: repo.kind, name: repo.name, part, owner, gone: None }))
    }

    /// Asks the one access check whether a webhook's owner may know of the repo.
    async fn may_know(
        &self,
        announcement: &Announcement,
        subject: &Subject,
        watcher: &Watcher,
    ) -> Result<bool> {
        let Watcher { owner, role, .. } = watcher;
        if let Some(gone) = &subject.gone {
            // Nothing is left to ask about: whoever may not have seen it is not told.
            let member = owner.admin || *role == Some(Role::Admin) || (role.is_some() && !gone.grouped);
            return Ok(!gone.private || member);
        }
        let found =
            self.inner.db.read().await?.repo_access(subject.kind, &subject.name, Some(owner.id)).await?;
        let Some(found) = found.filter(|found| found.repo.id == announcement.repo_id) else {
            return Ok(false);
        };
        let caller = Caller::User(Arc::new(Identity {
            user_id: owner.id,
            name: owner.name.clone(),
            full_name: owner.full_name.clone(),
            email: None,
            admin: owner.admin,
            token_id: None,
            token_name: "webhook".to_owned(),
            token_role: TokenRole::Read,
            token_kind: TokenKind::Access,
            scopes: None,
        }));
        let now = self.inner.clock.now();
        Ok(check(&caller, &found.repo, &found.standing, Action::Discover, now).is_ok())
    }

    async fn put_down(&self, told: Vec<Told>) -> Result<()> {
        if told.is_empty() {
            return Ok(());
        }
        let now = self.inner.clock.now();
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let mut messages = BTreeMap::new();
                    for Told { key, payload, .. } in &told {
                        if !messages.contains_key(key) {
                            messages.insert(*key, tx.put_webhook_message(*key, payload, now).await?);
                        }
                    }
                    for Told { webhook, owner, key, .. } in &told {
                        if let Some(id) = tx.insert_delivery(*webhook, Some(*key), messages[key], now).await?
                        {
                            deliver::enqueue(tx, (*webhook, *owner), id, now).await?;
                        }
                    }
                    let owners: BTreeSet<i64> = told.iter().map(|told| told.owner).collect();
                    for owner in owners {
                        tx.forget_deliveries_of(owner, MAX_OF_ONE_USER).await?;
                    }
                    // Of webhooks that are gone meanwhile.
                    let messages: Vec<i64> = messages.into_values().collect();
                    Ok::<_, Error>(tx.forget_webhook_messages(&messages).await?)
                })
            })
            .await
    }

    /// Writes what is told of a change: mostly one message.
    async fn messages(&self, announcement: &Announcement, subject: &Subject) -> Result<Vec<Prepared>> {
        let detail = &announcement.detail;
        let text = |key: &str| detail[key].as_str().map(str::to_owned);
        let base = Message {
            action: "update".to_owned(),
            scope: "repo".to_owned(),
            repo: subject.part.clone(),
            updated_refs: None,
            updated_config: None,
            moved_to: None,
            discussion: None,
            comment: None,
        };
        let of = |action: &str, scope: &str| Message {
            action: action.to_owned(),
            scope: scope.to_owned(),
            ..base.clone()
        };
        let number = detail["number"].as_i64();
        let comment = text("event").or_else(|| detail["events"][0].as_str().map(str::to_owned));
        let mut messages = match announcement.action.as_str() {
            "create-repo" => vec![of("create", "repo")],
            "delete-repo" => vec![of("delete", "repo")],
            "move-repo" => {
                let moved = MovedPart { name: base.repo.name.clone(), owner_id: base.repo.owner_id };
                let mut message = Message { moved_to: Some(moved), ..of("move", "repo") };
                message.repo.name = text("from").unwrap_or(message.repo.name);
                vec![message]
            }
            "change-settings" => {
                vec![Message { updated_config: Some(config(detail)), ..of("update", "repo.config") }]
            }
            "commit" | "push" | "super-squash" | "merge-pull-request" | "create-ref" | "delete-ref" => {
                let deleted = announcement.action == "delete-ref";
                let updated = match detail["refs"].as_array() {
                    Some(several) => several.iter().map(|detail| updated_ref(detail, deleted)).collect(),
                    None => vec![updated_ref(detail, deleted)],
                };
                vec![Message { updated_refs: Some(updated), ..of("update", "repo.content") }]
            }
            "change-bucket" | "delete-lfs-files" => vec![of("update", "repo.content")],
            _ => Vec::new(),
        };
        if let Some(number) = number {
            let (action, scope) = match announcement.action.as_str() {
                // A commit that opens a pull request.
                "create-discussion" | "commit" => ("create", "discussion"),
                "comment" => ("create", "discussion.comment"),
                "edit-comment" | "hide-comment" => ("update", "discussion.comment"),
                _ => ("update", "discussion"),
            };
            let (discussion, said) =
                self.discussion_parts(announcement.repo_id, number, action, comment).await?;
            if let Some(discussion) = discussion {
                let discussion = Some(discussion);
                messages.push(Message {
                    discussion: discussion.clone(),
                    comment: said.clone(),
                    ..of(action, scope)
                });
                // Closing with a few words says them as well.
                if scope == "discussion" && action == "update" && said.is_some() {
                    messages.push(Message {
                        discussion,
                        comment: said,
                        ..of("create", "discussion.comment")
                    });
                }
            }
        }
        let prepare = |(index, message): (usize, Message)| {
            let payload = serde_json::to_string(&message).map_err(Error::internal)?;
            let key = announcement.event * MAX_MESSAGES + index as i64;
            Ok(Prepared { key, discussion: message.about_discussion(), payload: payload.into() })
        };
        messages.into_iter().enumerate().map(prepare).collect()
    }

    /// Reads a discussion and a comment of it: the one with this id, or of a new discussion the first.
    async fn discussion_parts(
        &self,
        repo_id: i64,
        number: i64,
        action: &str,
        comment: Option<String>,
    ) -> Result<(Option<DiscussionPart>, Option<CommentPart>)> {
        let mut db = self.inner.db.read().await?;
        let Some(row) = db.discussion(repo_id, number).await? else {
            return Ok((None, None));
        };
        let event = match comment {
            Some(id) => db.discussion_event(repo_id, number, &id).await?,
            None if action == "create" => {
                db.discussion_events(repo_id, number, 0, 1).await?.into_iter().next()
            }
            None => None,
        };
        let comment = event.filter(|event| event.kind == "comment").map(|event| {
            let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
            let content = data["latest"]["raw"].as_str().filter(|_| data["hidden"] != true);
            CommentPart { id: event.id, author_id: event.author_id, content: content.map(str::to_owned) }
        });
        let discussion = DiscussionPart {
            number,
            title: row.title,
            status: row.status.as_str().to_owned(),
            author_id: row.author_id,
            pull_request: row.is_pull,
            base: row.target_branch,
        };
        Ok((Some(discussion), comment))
    }
}

/// A message that is ready to be put down.
struct Prepared {
    key: i64,
    discussion: bool,
    payload: Arc<str>,
}

/// A message for a webhook.
#[derive(Clone)]
struct Told {
    webhook: i64,
    owner: i64,
    key: i64,
    payload: Arc<str>,
}

impl Prepared {
    fn to(&self, watcher: &Watcher) -> Option<Told> {
        let webhook = &watcher.webhook;
        let wanted = if self.discussion { webhook.discussion_events } else { webhook.repo_events };
        wanted.then(|| Told {
            webhook: webhook.id,
            owner: webhook.owner_id,
            key: self.key,
            payload: self.payload.clone(),
        })
    }
}

/// Returns what webhooks may watch to hear of a change: the repo and its owner, for a move under both names.
fn targets(announcement: &Announcement, subject: &Subject) -> Vec<String> {
    let mut targets = vec![Watched::Repo(subject.kind, subject.name.clone()).target()];
    let owner_kind = match (&subject.owner, &subject.gone) {
        (Some(owner), _) => Some(owner.kind),
        (None, Some(gone)) => AccountKind::parse(&gone.owner_kind),
        (None, None) => None,
    };
    if let Some(kind) = owner_kind {
        targets.push(Watched::Account(kind, subject.name.namespace().clone()).target());
    }
    let from = announcement.detail["from"].as_str().and_then(|from| RepoId::parse(from).ok());
    if let Some(from) = from {
        // Whose the old namespace is no longer matters: only one of the two kinds can exist.
        for kind in [AccountKind::User, AccountKind::Org] {
            targets.push(Watched::Account(kind, from.namespace().clone()).target());
        }
        targets.push(Watched::Repo(subject.kind, from).target());
    }
    targets
}

/// Returns what became of a reference, from the detail of an audit event.
fn updated_ref(detail: &Value, deleted: bool) -> RefPart {
    let text = |key: &str| detail[key].as_str().map(str::to_owned);
    let (old, new) = if deleted { (text("commit"), None) } else { (text("old"), text("commit")) };
    RefPart { name: text("ref").unwrap_or_default(), old, new }
}

/// Returns the settings that were changed, as the Hub names them.
fn config(detail: &Value) -> Map<String, Value> {
    let mut config = Map::new();
    if let Some(visibility) = detail["visibility"].as_str() {
        config.insert("private".to_owned(), Value::Bool(visibility == "private"));
    }
    if let Some(gated) = detail["gated"].as_str() {
        let gated = if gated.is_empty() { Value::Bool(false) } else { Value::String(gated.to_owned()) };
        config.insert("gated".to_owned(), gated);
    }
    config
}
