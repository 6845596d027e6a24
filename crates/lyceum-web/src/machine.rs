//! What the program around the pages knows of itself.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::Value;

/// How a part of the hub is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// As it should be.
    Good,
    /// Worth a look.
    Doubtful,
    /// Must be repaired.
    Broken,
}

/// What a check found.
#[derive(Debug, Clone)]
pub struct HealthFinding {
    /// What was looked at.
    pub name: String,
    /// How it is.
    pub health: Health,
    /// What was found.
    pub message: String,
    /// What can be done about it.
    pub remedy: Option<String>,
}

/// A setting in effect.
#[derive(Debug, Clone)]
pub struct LoadedSetting {
    /// Its dotted name.
    pub name: String,
    /// Its value; secrets are left out by who fills this in.
    pub value: String,
    /// Where the value came from.
    pub source: String,
    /// What it means.
    pub description: String,
}

/// Looks at the machine when asked.
pub type HealthCheck = Arc<dyn Fn() -> BoxFuture<'static, Vec<HealthFinding>> + Send + Sync>;

/// What the pages show of the program and its machine, most of it to administrators; cheap to clone.
#[derive(Clone, Default)]
pub struct Machine {
    /// The settings in effect.
    pub settings: Arc<[LoadedSetting]>,
    /// The OpenAPI document of the interface for programs.
    pub api: Option<&'static Value>,
    /// The checks of the machine, if somebody can make them.
    pub health: Option<HealthCheck>,
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine").field("settings", &self.settings.len()).finish_non_exhaustive()
    }
}
