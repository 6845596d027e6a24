//! What a fine-grained token may do, and where. Its user's own rights are asked besides: a scope never adds any.

use lyceum_core::{AccountName, RepoId, RepoKind};
use lyceum_db::ViewerScope;
use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, Result};

/// Most scopes of one token.
pub(crate) const MAX_SCOPES: usize = 64;

/// Something that a fine-grained token may be allowed to do, under the name that the Hub has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Permission {
    /// Read the content of repos, also of private and gated ones.
    ReadContent,
    /// Change the content of repos, and create repos.
    WriteContent,
    /// All of a repo: content, settings, who passes its gate, its end.
    WriteRepo,
    /// See who asked to pass a repo's gate.
    ReadAccess,
    /// Open discussions and pull requests, and take part in them.
    Discuss,
    /// See private collections.
    ReadCollections,
    /// Make and change collections.
    WriteCollections,
    /// See webhooks.
    ReadWebhooks,
    /// Make and change webhooks.
    WriteWebhooks,
    /// See what only members see of an organisation.
    ReadOrganisation,
    /// Manage the members of an organisation.
    WriteMembers,
    /// Manage the resource groups of an organisation.
    WriteResourceGroups,
    /// Like repos, or no longer.
    Like,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 13] = [
        Self::ReadContent,
        Self::WriteContent,
        Self::WriteRepo,
        Self::ReadAccess,
        Self::Discuss,
        Self::ReadCollections,
        Self::WriteCollections,
        Self::ReadWebhooks,
        Self::WriteWebhooks,
        Self::ReadOrganisation,
        Self::WriteMembers,
        Self::WriteResourceGroups,
        Self::Like,
    ];

    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadContent => "repo.content.read",
            Self::WriteContent => "repo.content.write",
            Self::WriteRepo => "repo.write",
            Self::ReadAccess => "repo.access.read",
            Self::Discuss => "discussion.write",
            Self::ReadCollections => "collection.read",
            Self::WriteCollections => "collection.write",
            Self::ReadWebhooks => "user.webhooks.read",
            Self::WriteWebhooks => "user.webhooks.write",
            Self::ReadOrganisation => "org.read",
            Self::WriteMembers => "org.members.write",
            Self::WriteResourceGroups => "resourceGroup.write",
            Self::Like => "user.social.likes.write",
        }
    }

    /// Finds a permission by its name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.as_str() == name)
    }

    /// Reports whether it changes nothing, so that a token that may only read has it.
    pub(crate) fn reads(self) -> bool {
        matches!(
            self,
            Self::ReadContent
                | Self::ReadAccess
                | Self::ReadCollections
                | Self::ReadWebhooks
                | Self::ReadOrganisation
        )
    }
}

impl From<Permission> for String {
    fn from(permission: Permission) -> Self {
        permission.as_str().to_owned()
    }
}

impl TryFrom<String> for Permission {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::parse(&name).ok_or_else(|| format!("unknown permission `{name}`"))
    }
}

/// What a scope is about, as its user names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScopeTarget {
    /// Everything that the user may see; only [`Permission::Discuss`] is given so widely.
    Everywhere,
    /// An account and all that it owns.
    Account(AccountName),
    /// One repo.
    Repo(RepoKind, RepoId),
}

/// A part of what a fine-grained token may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenScope {
    /// Where.
    pub target: ScopeTarget,
    /// What.
    pub permissions: Vec<Permission>,
}

impl ScopeTarget {
    /// Parses `user:NAME`, `org:NAME`, `model:NAMESPACE/NAME` (or another kind) or `everywhere`.
    pub fn parse(text: &str) -> Result<Self> {
        match text.split_once(':') {
            None if text == "everywhere" => Ok(Self::Everywhere),
            Some(("user" | "org", name)) => Ok(Self::Account(AccountName::parse(name)?)),
            Some((kind, id)) if let Some(kind) = RepoKind::parse(kind) => {
                Ok(Self::Repo(kind, RepoId::parse(id)?))
            }
            _ => Err(Error::new(
                ErrorKind::Invalid,
                format!("`{text}` must be `everywhere`, `user:NAME`, `org:NAME` or `KIND:NAMESPACE/NAME`"),
            )),
        }
    }
}

