//! `lyceum git-http-backend`: the same over CGI, in the place of git's own (git-http-backend).

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use lyceum_bare::DirRepo;
use lyceum_git::wire::{GzipReader, Version, service_announcement};
use tokio::io::AsyncRead;

use super::pipe::{Input, Output};
use super::{environment, given, protocol, receive_pack, upload_pack, variable};
use crate::failure::Result;
use crate::output;

/// Serve plain git repositories over HTTP as a CGI program, as `git http-backend` does
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  GIT_PROJECT_ROOT=/srv/git GIT_HTTP_EXPORT_ALL=1 lyceum git-http-backend")]
pub(crate) struct Options {}

/// What ends a request before a service starts.
struct Refusal {
    status: &'static str,
    /// For the log of the web server.
    message: String,
}

/// What a client may ask for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Service {
    UploadPack,
    ReceivePack,
}

pub(crate) async fn run(Options {}: Options) -> Result<ExitCode> {
    Ok(match answer().await {
        Ok(code) => code,
        Err(refusal) => {
            output::diagnose(&refusal.message);
            let head = format!(
                "Status: {}\r\nExpires: Fri, 01 Jan 1980 00:00:00 GMT\r\nPragma: no-cache\r\n\
                 Cache-Control: no-cache, max-age=0, must-revalidate\r\n\r\n",
                refusal.status
            );
            let _closed_pipe = std::io::stdout().write_all(head.as_bytes());
            ExitCode::SUCCESS
        }
    })
}

async fn answer() -> Result<ExitCode, Refusal> {
    let path = repo_and_rest()?;
    let method = variable("REQUEST_METHOD");
    let get = matches!(method.as_str(), "GET" | "HEAD");
    for (end, needs_get) in [("/info/refs", true), ("/git-upload-pack", false), ("/git-receive-pack", false)]
    {
        let Some(folder) = path.strip_suffix(end) else {
            continue;
        };
        if needs_get != get && (needs_get || method != "POST") {
            return Err(wrong_method());
        }
        let mut repo = open(Path::new(folder))?;
        return match end {
            "/info/refs" => advertise(&mut repo).await,
            "/git-upload-pack" => serve(&mut repo, Service::UploadPack).await,
            _ => serve(&mut repo, Service::ReceivePack).await,
        };
    }
    Err(not_found(format!("Request not supported: '{path}'")))
}

/// Returns the path that is asked for, below the folder of all repositories.
fn repo_and_rest() -> Result<String, Refusal> {
    let root = variable("GIT_PROJECT_ROOT");
    let path = if root.is_empty() {
        variable("PATH_TRANSLATED")
    } else {
        let info = variable("PATH_INFO");
        if !info.starts_with('/') || info.split('/').any(|part| part == "..") {
            return Err(not_found(format!("'{info}': aliased")));
        }
        format!("{}{info}", root.trim_end_matches('/'))
    };
    if path.is_empty() {
        return Err(Refusal {
            status: "500 Internal Server Error",
            message: "No GIT_PROJECT_ROOT or PATH_TRANSLATED from server".to_owned(),
        });
    }
    Ok(path)
}

fn open(folder: &Path) -> Result<DirRepo, Refusal> {
    let missing = || not_found(format!("Not a git repository: '{}'", folder.display()));
    let mut environment = environment();
    let or = |name: &str, other: &str| match variable(name) {
        value if value.is_empty() => other.to_owned(),
        value => value,
    };
    let user = or("REMOTE_USER", "anonymous");
    let address = format!("{user}@http.{}", or("REMOTE_ADDR", "(none)"));
    environment.committer.0.get_or_insert(user);
    environment.committer.1.get_or_insert(address);
    let repo = DirRepo::open(folder, false, &environment).map_err(|_| missing())?;
    let exported =
        given("GIT_HTTP_EXPORT_ALL").is_some() || repo.path().join("git-daemon-export-ok").exists();
    if exported {
        Ok(repo)
    } else {
        Err(not_found(format!("Repository not exported: '{}'", folder.display())))
    }
}

