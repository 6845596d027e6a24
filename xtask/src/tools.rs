//! Outside tools made once under the build folder: cargo's, and Python virtual environments.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::{environment, process};

/// The version whose configuration format `deny.toml` is written in.
const CARGO_DENY: &str = "cargo-deny@0.20.2";

/// The version that `reference/` compares with too.
const XET_CLIENT: &str = "xet-client@1.8.0";

/// Returns `cargo-deny`, from the search path or built once.
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    // Unoptimised: it runs for a second, and an optimised build takes minutes more.
    tool("cargo-deny", &["--debug", "--no-default-features", CARGO_DENY])
}

/// Returns upstream's server for tests of the Xet protocol, from the search path or built once.
pub(crate) fn local_cas_server() -> Result<PathBuf> {
    let features = ["--no-default-features", "--features", "simulation", "--bin", "local_cas_server"];
    tool("local_cas_server", &[&features, &[XET_CLIENT][..]].concat())
}

fn tool(name: &str, arguments: &[&str]) -> Result<PathBuf> {
    if let Some(found) = process::find(name) {
        return Ok(found);
    }
    let home = environment::target().join("tools");
    let program = home.join("bin").join(name);
    if !program.is_file() {
        println!("installing {name} into {}", home.display());
        let mut install = process::cargo();
        install.args(["install", "--quiet", "--locked"]).args(arguments);
        install.arg("--root").arg(&home).arg("--target-dir").arg(home.join("build"));
        process::run(&mut install)?;
        // A few hundred megabytes that nothing reads again.
        fs::remove_dir_all(home.join("build"))
            .with_context(|| format!("remove the build folder of {name}"))?;
    }
    Ok(program)
}

/// Returns the folder of a virtual environment that holds exactly what a requirements file lists.
///
/// It is made again when the file changes.
pub(crate) fn virtual_environment(name: &str, requirements: &Path) -> Result<PathBuf> {
    let home = environment::target().join("venvs").join(name);
    let wanted =
        fs::read_to_string(requirements).with_context(|| format!("read {}", requirements.display()))?;
    let stamp = home.join("installed.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(home);
    }
    let packages: Vec<_> = wanted.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    println!("installing into {}: {}", home.display(), packages.join(" "));
    if home.exists() {
        fs::remove_dir_all(&home).with_context(|| format!("remove {}", home.display()))?;
    }
    process::run(process::command("python3").args(["-m", "venv"]).arg(&home))?;
    let mut install = process::command(home.join("bin/python"));
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    process::run(install.arg(requirements))?;
    fs::write(&stamp, wanted).with_context(|| format!("write {}", stamp.display()))?;
    Ok(home)
}
