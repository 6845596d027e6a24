//! Collections and their items.

use lyceum_core::AccountName;
use lyceum_hub::{
    AccountKind, Collection, CollectionChange, CollectionItem, CollectionItemKind, ItemChange, ItemShown,
    NewCollectionOf, Visibility,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::repos::gated;
use crate::error::{ApiError, ApiResult};
use crate::extract::BaseUrl;

/// Body of `POST /api/collections`. The site's clients may send the first item along.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewCollectionWire {
    title: String,
    namespace: Option<String>,
    description: Option<String>,
    #[serde(default)]
    private: bool,
    item: Option<TargetWire>,
    resource_group_id: Option<Value>,
}

impl NewCollectionWire {
    /// Returns what to make and its first item; `own` is the namespace when none is named.
    pub(crate) fn parse(self, own: AccountName) -> ApiResult<(NewCollectionOf, Option<NewItem>)> {
        ResourceGroupWire { resource_group_id: self.resource_group_id }.check()?;
        let namespace = self.namespace.map(|name| AccountName::parse(&name)).transpose()?.unwrap_or(own);
        let item = self.item.map(|item| NewItemWire { item, note: None }.parse()).transpose()?;
        let new = NewCollectionOf {
            namespace,
            title: self.title,
            description: self.description,
            private: self.private,
        };
        Ok((new, item))
    }
}

/// Body of `…/items`.
#[derive(Debug, Deserialize)]
pub(crate) struct NewItemWire {
    item: TargetWire,
    note: Option<String>,
}

#[derive(Debug, Deserialize)]
struct TargetWire {
    id: String,
    r#type: String,
}

/// An item to be added.
#[derive(Debug)]
pub(crate) struct NewItem {
    pub(crate) kind: CollectionItemKind,
    pub(crate) id: String,
    pub(crate) note: Option<String>,
}

impl NewItemWire {
    /// Reads the kind.
    pub(crate) fn parse(self) -> ApiResult<NewItem> {
        let kind = CollectionItemKind::parse(&self.item.r#type)?;
        Ok(NewItem { kind, id: self.item.id, note: self.note })
    }
}

/// Body of `PATCH …/items/{item}`.
#[derive(Debug, Deserialize)]
pub(crate) struct ItemChangeWire {
    note: Option<String>,
    position: Option<usize>,
}

impl From<ItemChangeWire> for ItemChange {
    fn from(wire: ItemChangeWire) -> Self {
        Self { note: wire.note, place: wire.position }
    }
}

/// Body of `PATCH /api/collections/{slug}`.
#[derive(Debug, Deserialize)]
pub(crate) struct ChangeWire {
    title: Option<String>,
    description: Option<String>,
    private: Option<bool>,
    theme: Option<String>,
    position: Option<i64>,
}

impl From<ChangeWire> for CollectionChange {
    fn from(wire: ChangeWire) -> Self {
        Self {
            title: wire.title,
            description: wire.description,
            private: wire.private,
            theme: wire.theme,
            position: wire.position,
        }
    }
}

/// Body of `…/resource-group`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ResourceGroupWire {
    resource_group_id: Option<Value>,
}

impl ResourceGroupWire {
    /// Refuses a resource group: to ignore it would show a collection to more people than was asked for.
    pub(crate) fn check(&self) -> ApiResult<()> {
        match &self.resource_group_id {
            None | Some(Value::Null) => Ok(()),
            Some(_) => Err(ApiError::invalid("collections cannot be put into resource groups on this hub")),
        }
    }
}

/// A changed collection, wrapped as the clients read it.
#[derive(Debug, Serialize)]
pub(crate) struct ChangedWire {
    pub(crate) success: bool,
    pub(crate) data: CollectionWire,
}

/// A collection.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CollectionWire {
    slug: String,
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    owner: OwnerWire,
    items: Vec<Value>,
    last_updated: String,
    /// Left out in lists: the clients number those themselves and take no second number.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<i64>,
    private: bool,
    gating: bool,
    theme: String,
    upvotes: u64,
    is_upvoted_by_user: bool,
    share_url: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OwnerWire {
    #[serde(rename = "_id")]
    id: String,
    name: String,
    fullname: String,
    avatar_url: &'static str,
    r#type: &'static str,
}

impl CollectionWire {
    /// Writes a collection with its items.
    pub(crate) fn new(base: &BaseUrl, collection: Collection) -> Self {
        let Collection { slug, owner_kind, items, .. } = collection;
        Self {
            owner: OwnerWire {
                id: collection.owner_id.to_string(),
                name: slug.namespace().to_string(),
                fullname: collection.owner_full_name,
                avatar_url: "",
                r#type: match owner_kind {
                    AccountKind::User => "user",
                    AccountKind::Org => "org",
                },
            },
            share_url: format!("{base}/collections/{slug}"),
            slug: slug.to_string(),
            title: collection.title,
            description: collection.description,
            items: items.into_iter().map(item).collect(),
            last_updated: collection.updated_at.to_string(),
            position: Some(collection.position),
            private: collection.private,
            gating: false,
            theme: collection.theme,
            upvotes: collection.upvotes,
            is_upvoted_by_user: collection.upvoted,
        }
    }

    /// Writes a collection as it stands in a list.
    pub(crate) fn listed(base: &BaseUrl, collection: Collection) -> Self {
        Self { position: None, ..Self::new(base, collection) }
    }
}

/// Writes an item; what is shown of it stands beside its own fields.
fn item(item: CollectionItem) -> Value {
    let mut object = json!({
        "_id": item.id,
        "id": item.target,
        "type": item.kind.as_str(),
        "position": item.place,
    });
    if let Some(note) = item.note {
        object["note"] = json!({ "text": note });
    }
    match item.shown {
        ItemShown::Repo { visibility, gated: gate, likes, downloads, last_modified } => {
            object["author"] = json!(item.target.split('/').next());
            object["private"] = json!(visibility == Visibility::Private);
            object["gated"] = gated(gate);
            object["likes"] = json!(likes);
            object["downloads"] = json!(downloads);
            object["lastModified"] = json!(last_modified.to_string());
        }
        ItemShown::Collection { title } => {
            object["slug"] = json!(item.target);
            object["title"] = json!(title);
        }
        ItemShown::Paper => {}
    }
    object
}
