//! Providers of identities, one `[[oidc]]` section each.

use std::collections::BTreeSet;

use lyceum_core::AccountName;
use lyceum_hub::{ClientSecret, GroupRole, OidcProvider, Role, check_issuer};
use serde::{Deserialize, Serialize};

use super::secret::SecretPlaces;

/// Most providers.
const MAX_PROVIDERS: usize = 16;
/// Most groups of a provider that give something.
const MAX_GROUPS: usize = 1000;
/// Most scopes that a provider is asked for.
const MAX_SCOPES: usize = 32;
/// Longest name of a provider.
const MAX_NAME_CHARS: usize = 32;

/// What `lyceum config` says of a section, as comments: each setting with an example, and what it does.
const SECTION: [(&str, &str); 12] = [
    ("name = \"corp\"", "Name in addresses: letters, digits and `-`; not to be changed later."),
    ("label = \"Corp\"", "Name on the button; the name if empty."),
    ("issuer = \"https://id.example.org\"", "The provider's address, exactly as it writes it itself."),
    ("client_id = \"lyceum\"", "The name that the provider gave this hub."),
    ("client_secret = \"\"", "The secret that it gave with it, unless one of the next two says where it is."),
    ("client_secret_file = \"\"", "A file whose first line is the secret."),
    ("client_secret_env = \"\"", "An environment variable that holds the secret."),
    ("scopes = [\"profile\", \"email\"]", "What is asked for besides `openid`."),
    (
        "user_claim = \"preferred_username\"",
        "Claim with the name of a new account; what follows an `@` is left out.",
    ),
    ("groups_claim = \"groups\"", "Claim with the groups, or the path of one: `realm_access.roles`."),
    ("create_users = true", "Whether somebody who was never here gets an account."),
    (
        "groups = [{ group = \"ml-team\", org = \"lab\", role = \"write\" }]",
        "What groups give: `read`, `contributor`, `write` or `admin` in an organisation.",
    ),
];

/// A provider of identities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OidcSettings {
    pub(crate) name: String,
    #[serde(default)]
    label: String,
    pub(crate) issuer: String,
    client_id: String,
    #[serde(default)]
    client_secret: String,
    #[serde(default)]
    client_secret_file: String,
    #[serde(default)]
    client_secret_env: String,
    #[serde(default = "usual_scopes")]
    scopes: Vec<String>,
    #[serde(default = "usual_user_claim")]
    user_claim: String,
    #[serde(default = "usual_groups_claim")]
    groups_claim: String,
    #[serde(default = "yes")]
    create_users: bool,
    #[serde(default)]
    groups: Vec<GroupSettings>,
    /// The secret, wherever it stands.
    #[serde(skip)]
    secret: Option<ClientSecret>,
}

/// What a group gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupSettings {
    group: String,
    org: String,
    role: String,
}

fn usual_scopes() -> Vec<String> {
    ["profile", "email"].map(str::to_owned).to_vec()
}

fn usual_user_claim() -> String {
    "preferred_username".to_owned()
}

fn usual_groups_claim() -> String {
    "groups".to_owned()
}

fn yes() -> bool {
    true
}

