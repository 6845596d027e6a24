//! The list of client suites: which client, in which version, runs which tests.

/// One client in one configuration.
pub(super) struct Suite {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Left out unless asked for: what it installs is large, or what it says depends on the machine.
    pub(super) extended: bool,
}

pub(super) enum Kind {
    /// pytest files in a virtual environment; both are named after files in clients/python.
    Python {
        environment: &'static str,
        xet: bool,
        files: &'static [&'static str],
    },
    /// A test file in a folder of clients/ with packages of its own.
    Node {
        folder: &'static str,
        test: &'static str,
    },
    Rust,
}

/// What every version of the Python client must do, by either road.
const COMMON: &[&str] = &["test_cli.py", "test_discussions.py", "test_library.py", "test_resume.py"];

pub(super) const SUITES: &[Suite] = &[
    python("hub-2-xet", "hub-2", true, COMMON),
    python("hub-2-lfs", "hub-2", false, COMMON),
    python("hub-1-xet", "hub-1", true, COMMON),
    python("hub-1-lfs", "hub-1", false, COMMON),
    python("hub-0-xet", "hub-0", true, COMMON),
    python("hub-0-lfs", "hub-0", false, COMMON),
    python("access", "hub-2", true, &["test_access.py"]),
    python("social", "hub-2", true, &["test_social.py"]),
    python("publishers", "publishers", true, &["test_publishers.py"]),
    python("dedup", "hub-2", true, &["test_dedup.py"]),
    python("buckets", "hub-2", true, &["test_buckets.py"]),
    python("datasets", "hub-2", true, &["test_datasets.py"]),
    python("mirror", "hub-2", true, &["test_mirror.py"]),
    python("transformers", "hub-2", true, &["test_transformers.py"]),
    python("curl", "hub-2", true, &["test_curl.py"]),
    node("node", "node", "hub.test.mjs"),
    node("oidc", "oidc", "oidc.test.mjs"),
    node("web", "web", "web.test.mjs"),
    Suite { name: "rust", kind: Kind::Rust, extended: false },
    Suite {
        name: "lighthouse",
        kind: Kind::Node { folder: "web", test: "lighthouse.test.mjs" },
        extended: true,
    },
    Suite {
        name: "torch",
        kind: Kind::Python { environment: "torch", xet: true, files: &["test_torch.py"] },
        extended: true,
    },
];

const fn node(name: &'static str, folder: &'static str, test: &'static str) -> Suite {
    Suite { name, kind: Kind::Node { folder, test }, extended: false }
}

const fn python(
    name: &'static str,
    environment: &'static str,
    xet: bool,
    files: &'static [&'static str],
) -> Suite {
    Suite { name, kind: Kind::Python { environment, xet, files }, extended: false }
}
