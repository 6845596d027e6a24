//! `lyceum demo`: a hub with something on it, in one command.

mod client;
mod dataset;
mod model;
mod tokenizer;

use std::path::PathBuf;
use std::process::ExitCode;

use lyceum_hub::{ErrorKind, Hub, NewToken, NewUser, TokenRole};
use serde_json::json;

use self::client::{Client, Upload};
use super::{Common, serve};
use crate::failure::{Failure, Result};
use crate::server::{Server, stop_signal};
use crate::settings::{Loaded, LogFormat, Settings};
use crate::{hub, log, output};

/// Account that owns what the demo uploads.
const USER: &str = "demo";
const MODEL: &str = "demo/tiny-llama";
const DATASET: &str = "demo/chemical-elements";

/// Start a hub with a small model and a small dataset on it
///
/// Uses its own defaults and a temporary folder that is removed at the end, unless --data names one to keep. Both
/// repos go through the hub's own HTTP interface, as a client would send them. Runs until Ctrl-C.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lyceum demo\n  lyceum demo --data ./lyceum-demo --listen 127.0.0.1:9000")]
pub(crate) struct Options {
    /// Address and port to listen on [default: 127.0.0.1:8640, or a free port if that is taken]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
}

pub(crate) async fn run(common: &Common, options: Options) -> Result<ExitCode> {
    let mut settings = Settings::default();
    settings.log.filter = "warn".to_owned();
    settings.log.format = if common.json { LogFormat::Json } else { LogFormat::Text };
    log::start(&settings.log)?;
    let stop = stop_signal()?;
    let folder = Folder::open(common.data.clone())?;
    settings.data = folder.path();
    let server = bind(&mut settings, options.listen).await?;
    let hub = hub::open(&settings).await?;
    let address = format!("http://{}", server.address());
    let token = make_token(&hub).await?;

    let (stopped, wait) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn({
        let (hub, loaded) = (hub.clone(), Loaded::of(settings));
        async move {
            serve::serve(server, &hub, &loaded, async {
                let _sender_gone = wait.await;
            })
            .await;
        }
    });
    let filling = fill(address.clone(), token.clone());
    tokio::pin!(stop);
    let filled = tokio::select! {
        filled = filling => Some(filled),
        () = &mut stop => None,
    };
    if let Some(filled) = filled {
        filled?;
        announce(common, &folder, &address, &token);
        stop.await;
    }
    let _receiver_gone = stopped.send(());
    serving.await.map_err(|error| Failure::from(anyhow::Error::new(error)))?;
    Ok(ExitCode::SUCCESS)
}

/// Where the demo keeps its data.
enum Folder {
    Kept(PathBuf),
    Temporary(tempfile::TempDir),
}

impl Folder {
    fn open(wanted: Option<PathBuf>) -> Result<Self> {
        match wanted {
            Some(path) => Ok(Self::Kept(path)),
            None => tempfile::Builder::new().prefix("lyceum-demo-").tempdir().map(Self::Temporary).map_err(
                |error| Failure::from(error).context("make a temporary folder").hint("name one with --data"),
            ),
        }
    }

    fn path(&self) -> PathBuf {
        match self {
            Self::Kept(path) => path.clone(),
            Self::Temporary(folder) => folder.path().to_owned(),
        }
    }
}

/// Binds the asked address; without one, the usual address or else a free port.
async fn bind(settings: &mut Settings, listen: Option<String>) -> Result<Server> {
    if let Some(listen) = listen {
        settings.listen = listen;
        return Server::bind(&settings.listen, &settings.limits).await;
    }
    if let Ok(server) = Server::bind(&settings.listen, &settings.limits).await {
        return Ok(server);
    }
    "127.0.0.1:0".clone_into(&mut settings.listen);
    Server::bind(&settings.listen, &settings.limits).await
}

/// Makes the demo's user, unless an earlier run did, and a token for him.
async fn make_token(hub: &Hub) -> Result<String> {
    let user = NewUser {
        name: USER.to_owned(),
        full_name: Some("Demo".to_owned()),
        email: None,
        admin: true,
        password: None,
    };
    let name = match hub.create_user(user).await {
        Ok(account) => account.name,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            lyceum_core::AccountName::parse(USER).expect("the demo's user name is valid")
        }
        Err(error) => return Err(error.into()),
    };
    let token = NewToken { name: "demo".to_owned(), role: TokenRole::Write, value: None };
    Ok(hub.create_token(&name, token).await?)
}

/// Uploads both repos. The client blocks, so it runs beside the server's own threads.
async fn fill(address: String, token: String) -> Result<()> {
    let work = move || {
        let client = Client::new(&address, &token);
        client.upload(&Upload { kind: "model", id: MODEL, files: model::files()? })?;
        client.upload(&Upload { kind: "dataset", id: DATASET, files: dataset::files() })
    };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Failure::from(anyhow::Error::new(error)))?
        .map_err(|error| Failure::from(error).context("upload the demo's repos"))
}

fn announce(common: &Common, folder: &Folder, address: &str, token: &str) {
    let commands = [
        format!("hf download {MODEL}"),
        format!("hf download --repo-type dataset {DATASET} elements.jsonl --local-dir ."),
        format!("hf upload --repo-type dataset {USER}/my-first-dataset elements.jsonl"),
    ];
    let environment = format!("export HF_ENDPOINT={address} HF_TOKEN={token}");
    if common.json {
        output::print_json(&json!({
            "address": address,
            "token": token,
            "model": MODEL,
            "dataset": DATASET,
            "environment": environment,
            "commands": commands,
            "data": folder.path(),
        }));
        return;
    }
    output::print(&format!("Lyceum {} runs at {address}", env!("CARGO_PKG_VERSION")));
    output::print(&format!("  model    {address}/{MODEL}"));
    output::print(&format!("  dataset  {address}/datasets/{DATASET}"));
    output::print(&format!("  token    {token}"));
    output::print("\nTry it from another terminal (pip install huggingface_hub):");
    output::print(&format!("  {environment}"));
    for command in commands {
        output::print(&format!("  {command}"));
    }
    match folder {
        Folder::Kept(path) => {
            output::print(&format!("\nCtrl-C stops it; its data stays in {}", path.display()));
        }
        Folder::Temporary(_) => {
            output::print("\nCtrl-C stops it and removes its data; `lyceum demo --data DIR` keeps it");
        }
    }
}
