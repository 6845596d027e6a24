//! Other hubs to mirror from, one `[[upstream]]` section each.

use std::collections::BTreeSet;

use lyceum_hub::{MIN_EVERY_SECONDS, PullThrough, RepoPattern, Upstream};
use serde::{Deserialize, Serialize};

use super::secret::SecretPlaces;

/// Most other hubs.
const MAX_UPSTREAMS: usize = 64;
/// Most patterns of what may be mirrored from one.
const MAX_PATTERNS: usize = 1000;
/// Longest name of another hub.
const MAX_NAME_CHARS: usize = 32;

/// What `lyceum config` says of a section, as comments: each setting with an example, and what it does.
const SECTION: [(&str, &str); 9] = [
    (
        "name = \"hf\"",
        "Name in `hf://namespace/name`: lowercase letters, digits and `-`; not to be changed later.",
    ),
    ("url = \"https://huggingface.co\"", "Its address."),
    ("token = \"\"", "The token that this hub shows there, unless one of the next two says where it is."),
    ("token_file = \"\"", "A file whose first line is the token."),
    ("token_env = \"\"", "An environment variable that holds the token."),
    (
        "allow = [\"google/*\", \"datasets/*/wiki-*\"]",
        "What may be mirrored, `*` being any characters but a slash; nothing if empty.",
    ),
    (
        "pull_through = \"off\"",
        "Whether a repository that is missing here is mirrored when somebody asks for it: `off`, `users` or `everyone`.",
    ),
    ("refresh_seconds = 3600", "How often those are looked at."),
    (
        "allow_private_addresses = false",
        "Whether its name may lead to an address that is not public, as in your own network.",
    ),
];

/// Another hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpstreamSettings {
    name: String,
    url: String,
    #[serde(default)]
    token: String,
    #[serde(default)]
    token_file: String,
    #[serde(default)]
    token_env: String,
    #[serde(default)]
    allow: Vec<String>,
    #[serde(default)]
    pull_through: Pulls,
    #[serde(default = "usual_refresh")]
    refresh_seconds: u64,
    #[serde(default)]
    allow_private_addresses: bool,
    /// The token, wherever it stands.
    #[serde(skip)]
    secret: Option<Secret>,
}

/// A token that is not shown by mistake.
#[derive(Clone, PartialEq, Eq)]
struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// Who makes a repository be mirrored by asking for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Pulls {
    #[default]
    Off,
    Users,
    Everyone,
}

fn usual_refresh() -> u64 {
    3600
}

/// Checks the sections and finds their tokens; returns what is wrong.
pub(super) fn check(
    sections: &mut [UpstreamSettings],
    environment: &impl Fn(&str) -> Option<String>,
) -> Result<(), String> {
    if sections.len() > MAX_UPSTREAMS {
        return Err(format!("section `upstream` may stand {MAX_UPSTREAMS} times at most"));
    }
    let mut names = BTreeSet::new();
    for section in sections {
        let wrong =
            |name: &str, rule: &str| Err(format!("setting `upstream.{name}` of `{}` {rule}", section.name));
        let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !(1..=MAX_NAME_CHARS).contains(&section.name.len()) || !section.name.chars().all(word) {
            return wrong("name", "must have 1 to 32 lowercase letters, digits and `-`");
        }
        if !names.insert(section.name.clone()) {
            return wrong("name", "stands twice");
        }
        let host = section.url.strip_prefix("http://").or_else(|| section.url.strip_prefix("https://"));
        if host
            .is_none_or(|host| host.trim_end_matches('/').is_empty() || host.contains(['?', '#', ' ', '@']))
        {
            return wrong("url", "must have the form `https://host` or `http://host:port`");
        }
        if section.refresh_seconds < MIN_EVERY_SECONDS {
            return wrong("refresh_seconds", &format!("must be at least {MIN_EVERY_SECONDS}"));
        }
        if section.allow.len() > MAX_PATTERNS {
            return wrong("allow", "has more than 1000 entries");
        }
        if let Err(reason) = section.patterns() {
            return wrong("allow", &format!("has an entry that means nothing: {reason}"));
        }
        let places =
            SecretPlaces { value: &section.token, file: &section.token_file, variable: &section.token_env };
        match places.find(environment) {
            Ok(secret) => section.secret = secret.map(Secret),
            Err(reason) => return wrong("token", &reason),
        }
    }
    Ok(())
}

impl UpstreamSettings {
    /// Returns what the hub is told of the other hub.
    pub(crate) fn upstream(&self) -> Result<Upstream, String> {
        Ok(Upstream {
            name: self.name.clone(),
            url: self.url.trim_end_matches('/').to_owned(),
            token: self.secret.as_ref().map(|secret| secret.0.clone()),
            allow: self.patterns()?,
            pull_through: match self.pull_through {
                Pulls::Off => PullThrough::Off,
                Pulls::Users => PullThrough::Users,
                Pulls::Everyone => PullThrough::Everyone,
            },
            refresh_seconds: self.refresh_seconds,
            allow_private_addresses: self.allow_private_addresses,
        })
    }

    fn patterns(&self) -> Result<Vec<RepoPattern>, String> {
        let parsed = self.allow.iter().map(|text| RepoPattern::parse(text));
        parsed.collect::<Result<_, _>>().map_err(|error| error.to_string())
    }
}

/// Returns the sections as they stand in a file, after a description; tokens are left out.
pub(crate) fn render(sections: &[UpstreamSettings]) -> Vec<String> {
    let mut lines = vec![
        String::new(),
        "# Other hubs that repositories may be mirrored from, each in a section of its own; see docs/mirroring.md."
            .to_owned(),
        "#".to_owned(),
        "# [[upstream]]".to_owned(),
    ];
    for (example, description) in SECTION {
        lines.push(format!("# # {description}"));
        lines.push(format!("# {example}"));
    }
    for section in sections {
        lines.extend([String::new(), "[[upstream]]".to_owned()]);
        let table = toml::Table::try_from(section).expect("sections hold only plain values");
        for (name, value) in table {
            match value.as_str() {
                Some("") => {}
                Some(_) if name == "token" => lines.push("token = \"***\"".to_owned()),
                _ => lines.push(format!("{name} = {value}")),
            }
        }
    }
    lines
}

/// Returns the sections for programs; tokens are left out.
pub(crate) fn describe(sections: &[UpstreamSettings]) -> serde_json::Value {
    let shown = sections.iter().map(|section| {
        let hidden = if section.token.is_empty() { "" } else { "***" };
        UpstreamSettings { token: hidden.to_owned(), secret: None, ..section.clone() }
    });
    serde_json::to_value(shown.collect::<Vec<_>>()).expect("sections hold only plain values")
}
