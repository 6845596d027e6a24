//! Starting and stopping the binary.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::client::Client;

/// Password of every user that a test makes with one.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A command on a data folder, without settings from the environment of the test.
pub(crate) fn command(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lyceum"));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LYCEUM_DATA", data);
    command
}

/// Runs a command to its end.
pub(crate) fn lyceum(data: &Path, arguments: &[&str]) -> Output {
    lyceum_with(data, arguments, "")
}

/// Runs a command to its end with standard input.
pub(crate) fn lyceum_with(data: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = command(data);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that asks for nothing may be gone before it reads.
    let _closed = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// Runs a command that must succeed, and returns what it printed.
pub(crate) fn ok(data: &Path, arguments: &[&str]) -> String {
    let output = lyceum(data, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    /// The rest of its standard output; dropping it would end the pipe.
    output: BufReader<ChildStdout>,
    pub(crate) address: String,
}

impl Server {
    /// Starts `lyceum serve` on a free port and waits until it says that it listens.
    pub(crate) fn start(data: &Path) -> Self {
        Self::spawn(command(data).args(["serve", "--listen", "127.0.0.1:0"]))
    }

    /// Starts a command whose first line ends with the address.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let Some(address) = line.split_whitespace().last().filter(|word| word.starts_with("http://")) else {
            let status = child.wait().unwrap();
            let mut errors = String::new();
            child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
            panic!("the server did not start ({status}): {line}{errors}");
        };
        let address = address.to_owned();
        // Logs must not fill the pipe.
        let mut errors = child.stderr.take().unwrap();
        std::thread::spawn(move || std::io::copy(&mut errors, &mut std::io::stderr()).ok());
        Self { child, output, address }
    }

    /// Returns the next line that the server prints.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Ends the process as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for the end of the process.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// A server with one user, and a client that acts for him.
pub(crate) struct Site {
    pub(crate) server: Server,
    pub(crate) folder: TempDir,
    pub(crate) client: Client,
}

impl Site {
    /// Starts a server and makes the user `ada`.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let output = lyceum_with(folder.path(), &["user", "create", "ada", "--password-stdin"], PASSWORD);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let token = ok(folder.path(), &["token", "create", "ada"]).trim().to_owned();
        let server = Server::start(folder.path());
        let client = Client::new(&server.address, Some(&token));
        Self { server, folder, client }
    }
}