async fn advertise(repo: &mut DirRepo) -> Result<ExitCode, Refusal> {
    let query = variable("QUERY_STRING");
    let wanted = query.split('&').find_map(|pair| pair.strip_prefix("service="));
    let service = match wanted {
        Some("git-upload-pack") => Service::UploadPack,
        Some("git-receive-pack") => Service::ReceivePack,
        Some(other) => return Err(forbidden(format!("Unsupported service: '{other}'"))),
        None => return Err(forbidden("Unsupported service: getanyfile".to_owned())),
    };
    allow(repo, service)?;
    let name = service.name();
    let announcement = service_announcement(name, Version::from_protocol(&protocol()));
    let output = start(&format!("application/x-{name}-advertisement"), &announcement)?;
    Ok(match service {
        Service::UploadPack => upload_pack::serve(repo, true, true, Input::standard(), output).await,
        Service::ReceivePack => receive_pack::serve(repo, true, true, Input::standard(), output).await,
    })
}

async fn serve(repo: &mut DirRepo, service: Service) -> Result<ExitCode, Refusal> {
    allow(repo, service)?;
    let name = service.name();
    let (media_type, sent) = (format!("application/x-{name}-request"), variable("CONTENT_TYPE"));
    if sent != media_type {
        return Err(Refusal {
            status: "415 Unsupported Media Type",
            message: format!("expected the content type '{media_type}', received '{sent}'"),
        });
    }
    let length = variable("CONTENT_LENGTH").parse().unwrap_or(u64::MAX);
    let body = std::io::stdin().take(length);
    let packed = matches!(variable("HTTP_CONTENT_ENCODING").as_str(), "gzip" | "x-gzip");
    let body = Input(Box::new(body));
    let input: Box<dyn AsyncRead + Unpin + Send> =
        if packed { Box::new(GzipReader::new(body)) } else { Box::new(body) };
    let output = start(&format!("application/x-{name}-result"), b"")?;
    Ok(match service {
        Service::UploadPack => upload_pack::serve(repo, true, false, input, output).await,
        Service::ReceivePack => receive_pack::serve(repo, true, false, input, output).await,
    })
}

/// Refuses a service that the repository's settings do not offer. Pushes need a user, unless they are offered to all.
fn allow(repo: &DirRepo, service: Service) -> Result<(), Refusal> {
    let (setting, default) = match service {
        Service::UploadPack => ("http.uploadpack", true),
        Service::ReceivePack => ("http.receivepack", !variable("REMOTE_USER").is_empty()),
    };
    if repo.config().flag(setting).unwrap_or(default) {
        return Ok(());
    }
    Err(forbidden(format!("Service not enabled: '{}'", service.name())))
}

/// Writes the headers of an answer.
fn start(media_type: &str, first: &[u8]) -> Result<Output, Refusal> {
    let head = format!(
        "Expires: Fri, 01 Jan 1980 00:00:00 GMT\r\nPragma: no-cache\r\n\
         Cache-Control: no-cache, max-age=0, must-revalidate\r\nContent-Type: {media_type}\r\n\r\n"
    );
    let mut out = std::io::stdout();
    let written = out.write_all(head.as_bytes()).and_then(|()| out.write_all(first));
    written.map_err(|error| Refusal { status: "500 Internal Server Error", message: error.to_string() })?;
    Ok(Output::standard())
}

impl Service {
    fn name(self) -> &'static str {
        match self {
            Self::UploadPack => "git-upload-pack",
            Self::ReceivePack => "git-receive-pack",
        }
    }
}

fn not_found(message: String) -> Refusal {
    Refusal { status: "404 Not Found", message }
}

fn forbidden(message: String) -> Refusal {
    Refusal { status: "403 Forbidden", message }
}

fn wrong_method() -> Refusal {
    Refusal { status: "405 Method Not Allowed", message: "this address does not take this method".to_owned() }
}
