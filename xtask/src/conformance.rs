//! `cargo xtask conformance`: a suite written by others, huggingface_hub's own, against a fresh server.
//!
//! The runner script and the suite lie outside this repository, so both are named by the caller.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::server::{self, Server, lyceum};
use crate::{environment, process};

/// All tiers take a third of this.
const LIMIT: Duration = Duration::from_hours(1);

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The runner script `run.sh`
    #[arg(long, default_value = "../shared/conformance/hf/run.sh")]
    runner: PathBuf,
    /// A checkout or bare git directory of huggingface_hub
    #[arg(long, env = "SUITE_FROM")]
    suite_from: PathBuf,
    /// Tiers to run
    #[arg(long, default_value = "core,xet")]
    tiers: String,
    /// Uploads through LFS instead of Xet
    #[arg(long)]
    no_xet: bool,
    /// Further arguments for pytest
    #[arg(last = true)]
    pytest: Vec<String>,
}

/// The identities that the suite presupposes; `run.sh provision` prints the same.
const USERS: &[(&str, &str, &str)] = &[
    ("__DUMMY_HUB_USER__", "Dummy User", "hf_HubCITokenXXXXXXXXXXXXXXXXXXXXX"),
    ("DVUser", "DV User", "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"),
    ("EnterpriseAdmin", "Enterprise Admin", "hf_enterprise_admin_token"),
];

pub(crate) fn run(options: &Options) -> Result<()> {
    server::build()?;
    let folder = server::scratch("conformance-")?;
    let server = Server::start(&folder.path().join("data"))?;
    provision(&server)?;
    let work = environment::target().join("conformance");
    let mut suite = process::command("bash");
    suite.arg(options.runner.canonicalize().context("find the runner script")?);
    suite.arg(&options.tiers).args(&options.pytest);
    suite.env("ENDPOINT", server.endpoint()).env("WORK", &work);
    suite.env("SUITE_FROM", options.suite_from.canonicalize().context("find the suite")?);
    suite.env("XET", if options.no_xet { "0" } else { "1" });
    let (success, _) = process::tee(&mut suite, LIMIT)?;
    if !success {
        server.print_trouble(20);
        bail!("the suite has failures; docs/conformance.md lists those that are known");
    }
    Ok(())
}

fn provision(server: &Server) -> Result<()> {
    let data = server.data();
    for (name, full_name, token) in USERS {
        lyceum(data, &["user", "create", name, "--full-name", full_name], "")?;
        lyceum(data, &["token", "create", name, "--name", "suite", "--value", token], "")?;
    }
    lyceum(data, &["org", "create", "valid_org_hub", "--full-name", "Dummy Hub Org"], "")?;
    lyceum(data, &["org", "add", "valid_org_hub", "__DUMMY_HUB_USER__", "--role", "write"], "")?;
    lyceum(data, &["org", "create", "EnterpriseOrgPrivate", "--private-by-default"], "")?;
    lyceum(data, &["org", "add", "EnterpriseOrgPrivate", "EnterpriseAdmin", "--role", "admin"], "").map(drop)
}
