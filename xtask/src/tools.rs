//! Outside tools made once under the build folder: cargo-deny and Python virtual environments.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::{environment, process};

/// The version whose configuration format `deny.toml` is written in.
const CARGO_DENY: &str = "cargo-deny@0.20.2";

/// Returns `cargo-deny`, from the search path or built once.
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    if let Some(found) = process::find("cargo-deny") {
        return Ok(found);
    }
    let home = environment::target().join("tools");
    let program = home.join("bin/cargo-deny");
    if !program.is_file() {
        println!("installing {CARGO_DENY} into {}", home.display());
        // Unoptimised: it runs for a second, and an optimised build takes minutes more.
        let mut install = process::cargo();
        install.args(["install", "--quiet", "--locked", "--debug", "--no-default-features"]);
        install.arg("--root").arg(&home).arg("--target-dir").arg(home.join("build")).arg(CARGO_DENY);
        process::run(&mut install)?;
        // A few hundred megabytes that nothing reads again.
        fs::remove_dir_all(home.join("build")).context("remove the build folder of cargo-deny")?;
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
