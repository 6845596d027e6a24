//! Where things lie in the checkout, and what the surroundings say (CI or a person's machine).

use std::path::PathBuf;

/// Returns the workspace root.
pub(crate) fn root() -> PathBuf {
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().expect("xtask lies in the workspace root").to_path_buf()
}

/// Returns the build folder, which also holds the virtual environments and tools made here.
pub(crate) fn target() -> PathBuf {
    variable("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Returns the binary that the client tests and the benches start: the release build, or what `LYCEUM_BINARY` names.
pub(crate) fn lyceum() -> PathBuf {
    variable("LYCEUM_BINARY").map_or_else(|| target().join("release/lyceum"), PathBuf::from)
}

/// Whether a missing outside program is a failure instead of a skip.
pub(crate) fn ci() -> bool {
    variable("CI").is_some_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

/// Returns an environment variable that is set and not empty.
#[expect(clippy::disallowed_methods, reason = "the rule guards the server's settings; this is a build tool")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
