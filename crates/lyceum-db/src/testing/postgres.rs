//! A private PostgreSQL server for the process that runs the tests.
//!
//! It listens on a socket in a temporary folder and is watched by a shell that waits for this process to end, in
//! whatever way, then stops the server and removes the folder.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::Executor as _;

/// Where Debian puts its versions.
const VERSIONS: &str = "/usr/lib/postgresql";
/// Change this when the options of `initdb` below change: prepared folders are kept between runs.
const TEMPLATE: &str = "lyceum-test-postgres-1";

/// `$0` is the folder of the programs, `$1` that of this server. Nothing is kept, so nothing is synced.
const WATCH: &str = r#"
"$0/pg_ctl" -D "$1/data" -l "$1/log" -w -s -o "-k '$1' -c listen_addresses='' -c fsync=off -c full_page_writes=off \
    -c synchronous_commit=off -c max_connections=300 -c deadlock_timeout=50ms -c jit=off" start || exit 1
echo ready
read -r _
"$0/pg_ctl" -D "$1/data" -m immediate -s stop
rm -rf "$1"
"#;

/// A running server.
pub(crate) struct Server {
    folder: PathBuf,
    databases: AtomicU32,
    /// Holds the pipe whose end tells the shell to stop.
    _watch: Child,
}

impl Server {
    /// Returns the server of this process and starts it if need be; the error says why there is none.
    pub(crate) fn get() -> Result<&'static Self, String> {
        static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
        SERVER.get_or_init(Self::start).as_ref().map_err(Clone::clone)
    }

    /// Makes an empty database and returns its address.
    pub(crate) async fn database(&self) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let admin = self.url("postgres");
        sqlx::any::install_default_drivers();
        let mut connection =
            crate::db::connect(&admin).await.expect("the server that was just started answers");
        let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
        connection.execute(sqlx::raw_sql(create)).await.expect("a database can be made");
        self.url(&name)
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://lyceum@localhost/{database}?host={}&port=5432", self.folder.display())
    }

    fn start() -> Result<Self, String> {
        let programs = programs().ok_or_else(|| format!("no PostgreSQL under {VERSIONS}"))?;
        let user = User::find()?;
        let template = template(&programs, &user)?;
        let folder = tempfile::Builder::new()
            .prefix("lyceum-pg-")
            .tempdir()
            .map_err(|error| format!("cannot make a folder: {error}"))?;
        user.own(folder.path())?;
        // From here on the shell removes it.
        let folder = folder.keep();
        run(user.command("cp").arg("-a").arg(&template).arg(folder.join("data")))?;
        let mut watch = user
            .command("sh")
            .args(["-c", WATCH])
            .args([&programs, &folder])
            // Its own group, so that what interrupts the tests does not keep it from cleaning up.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot run `sh`: {error}"))?;
        let mut ready = String::new();
        let output = watch.stdout.take().expect("the output was made a pipe above");
        if BufReader::new(output).read_line(&mut ready).is_err() || ready.trim() != "ready" {
            let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
            return Err(format!("PostgreSQL does not start: {log}"));
        }
        Ok(Self { folder, databases: AtomicU32::new(0), _watch: watch })
    }
}

/// Returns the folder of the newest version's programs.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir(VERSIONS).ok()?.filter_map(|entry| {
        let folder = entry.ok()?;
        let version: u32 = folder.file_name().to_str()?.parse().ok()?;
        let programs = folder.path().join("bin");
        programs.join("initdb").exists().then_some((version, programs))
    });
    versions.max_by_key(|(version, _)| *version).map(|(_, programs)| programs)
}

/// Returns a data folder to be copied; made once for all runs on this machine.
fn template(programs: &Path, user: &User) -> Result<PathBuf, String> {
    let version = programs.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let template = std::env::temp_dir().join(format!("{TEMPLATE}-{version}-{}", user.id));
    if template.exists() {
        return Ok(template);
    }
    let folder = tempfile::Builder::new()
        .prefix("lyceum-pg-")
        .tempdir()
        .map_err(|error| format!("cannot make a folder: {error}"))?;
    user.own(folder.path())?;
    let data = folder.path().join("data");
    // Not the C collation, under which a text that is compared by the wrong rules would go unnoticed.
    run(user
        .command(programs.join("initdb"))
        .args(["-U", "lyceum", "-A", "trust", "-E", "UTF8", "--no-sync", "--wal-segsize=1"])
        .args(["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US", "-D"])
        .arg(&data))?;
    // Another process may have been faster, and its folder is as good.
    match fs::rename(&data, &template) {
        Err(error) if !template.exists() => Err(format!("cannot keep the data folder: {error}")),
        _ => Ok(template),
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("cannot run {command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Who runs the server: PostgreSQL refuses to run as root.
struct User {
    id: u32,
    group: u32,
    change: bool,
}

impl User {
    fn find() -> Result<Self, String> {
        let me = fs::metadata("/proc/self").map_err(|error| format!("cannot tell who runs this: {error}"))?;
        if me.uid() != 0 {
            return Ok(Self { id: me.uid(), group: me.gid(), change: false });
        }
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let find = |name: &str| {
            let mut fields =
                users.lines().map(|line| line.split(':')).find(|line| line.clone().next() == Some(name))?;
            Some((fields.nth(2)?.parse().ok()?, fields.next()?.parse().ok()?))
        };
        let (id, group) = find("postgres")
            .or_else(|| find("nobody"))
            .ok_or("PostgreSQL does not run as root, and there is no user `postgres` or `nobody`")?;
        Ok(Self { id, group, change: true })
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        // A working folder that any user may enter.
        command.current_dir("/").env("TZ", "UTC");
        if self.change {
            command.uid(self.id).gid(self.group);
        }
        command
    }

    fn own(&self, path: &Path) -> Result<(), String> {
        if !self.change {
            return Ok(());
        }
        std::os::unix::fs::chown(path, Some(self.id), Some(self.group))
            .map_err(|error| format!("cannot give a folder away: {error}"))
    }
}
