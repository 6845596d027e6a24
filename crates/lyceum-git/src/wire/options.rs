//! What a server allows and says of itself.

/// The version of the protocol that a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Version {
    /// The first one, in which references are listed before anybody asks.
    #[default]
    V0,
    /// The same, and the server says so.
    V1,
    /// Commands, each of which says what it wants (gitprotocol-v2).
    V2,
}

impl Version {
    /// Returns the highest version that `Git-Protocol` or `GIT_PROTOCOL` names, such as `version=2`.
    pub fn from_protocol(value: &str) -> Self {
        let version = |key: &str| match key.strip_prefix("version=")? {
            "0" => Some(Self::V0),
            "1" => Some(Self::V1),
            "2" => Some(Self::V2),
            _ => None,
        };
        value.split(':').filter_map(version).max().unwrap_or_default()
    }
}

/// How a fetch is served.
#[derive(Debug, Clone)]
pub struct UploadPackOptions {
    /// What the client speaks.
    pub version: Version,
    /// One request and one answer, as over HTTP, instead of a conversation.
    pub stateless: bool,
    /// Only tell what there is, and end.
    pub advertise: bool,
    /// What the server calls itself.
    pub agent: String,
    /// References that are neither shown nor, without [`tips`](Self::tips), given: as `transfer.hideRefs` names them,
    /// the last that fits decides, and `!` takes back.
    pub hidden: Vec<String>,
    /// Versions 0 and 1: give what hidden references point to (`uploadpack.allowTipSHA1InWant`).
    pub tips: bool,
    /// Versions 0 and 1: give what references lead to (`uploadpack.allowReachableSHA1InWant`).
    pub reachable: bool,
    /// Versions 0 and 1: give whatever there is, as version 2 does (`uploadpack.allowAnySHA1InWant`).
    pub any: bool,
    /// Leave out objects on request (`uploadpack.allowFilter`).
    pub filter: bool,
    /// Take references as wishes (`uploadpack.allowRefInWant`).
    pub ref_in_want: bool,
    /// Take `sideband-all` (`uploadpack.allowSidebandAll`).
    pub sideband_all: bool,
    /// Tell sizes of objects (`transfer.advertiseObjectInfo`).
    pub object_info: bool,
}

impl Default for UploadPackOptions {
    /// What git allows by default.
    fn default() -> Self {
        Self {
            version: Version::V0,
            stateless: false,
            advertise: false,
            agent: concat!("lyceum/", env!("CARGO_PKG_VERSION")).to_owned(),
            hidden: Vec::new(),
            tips: false,
            reachable: false,
            any: false,
            filter: false,
            ref_in_want: false,
            sideband_all: false,
            object_info: false,
        }
    }
}

/// Returns what stands before the list of references when it is asked for over HTTP (gitprotocol-http, “Smart Server
/// Response”); `service` is such as `git-upload-pack`.
pub fn service_announcement(service: &str, version: Version) -> Vec<u8> {
    let mut announcement = Vec::new();
    if version != Version::V2 {
        super::append_packet(&mut announcement, format!("# service={service}\n").as_bytes());
        announcement.extend_from_slice(b"0000");
    }
    announcement
}

/// Reports whether a reference is hidden by `patterns`.
pub(crate) fn hidden(patterns: &[String], name: &str) -> bool {
    for pattern in patterns.iter().rev() {
        let (negated, prefix) = match pattern.strip_prefix('!') {
            Some(prefix) => (true, prefix),
            None => (false, pattern.as_str()),
        };
        // `^` speaks of the name before a namespace is taken away; there are none here.
        let prefix = prefix.strip_prefix('^').unwrap_or(prefix).trim_end_matches('/');
        if name.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
            return !negated;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_highest_version() {
        for (value, version) in [
            ("", Version::V0),
            ("version=1", Version::V1),
            ("version=2", Version::V2),
            ("x:version=1:version=2:version=9", Version::V2),
            ("version=02", Version::V0),
        ] {
            assert_eq!(Version::from_protocol(value), version, "{value}");
        }
    }

    #[test]
    fn hides_as_the_last_pattern_says() {
        let patterns = ["refs/pr/", "!refs/pr/1", "^refs/heads/x"].map(str::to_owned);
        for (name, expected) in [
            ("refs/pr/2", true),
            ("refs/pr/1", false),
            ("refs/pr/10", true),
            ("refs/heads/x/y", true),
            ("refs/heads/xy", false),
        ] {
            assert_eq!(hidden(&patterns, name), expected, "{name}");
        }
    }
}
