//! `whoami`.

use lyceum_hub::{FineGrained, Membership, Permission, ScopedEntity, WhoAmI};
use serde::Serialize;

/// Answer of `/api/whoami-v2`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WhoAmIWire {
    r#type: &'static str,
    id: String,
    name: String,
    fullname: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
    can_pay: bool,
    is_pro: bool,
    avatar_url: &'static str,
    orgs: Vec<OrganisationWire>,
    auth: AuthWire,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OrganisationWire {
    r#type: &'static str,
    id: String,
    name: String,
    fullname: String,
    avatar_url: &'static str,
    role_in_org: &'static str,
    is_enterprise: bool,
    can_pay: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AuthWire {
    r#type: &'static str,
    access_token: AccessTokenWire,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AccessTokenWire {
    display_name: String,
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fine_grained: Option<FineGrainedWire>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FineGrainedWire {
    can_read_gated_repos: bool,
    global: Vec<&'static str>,
    scoped: Vec<ScopeWire>,
}

#[derive(Debug, Serialize)]
struct ScopeWire {
    entity: EntityWire,
    permissions: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct EntityWire {
    _id: String,
    r#type: &'static str,
    name: String,
}

impl From<FineGrained> for FineGrainedWire {
    fn from(limits: FineGrained) -> Self {
        let names = |permissions: &[Permission]| permissions.iter().map(|p| p.as_str()).collect();
        let scope = |ScopedEntity { id, kind, name, permissions }| ScopeWire {
            entity: EntityWire { _id: id.to_string(), r#type: kind, name },
            permissions: names(&permissions),
        };
        Self {
            can_read_gated_repos: limits.read_gated,
            global: names(&limits.global),
            scoped: limits.scoped.into_iter().map(scope).collect(),
        }
    }
}

impl From<WhoAmI> for WhoAmIWire {
    fn from(me: WhoAmI) -> Self {
        Self {
            r#type: "user",
            id: me.account.id.to_string(),
            name: me.account.name.to_string(),
            fullname: me.account.full_name,
            email_verified: me.account.email.is_some().then_some(false),
            email: me.account.email,
            can_pay: false,
            is_pro: false,
            avatar_url: "",
            orgs: me.memberships.into_iter().map(OrganisationWire::from).collect(),
            auth: AuthWire {
                r#type: "access_token",
                access_token: AccessTokenWire {
                    display_name: me.token_name,
                    role: me.token_role.as_str(),
                    fine_grained: me.fine_grained.map(Into::into),
                },
            },
        }
    }
}

impl From<Membership> for OrganisationWire {
    fn from(membership: Membership) -> Self {
        let Membership { organisation, role } = membership;
        Self {
            r#type: "org",
            id: organisation.id.to_string(),
            name: organisation.name.to_string(),
            fullname: organisation.full_name,
            avatar_url: "",
            role_in_org: role.as_str(),
            is_enterprise: false,
            can_pay: false,
        }
    }
}
