//! `lyceum serve`.

use std::process::ExitCode;

use lyceum_hub::Hub;

use super::Common;
use crate::failure::Result;
use crate::server::{Server, router, stop_signal};
use crate::settings::{Loaded, Settings};
use crate::{hub, log, output};

/// Run the hub
///
/// Without settings it listens on loopback and keeps everything in ./lyceum-data. SIGTERM or Ctrl-C lets running
/// requests finish; a second one stops at once.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lyceum serve --data /srv/lyceum --listen 0.0.0.0:8640")]
pub(crate) struct Options {
    /// Address and port to listen on; port 0 takes a free one [default: 127.0.0.1:8640]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
}

pub(crate) async fn run(common: &Common, options: Options) -> Result<ExitCode> {
    let loaded = common.load_listening(options.listen)?;
    let settings = &loaded.settings;
    log::start(&settings.log)?;
    let stop = stop_signal()?;
    // Bound first: a taken port must be told before a database is made.
    let server = Server::bind(&settings.listen, &settings.limits).await?;
    let files = raise_open_files();
    let hub = hub::open(settings).await?;
    let address = format!("http://{}", server.address());
    announce(common, settings, &hub, &address).await?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        %address,
        data = %settings.data().display(),
        open_files = files,
        "serving"
    );
    serve(server, &hub, &loaded, stop).await;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Serves and runs jobs until `stop`; returns when both have ended.
pub(crate) async fn serve(server: Server, hub: &Hub, loaded: &Loaded, stop: impl Future<Output = ()>) {
    let (stop_jobs, jobs_stopped) = tokio::sync::oneshot::channel::<()>();
    let jobs = tokio::spawn({
        let hub = hub.clone();
        async move {
            hub.run_jobs(async {
                let _sender_gone = jobs_stopped.await;
            })
            .await;
        }
    });
    let stop = async {
        stop.await;
        // Their connections would never end by themselves.
        hub.end_followers();
    };
    server.run(router(hub, loaded), stop).await;
    let _receiver_gone = stop_jobs.send(());
    if let Err(error) = jobs.await {
        tracing::error!(%error, "the job runner ended badly");
    }
}

async fn announce(common: &Common, settings: &Settings, hub: &Hub, address: &str) -> Result<()> {
    let fresh = !hub.any_users().await?;
    if common.json {
        let first = fresh.then(|| first_admin(settings));
        output::print_json(&serde_json::json!({
            "address": address,
            "data": settings.data(),
            "first_admin": first,
        }));
        return Ok(());
    }
    output::print(&format!("Lyceum {} listens on {address}", env!("CARGO_PKG_VERSION")));
    if fresh {
        output::print(
            "This hub has no users yet. Make the first administrator and a token, in another terminal:",
        );
        for command in first_admin(settings) {
            output::print(&format!("  {command}"));
        }
    }
    Ok(())
}

fn first_admin(settings: &Settings) -> [String; 2] {
    let data = settings.data().display();
    [
        format!("lyceum user create NAME --admin --data {data}"),
        format!("lyceum token create NAME --data {data}"),
    ]
}

/// Raises the soft limit of open files to the hard one, as servers with many connections need; returns it.
fn raise_open_files() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    }
}
