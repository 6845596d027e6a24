//! What the groups of a provider give: roles in organisations, looked at again at each sign-in.

use std::collections::BTreeMap;

use lyceum_core::Timestamp;
use lyceum_db::{Account, AccountKind, Queries};
use lyceum_oidc::Claims;
use serde_json::json;

use super::{GroupRole, OidcProvider};
use crate::account::append_event;
use crate::{Result, Role};

/// Gives a user the roles of the groups that he is in now, and takes those that groups gave before. What was given by
/// hand stays. Returns the organisations that do not exist.
///
/// The directory is believed also where it takes the last administrator from an organisation.
pub(super) async fn synchronise(
    tx: &mut Queries,
    settings: &OidcProvider,
    claims: &Claims,
    user: &Account,
    now: Timestamp,
) -> Result<Vec<String>> {
    let issuer = settings.issuer.as_str();
    let (mut due, mut missing) = (BTreeMap::new(), Vec::new());
    for (organisation, role) in roles(settings, claims) {
        match tx.account_by_name(&organisation.organisation).await? {
            Some(found) if found.kind == AccountKind::Org => drop(due.insert(found.id, (found, role))),
            _ => missing.push(organisation.organisation.to_string()),
        }
    }
    let given = tx.memberships_by_issuer(user.id, issuer).await?;
    let mut changes: BTreeMap<i64, (Account, Option<Role>)> = BTreeMap::new();
    for (organisation, _) in given.into_iter().filter(|(organisation, _)| !due.contains_key(&organisation.id))
    {
        changes.insert(organisation.id, (organisation, None));
    }
    changes.extend(due.into_iter().map(|(id, (organisation, role))| (id, (organisation, Some(role)))));
    // In the order of their ids, so that two sign-ins do not wait for each other.
    for (organisation, role) in changes.into_values() {
        tx.lock_account(organisation.id).await?;
        let changed = match role {
            Some(role) => tx.upsert_member_by_issuer(organisation.id, user.id, role, issuer).await?,
            None => tx.remove_member(organisation.id, user.id).await?,
        };
        if changed {
            let detail = json!({
                "organisation": organisation.name.as_str(),
                "user": user.name.as_str(),
                "role": role.map(Role::as_str),
                "issuer": issuer,
            });
            let action = if role.is_some() { "set-member" } else { "remove-member" };
            append_event(tx, None, Some(user.id), action, &detail, now).await?;
        }
    }
    Ok(missing)
}

/// Returns the highest role in each organisation.
fn roles<'s>(settings: &'s OidcProvider, claims: &Claims) -> Vec<(&'s GroupRole, Role)> {
    let groups = claims.list(&settings.groups_claim);
    let mut roles: BTreeMap<String, (&GroupRole, Role)> = BTreeMap::new();
    for given in settings.groups.iter().filter(|given| groups.contains(&given.group.as_str())) {
        let entry = roles.entry(given.organisation.key()).or_insert((given, given.role));
        entry.1 = entry.1.max(given.role);
    }
    roles.into_values().collect()
}