impl TokenScope {
    /// Parses `user:NAME=PERMISSION,…`, `org:NAME=…`, `model:NAMESPACE/NAME=…` (or another kind) or `everywhere=…`.
    pub fn parse(text: &str) -> Result<Self> {
        let invalid = |message: String| Error::new(ErrorKind::Invalid, message);
        let (target, permissions) = text
            .split_once('=')
            .ok_or_else(|| invalid(format!("scope `{text}` must look like `org:lab=repo.content.read`")))?;
        let target = ScopeTarget::parse(target)?;
        let permission = |name: &str| {
            Permission::parse(name).ok_or_else(|| {
                let known = Permission::ALL.map(Permission::as_str).join(", ");
                invalid(format!("unknown permission `{name}`: it must be one of {known}"))
            })
        };
        Ok(Self { target, permissions: permissions.split(',').map(permission).collect::<Result<_>>()? })
    }
}

/// The scopes of a token as they are stored: by the ids of rows, which are never used again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Scopes {
    /// What is allowed everywhere.
    pub(crate) global: Vec<Permission>,
    /// Whether it opens the public gated repos that its user was let into.
    pub(crate) gated: bool,
    pub(crate) scoped: Vec<Scope>,
    /// The private repos and collections that a list may show; derived from `scoped`.
    #[serde(skip)]
    pub(crate) visible: ViewerScope,
}

/// The limits of a token whose scopes are missing.
pub(crate) static NOTHING: Scopes = Scopes {
    global: Vec::new(),
    gated: false,
    scoped: Vec::new(),
    visible: ViewerScope { owners: Vec::new(), repos: Vec::new(), collections: Vec::new() },
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Scope {
    pub(crate) entity: Entity,
    pub(crate) permissions: Vec<Permission>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Entity {
    Account(i64),
    Repo(i64),
}

impl Scopes {
    /// Reads what is stored.
    pub(crate) fn parse(stored: &str) -> Result<Self> {
        let mut scopes: Self = serde_json::from_str(stored).map_err(Error::internal)?;
        for Scope { entity, permissions } in &scopes.scoped {
            if let Entity::Account(id) = entity
                && Permissions::of(permissions).any(Permissions::ON_COLLECTIONS)
            {
                scopes.visible.collections.push(*id);
            }
            match entity {
                _ if !Permissions::of(permissions).any(Permissions::ON_REPOS) => {}
                Entity::Account(id) => scopes.visible.owners.push(*id),
                Entity::Repo(id) => scopes.visible.repos.push(*id),
            }
        }
        Ok(scopes)
    }

    /// Returns what is allowed on a repo by a scope on it or on its owner.
    pub(crate) fn on_repo(&self, repo_id: i64, owner_id: i64) -> Permissions {
        self.held(|entity| [Entity::Repo(repo_id), Entity::Account(owner_id)].contains(&entity))
    }

    /// Returns what is allowed on an account.
    pub(crate) fn on_account(&self, account_id: i64) -> Permissions {
        self.held(|entity| entity == Entity::Account(account_id))
    }

    /// Returns what is allowed everywhere.
    pub(crate) fn everywhere(&self) -> Permissions {
        Permissions::of(&self.global)
    }

    fn held(&self, on: impl Fn(Entity) -> bool) -> Permissions {
        let matching = self.scoped.iter().filter(|scope| on(scope.entity));
        matching.fold(Permissions::default(), |held, scope| held.with(Permissions::of(&scope.permissions)))
    }
}

/// A set of permissions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Permissions(u16);

impl Permissions {
    /// Any of these makes a private repo visible.
    pub(crate) const ON_REPOS: &[Permission] = &[
        Permission::ReadContent,
        Permission::WriteContent,
        Permission::WriteRepo,
        Permission::ReadAccess,
        Permission::Discuss,
    ];

    /// Either of these makes private collections visible.
    pub(crate) const ON_COLLECTIONS: &[Permission] =
        &[Permission::ReadCollections, Permission::WriteCollections];

    fn of(permissions: &[Permission]) -> Self {
        Self(permissions.iter().fold(0, |set, permission| set | 1 << *permission as u16))
    }

    /// Returns both sets together.
    pub(crate) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Reports whether the set holds one of these.
    pub(crate) fn any(self, permissions: &[Permission]) -> bool {
        self.0 & Self::of(permissions).0 != 0
    }
}
