//! Finding a repository.

use std::fs;
use std::path::{Path, PathBuf};

use lyceum_core::{Clock, Oid};

use crate::Config;
use crate::objects::ObjectFolders;

/// A repository on disk.
pub struct DirRepo {
    /// Where `HEAD` is.
    pub(crate) git_dir: PathBuf,
    /// Where everything else is; differs from `git_dir` for linked work trees only.
    pub(crate) common_dir: PathBuf,
    pub(crate) objects: ObjectFolders,
    pub(crate) config: Config,
    /// References that are neither shown nor changed: patterns as `transfer.hideRefs` has them.
    pub(crate) hidden: Vec<String>,
    pub(crate) environment: Environment,
}

/// What git's commands take from outside of the repository.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The settings of the user.
    pub global_config: Option<PathBuf>,
    /// Names and values of settings that come before all others.
    pub settings: Vec<(String, String)>,
    /// Name and address of whoever changes references, for their logs.
    pub committer: (Option<String>, Option<String>),
    /// Tells the time.
    pub clock: Clock,
}

/// Why there is no repository.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is none in this folder.
    #[error("'{0}' does not appear to be a git repository")]
    Missing(String),
    /// It names objects in another way.
    #[error("'{0}' uses a format that is not known here: {1}")]
    Format(String, String),
}

impl DirRepo {
    /// Opens the repository in a folder; unless `strict`, it may also be in `.git` below it, or the folder may be named
    /// without its ending `.git`.
    pub fn open(folder: &Path, strict: bool, environment: &Environment) -> Result<Self, OpenError> {
        let shown = folder.display().to_string();
        let name = folder.as_os_str();
        let with = |end: &str| {
            let mut name = name.to_owned();
            name.push(end);
            PathBuf::from(name)
        };
        let candidates = if strict {
            vec![folder.to_owned()]
        } else {
            vec![with("/.git"), folder.to_owned(), with(".git/.git"), with(".git")]
        };
        let found = candidates.into_iter().find_map(|candidate| git_dir(&candidate));
        let git_dir = found.ok_or_else(|| OpenError::Missing(shown.clone()))?;
        let common_dir = match fs::read_to_string(git_dir.join("commondir")) {
            Ok(common) => git_dir.join(common.trim_end()),
            Err(_) => git_dir.clone(),
        };
        let config = Config::read(&common_dir, environment);
        for (name, known) in [("extensions.objectformat", "sha1"), ("extensions.refstorage", "files")] {
            if let Some(value) = config.get(name).filter(|value| *value != known) {
                return Err(OpenError::Format(shown, format!("{name}={value}")));
            }
        }
        let objects = ObjectFolders::new(&common_dir.join("objects"));
        Ok(Self {
            git_dir,
            common_dir,
            objects,
            config,
            hidden: Vec::new(),
            environment: environment.clone(),
        })
    }

    /// Returns the folder that was found.
    pub fn path(&self) -> &Path {
        &self.git_dir
    }

    /// Returns its settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Hides references: patterns as `transfer.hideRefs` has them.
    pub fn hide(&mut self, patterns: Vec<String>) {
        self.hidden = patterns;
    }

    /// Reports whether a reference is hidden; the last pattern that fits decides.
    pub(crate) fn hides(&self, name: &str) -> bool {
        let fits = |pattern: &str| {
            let pattern = pattern.trim_start_matches('^').trim_end_matches('/');
            name.strip_prefix(pattern).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let decide = |pattern: &String| match pattern.strip_prefix('!') {
            Some(pattern) => fits(pattern).then_some(false),
            None => fits(pattern).then_some(true),
        };
        self.hidden.iter().rev().find_map(decide) == Some(true)
    }

    /// Reports whether nobody works in it.
    pub fn bare(&self) -> bool {
        self.config
            .flag("core.bare")
            .unwrap_or_else(|| self.git_dir.file_name().is_none_or(|name| name != ".git"))
    }

    /// Returns the commits whose parents are missing on purpose.
    pub(crate) fn shallow_commits(&self) -> Vec<Oid> {
        let list = fs::read_to_string(self.common_dir.join("shallow")).unwrap_or_default();
        list.lines().filter_map(|line| line.trim().parse().ok()).collect()
    }
}

/// Returns the repository at a path: a folder with its parts, or a file that says where it is.
fn git_dir(path: &Path) -> Option<PathBuf> {
    if path.is_file() {
        let text = fs::read_to_string(path).ok()?;
        let target = path.parent()?.join(text.strip_prefix("gitdir:")?.trim());
        return git_dir(&target);
    }
    let common = match fs::read_to_string(path.join("commondir")) {
        Ok(common) => path.join(common.trim_end()),
        Err(_) => path.to_owned(),
    };
    let whole = common.join("objects").is_dir()
        && common.join("refs").is_dir()
        && path.join("HEAD").symlink_metadata().is_ok();
    whole.then(|| path.to_owned())
}
