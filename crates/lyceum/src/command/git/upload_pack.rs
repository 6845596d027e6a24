//! `lyceum git-upload-pack`.

use std::path::PathBuf;
use std::process::ExitCode;

use lyceum_bare::DirRepo;
use lyceum_git::wire::{NoPackCache, UploadPackOptions, Version, upload_pack};
use tokio::io::AsyncRead;

use super::pipe::{Input, Output};
use super::{AGENT, end, hidden, protocol, with_repo};
use crate::failure::Result;

/// Serve a fetch or clone of a plain git repository, as `git upload-pack` does
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  git clone --upload-pack='lyceum git-upload-pack' ../repo.git")]
pub(crate) struct Options {
    /// Take the folder as it is named, without looking for `.git` in it
    #[arg(long)]
    strict: bool,
    /// The opposite of `--strict`
    #[arg(long, overrides_with = "strict")]
    no_strict: bool,
    /// Accepted for git's sake; how long a client may be silent is for whoever starts this
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
    /// One request and one answer, as over HTTP
    #[arg(long)]
    stateless_rpc: bool,
    /// Tell the references and end
    #[arg(long, alias = "http-backend-info-refs")]
    advertise_refs: bool,
    /// The repository
    directory: PathBuf,
}

pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    with_repo(&options.directory, options.strict, async |repo| {
        let (input, output) = (Input::standard(), Output::standard());
        serve(&repo, options.stateless_rpc, options.advertise_refs, input, output).await
    })
    .await
}

/// Serves one fetch.
pub(super) async fn serve(
    repo: &DirRepo,
    stateless: bool,
    advertise: bool,
    input: impl AsyncRead + Unpin + Send,
    output: Output,
) -> ExitCode {
    let config = repo.config();
    let on = |name: &str| config.flag(name) == Some(true);
    let options = UploadPackOptions {
        version: Version::from_protocol(&protocol()),
        stateless,
        advertise,
        agent: AGENT.to_owned(),
        hidden: hidden(config, "uploadpack"),
        tips: on("uploadpack.allowtipsha1inwant"),
        reachable: on("uploadpack.allowreachablesha1inwant"),
        any: on("uploadpack.allowanysha1inwant"),
        filter: on("uploadpack.allowfilter"),
        ref_in_want: on("uploadpack.allowrefinwant"),
        sideband_all: on("uploadpack.allowsidebandall"),
        object_info: on("transfer.advertiseobjectinfo"),
    };
    end(upload_pack(repo, &options, &NoPackCache, input, output).await.map(drop))
}
