//! Users and organisations, and what they like.

use lyceum_hub::{Account, Like, Overview, OverviewOf, Person};
use serde::Serialize;

/// An account in a list. Clients read a user's name from `user` and an organisation's from `name`; both are sent,
/// because a list of what a user follows holds either.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PersonWire {
    #[serde(rename = "_id")]
    id: String,
    user: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    fullname: String,
    avatar_url: &'static str,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_pro: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_following: Option<bool>,
}

impl From<Person> for PersonWire {
    fn from(Person { account, following }: Person) -> Self {
        let name = account.name.to_string();
        Self {
            id: account.id.to_string(),
            name: account.organisation.then(|| name.clone()),
            user: name,
            fullname: account.full_name,
            avatar_url: "",
            r#type: if account.organisation { "org" } else { "user" },
            is_pro: (!account.organisation).then_some(false),
            is_following: following,
        }
    }
}

/// An organisation as part of an overview.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrgWire {
    id: String,
    name: String,
    fullname: String,
    avatar_url: &'static str,
}

impl From<Account> for OrgWire {
    fn from(account: Account) -> Self {
        Self {
            id: account.id.to_string(),
            name: account.name.to_string(),
            fullname: account.full_name,
            avatar_url: "",
        }
    }
}

/// Answer of `…/overview`.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum OverviewWire {
    /// Of a user.
    User(UserOverviewWire),
    /// Of an organisation.
    Organisation(OrgOverviewWire),
}

/// What is told of a user. There are no papers and no paid plans here.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserOverviewWire {
    #[serde(rename = "_id")]
    id: String,
    user: String,
    fullname: String,
    avatar_url: &'static str,
    r#type: &'static str,
    is_pro: bool,
    created_at: String,
    num_models: u64,
    num_datasets: u64,
    num_spaces: u64,
    num_kernels: u64,
    num_discussions: u64,
    num_papers: u64,
    num_upvotes: u64,
    num_likes: u64,
    num_following: u64,
    num_followers: u64,
    orgs: Vec<OrgWire>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_following: Option<bool>,
}

/// What is told of an organisation.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrgOverviewWire {
    #[serde(rename = "_id")]
    id: String,
    name: String,
    fullname: String,
    avatar_url: &'static str,
    r#type: &'static str,
    is_verified: bool,
    created_at: String,
    num_models: u64,
    num_datasets: u64,
    num_spaces: u64,
    num_kernels: u64,
    num_users: u64,
    num_followers: u64,
    num_papers: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_following: Option<bool>,
}

impl From<Overview> for OverviewWire {
    fn from(overview: Overview) -> Self {
        let Person { account, following } = overview.person;
        let (id, name, fullname) = (account.id.to_string(), account.name.to_string(), account.full_name);
        let created_at = account.created_at.to_string();
        match overview.more {
            OverviewOf::User { discussions, upvotes, likes, following: num_following, organisations } => {
                Self::User(UserOverviewWire {
                    id,
                    user: name,
                    fullname,
                    avatar_url: "",
                    r#type: "user",
                    is_pro: false,
                    created_at,
                    num_models: overview.models,
                    num_datasets: overview.datasets,
                    num_spaces: overview.spaces,
                    num_kernels: overview.kernels,
                    num_discussions: discussions,
                    num_papers: 0,
                    num_upvotes: upvotes,
                    num_likes: likes,
                    num_following,
                    num_followers: overview.followers,
                    orgs: organisations.into_iter().map(OrgWire::from).collect(),
                    is_following: following,
                })
            }
            OverviewOf::Organisation { members } => Self::Organisation(OrgOverviewWire {
                id,
                name,
                fullname,
                avatar_url: "",
                r#type: "org",
                is_verified: false,
                created_at,
                num_models: overview.models,
                num_datasets: overview.datasets,
                num_spaces: overview.spaces,
                num_kernels: overview.kernels,
                num_users: members,
                num_followers: overview.followers,
                num_papers: 0,
                is_following: following,
            }),
        }
    }
}

/// A repo that a user likes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LikeWire {
    created_at: String,
    repo: LikedRepoWire,
}

#[derive(Debug, Serialize)]
struct LikedRepoWire {
    name: String,
    r#type: &'static str,
}

impl From<Like> for LikeWire {
    fn from(like: Like) -> Self {
        Self {
            created_at: like.created_at.to_string(),
            repo: LikedRepoWire { name: like.id.to_string(), r#type: like.kind.singular() },
        }
    }
}
