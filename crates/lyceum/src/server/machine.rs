//! What administrators are shown of this process: the settings as loaded, and the checks of its machine.

use std::sync::Arc;

use lyceum_hub::Hub;
use lyceum_web::{Health, HealthFinding, LoadedSetting, Machine};

use crate::command::doctor::{Finding, State, serving};
use crate::settings::{KEYS, Loaded, oidc, upstream};

/// Returns what administrators are shown.
pub(crate) fn machine(hub: &Hub, loaded: &Loaded) -> Machine {
    let (hub, settings) = (hub.clone(), loaded.settings.clone());
    Machine {
        settings: shown(loaded).into(),
        api: Some(lyceum_api::openapi(env!("CARGO_PKG_VERSION"))),
        health: Some(Arc::new(move || {
            let (hub, settings) = (hub.clone(), settings.clone());
            Box::pin(async move { serving(&settings, &hub).await.into_iter().map(finding).collect() })
        })),
    }
}

/// Returns every setting without secrets: sections with some are shown as `lyceum config --json` shows them.
fn shown(loaded: &Loaded) -> Vec<LoadedSetting> {
    let mut settings: Vec<LoadedSetting> = KEYS
        .iter()
        .map(|key| LoadedSetting {
            name: key.name.to_owned(),
            value: loaded.shown(key.name),
            source: loaded.source(key.name).words().to_owned(),
            description: key.description.to_owned(),
        })
        .collect();
    let sections = [
        ("oidc", oidc::describe(&loaded.settings.oidc), "Who vouches for people."),
        (
            "upstream",
            upstream::describe(&loaded.settings.upstream),
            "Other hubs that repositories may follow.",
        ),
    ];
    for (name, value, description) in sections {
        let filled = value.as_array().is_some_and(|sections| !sections.is_empty());
        settings.push(LoadedSetting {
            name: name.to_owned(),
            value: if filled { value.to_string() } else { String::new() },
            source: if filled { "file" } else { "default" }.to_owned(),
            description: description.to_owned(),
        });
    }
    settings
}

fn finding(finding: Finding) -> HealthFinding {
    HealthFinding {
        name: finding.name.to_owned(),
        health: match finding.state {
            State::Good => Health::Good,
            State::Doubtful => Health::Doubtful,
            State::Broken => Health::Broken,
        },
        message: finding.message,
        remedy: finding.remedy,
    }
}