/// Checks the sections and finds their secrets; returns what is wrong.
pub(super) fn check(
    sections: &mut [OidcSettings],
    public_url: Option<&str>,
    environment: &impl Fn(&str) -> Option<String>,
) -> Result<(), String> {
    if sections.len() > MAX_PROVIDERS {
        return Err(format!("section `oidc` may stand {MAX_PROVIDERS} times at most"));
    }
    if !sections.is_empty() && public_url.is_none() {
        return Err("setting `public_url` must be set for `oidc`: browsers come back to it".to_owned());
    }
    let (mut names, mut issuers) = (BTreeSet::new(), BTreeSet::new());
    for section in sections {
        let wrong =
            |name: &str, rule: &str| Err(format!("setting `oidc.{name}` of `{}` {rule}", section.name));
        let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !(1..=MAX_NAME_CHARS).contains(&section.name.len()) || !section.name.chars().all(word) {
            return wrong("name", "must have 1 to 32 lowercase letters, digits and `-`");
        }
        if !names.insert(section.name.clone()) {
            return wrong("name", "stands twice");
        }
        if let Err(reason) = check_issuer(&section.issuer) {
            return wrong("issuer", &format!("is none: {reason}"));
        }
        if !issuers.insert(section.issuer.clone()) {
            return wrong("issuer", "stands twice");
        }
        for (name, value) in [
            ("client_id", &section.client_id),
            ("user_claim", &section.user_claim),
            ("groups_claim", &section.groups_claim),
        ] {
            if value.is_empty() {
                return wrong(name, "must not be empty");
            }
        }
        let graphic = |scope: &String| !scope.is_empty() && scope.chars().all(|c| c.is_ascii_graphic());
        if section.scopes.len() > MAX_SCOPES || !section.scopes.iter().all(graphic) {
            return wrong("scopes", "must be at most 32 words");
        }
        if section.groups.len() > MAX_GROUPS {
            return wrong("groups", "has more than 1000 entries");
        }
        if let Err(reason) = section.roles() {
            return wrong("groups", &reason);
        }
        match section.find_secret(environment) {
            Ok(secret) => section.secret = secret,
            Err(reason) => return wrong("client_secret", &reason),
        }
    }
    Ok(())
}

impl OidcSettings {
    /// Returns what the hub is told of the provider.
    pub(crate) fn provider(&self) -> Result<OidcProvider, String> {
        let label = if self.label.is_empty() { &self.name } else { &self.label };
        Ok(OidcProvider {
            name: self.name.clone(),
            label: label.clone(),
            issuer: self.issuer.clone(),
            client_id: self.client_id.clone(),
            client_secret: self.secret.clone(),
            scopes: self.scopes.clone(),
            user_claim: self.user_claim.clone(),
            groups_claim: self.groups_claim.clone(),
            groups: self.roles()?,
            create_users: self.create_users,
        })
    }

    fn roles(&self) -> Result<Vec<GroupRole>, String> {
        let roles = self.groups.iter().map(|given| {
            let role = match given.role.as_str() {
                "read" => Role::Read,
                "contributor" => Role::Contributor,
                "write" => Role::Write,
                "admin" => Role::Admin,
                other => return Err(format!("give `{other}`, which is no role")),
            };
            let organisation = AccountName::parse(&given.org).map_err(|error| error.to_string())?;
            Ok(GroupRole { group: given.group.clone(), organisation, role })
        });
        roles.collect()
    }

    fn find_secret(
        &self,
        environment: &impl Fn(&str) -> Option<String>,
    ) -> Result<Option<ClientSecret>, String> {
        let places = SecretPlaces {
            value: &self.client_secret,
            file: &self.client_secret_file,
            variable: &self.client_secret_env,
        };
        Ok(places.find(environment)?.map(ClientSecret))
    }
}

/// Returns the sections as they stand in a file, after a description; secrets are left out.
pub(crate) fn render(sections: &[OidcSettings]) -> Vec<String> {
    let mut lines = vec![
        String::new(),
        "# Providers of identities (OpenID Connect) whose people may sign in, each in a section of its own."
            .to_owned(),
        "# They let browsers back to `{public_url}/login/oidc/{name}/callback`.".to_owned(),
        "#".to_owned(),
        "# [[oidc]]".to_owned(),
    ];
    for (example, description) in SECTION {
        lines.push(format!("# # {description}"));
        lines.push(format!("# {example}"));
    }
    for section in sections {
        lines.extend([String::new(), "[[oidc]]".to_owned()]);
        let table = toml::Table::try_from(section).expect("sections hold only plain values");
        for (name, value) in table {
            match value.as_str() {
                Some("") => {}
                Some(_) if name == "client_secret" => lines.push("client_secret = \"***\"".to_owned()),
                _ => lines.push(format!("{name} = {value}")),
            }
        }
    }
    lines
}

/// Returns the sections for programs; secrets are left out.
pub(crate) fn describe(sections: &[OidcSettings]) -> serde_json::Value {
    let shown = sections.iter().map(|section| {
        let hidden = if section.client_secret.is_empty() { "" } else { "***" };
        OidcSettings { client_secret: hidden.to_owned(), secret: None, ..section.clone() }
    });
    serde_json::to_value(shown.collect::<Vec<_>>()).expect("sections hold only plain values")
}
