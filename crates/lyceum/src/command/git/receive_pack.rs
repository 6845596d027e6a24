//! `lyceum git-receive-pack`.

use std::path::PathBuf;
use std::process::ExitCode;

use lyceum_bare::DirRepo;
use lyceum_git::wire::{ReceiveOptions, Version, receive_pack};
use tokio::io::AsyncRead;

use super::pipe::{Input, Output};
use super::{AGENT, end, hidden, protocol, with_repo};
use crate::failure::Result;

/// Take a push into a plain git repository, as `git receive-pack` does
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  git push --receive-pack='lyceum git-receive-pack' ../repo.git main")]
pub(crate) struct Options {
    /// One request and one answer, as over HTTP
    #[arg(long)]
    stateless_rpc: bool,
    /// Tell the references and end
    #[arg(long, alias = "http-backend-info-refs")]
    advertise_refs: bool,
    /// Accepted for git's sake; nothing is said in any case
    #[arg(long, short)]
    quiet: bool,
    /// The repository
    directory: PathBuf,
}

pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    with_repo(&options.directory, false, async |mut repo| {
        let (input, output) = (Input::standard(), Output::standard());
        serve(&mut repo, options.stateless_rpc, options.advertise_refs, input, output).await
    })
    .await
}

/// Serves one push.
pub(super) async fn serve(
    repo: &mut DirRepo,
    stateless: bool,
    advertise: bool,
    input: impl AsyncRead + Unpin + Send,
    output: Output,
) -> ExitCode {
    repo.hide(hidden(repo.config(), "receive"));
    let config = repo.config();
    let version = match Version::from_protocol(&protocol()) {
        Version::V1 => 1,
        // Pushes have no second version.
        Version::V0 | Version::V2 => 0,
    };
    let options = ReceiveOptions {
        stateless,
        advertise,
        version,
        agent: AGENT,
        atomic: config.flag("receive.advertiseatomic") != Some(false),
        push_options: config.flag("receive.advertisepushoptions") == Some(true),
    };
    end(receive_pack(&*repo, &options, input, output).await)
}
