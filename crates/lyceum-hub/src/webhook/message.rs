//! What a webhook is told: the shape of the Hub's webhooks, version 3.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Version of the shape.
const VERSION: u32 = 3;

/// What happened, without addresses: those are added when it is sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Message {
    /// `create`, `update`, `delete` or `move`.
    pub(super) action: String,
    /// `repo`, `repo.content`, `repo.config`, `discussion` or `discussion.comment`.
    pub(super) scope: String,
    pub(super) repo: RepoPart,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) updated_refs: Option<Vec<RefPart>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) updated_config: Option<Map<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) moved_to: Option<MovedPart>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) discussion: Option<DiscussionPart>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<CommentPart>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RepoPart {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) id: i64,
    pub(super) private: bool,
    pub(super) owner_id: i64,
    pub(super) head: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RefPart {
    pub(super) name: String,
    pub(super) old: Option<String>,
    pub(super) new: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct MovedPart {
    pub(super) name: String,
    pub(super) owner_id: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct DiscussionPart {
    pub(super) number: i64,
    pub(super) title: String,
    pub(super) status: String,
    pub(super) author_id: Option<i64>,
    pub(super) pull_request: bool,
    pub(super) base: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct CommentPart {
    pub(super) id: String,
    pub(super) author_id: Option<i64>,
    /// What was said; `None` if it was hidden.
    pub(super) content: Option<String>,
}

impl Message {
    /// Reports whether this is about a discussion, rather than the repo.
    pub(super) fn about_discussion(&self) -> bool {
        self.discussion.is_some()
    }

    /// Writes what is sent to a webhook of a hub that is reached at `base`.
    pub(super) fn render(&self, base: &str, webhook_id: i64) -> Value {
        let RepoPart { kind, name, .. } = &self.repo;
        let prefix = if kind == "model" { String::new() } else { format!("{kind}s/") };
        let (web, api) = (format!("{base}/{prefix}{name}"), format!("{base}/api/{kind}s/{name}"));
        let mut object = json!({
            "event": { "action": self.action, "scope": self.scope },
            "repo": {
                "type": kind,
                "name": name,
                "id": id(self.repo.id),
                "private": self.repo.private,
                "url": { "web": web, "api": api },
                "owner": { "id": id(self.repo.owner_id) },
            },
            "webhook": { "id": id(webhook_id), "version": VERSION },
        });
        if let Some(head) = &self.repo.head {
            object["repo"]["headSha"] = json!(head);
        }
        if let Some(refs) = &self.updated_refs {
            let updated = |one: &RefPart| json!({ "ref": one.name, "oldSha": one.old, "newSha": one.new });
            object["updatedRefs"] = refs.iter().map(updated).collect();
        }
        if let Some(config) = &self.updated_config {
            object["updatedConfig"] = Value::Object(config.clone());
        }
        if let Some(moved) = &self.moved_to {
            object["movedTo"] = json!({ "name": moved.name, "owner": { "id": id(moved.owner_id) } });
        }
        let Some(discussion) = &self.discussion else {
            return object;
        };
        let number = discussion.number;
        object["discussion"] = json!({
            "id": format!("{:012x}{number:012x}", self.repo.id),
            "title": discussion.title,
            "url": { "web": format!("{web}/discussions/{number}"), "api": format!("{api}/discussions/{number}") },
            "status": discussion.status,
            "author": { "id": discussion.author_id.map(id) },
            "num": number,
            "isPullRequest": discussion.pull_request,
        });
        if let Some(base) = &discussion.base {
            object["discussion"]["changes"] = json!({ "base": base });
        }
        if let Some(comment) = &self.comment {
            object["comment"] = json!({
                "id": comment.id,
                "author": { "id": comment.author_id.map(id) },
                "hidden": comment.content.is_none(),
                "url": { "web": format!("{web}/discussions/{number}#{}", comment.id) },
            });
            if let Some(content) = &comment.content {
                object["comment"]["content"] = json!(content);
            }
        }
        object
    }
}

/// Numbers are written as the Hub's ids look: 24 hexadecimal digits.
fn id(number: i64) -> String {
    format!("{number:024x}")
}
