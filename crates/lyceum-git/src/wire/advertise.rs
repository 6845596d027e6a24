//! What a client is told before it asks: references in versions 0 and 1, commands in version 2.

use std::collections::HashSet;

use lyceum_core::Oid;
use tokio::io::{AsyncRead, AsyncWrite};

use super::options::hidden;
use super::peer::Peer;
use super::{UploadPackOptions, Version};
use crate::limits::MAX_ADVERTISED_REFERENCES;
use crate::{Error, Head, Reference, References, Result};

/// The references of a repository, as one client is shown them.
pub(crate) struct Shown {
    /// What `HEAD` says, and the object that it leads to.
    pub(crate) head: Option<(Head, Option<Oid>)>,
    /// By name.
    pub(crate) references: Vec<Reference>,
    /// What hidden references point to.
    pub(crate) hidden: HashSet<Oid>,
}

impl Shown {
    /// Reads the references whose names start with one of `prefixes`, or all if there are none.
    pub(crate) async fn read(
        source: &impl References,
        options: &UploadPackOptions,
        prefixes: &[String],
    ) -> Result<Self> {
        let mut references = source.references(prefixes).await?;
        if references.len() > MAX_ADVERTISED_REFERENCES {
            return Err(Error::protocol(format!(
                "more than {MAX_ADVERTISED_REFERENCES} references; ask for some of them, with protocol version 2"
            )));
        }
        let head = match source.head().await? {
            None => None,
            Some(Head::Detached(oid)) => Some((Head::Detached(oid), Some(oid))),
            Some(Head::Symbolic(name)) => {
                let target = match find(&references, &name) {
                    Some(target) => Some(target),
                    None if prefixes.is_empty() => None,
                    None => find(&source.references(std::slice::from_ref(&name)).await?, &name),
                };
                Some((Head::Symbolic(name), target))
            }
        };
        let is_hidden = |reference: &Reference| hidden(&options.hidden, &reference.name);
        let hidden = references.iter().filter(|reference| is_hidden(reference)).map(|hidden| hidden.target);
        let hidden = hidden.collect();
        references.retain(|reference| !is_hidden(reference));
        Ok(Self { head, references, hidden })
    }
}

fn find(references: &[Reference], name: &str) -> Option<Oid> {
    references.iter().find(|reference| reference.name == name).map(|reference| reference.target)
}

/// Lists references and what the server can do, for versions 0 and 1.
pub(crate) async fn references<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    source: &impl References,
    options: &UploadPackOptions,
    shown: &Shown,
    peer: &mut Peer<R, W>,
) -> Result<()> {
    if options.version == Version::V1 {
        peer.line("version 1").await?;
    }
    let mut capabilities = Some(v0_capabilities(options, shown));
    let mut announce = |oid: Oid, name: &str| match capabilities.take() {
        Some(capabilities) => format!("{oid} {name}\0{capabilities}"),
        None => format!("{oid} {name}"),
    };
    if let Some((_, Some(oid))) = shown.head {
        peer.line(announce(oid, "HEAD")).await?;
    }
    for reference in &shown.references {
        peer.line(announce(reference.target, &reference.name)).await?;
        if let Some(peeled) = reference.peeled {
            peer.line(format!("{peeled} {}^{{}}", reference.name)).await?;
        }
    }
    if capabilities.is_some() {
        peer.line(format!("{} capabilities^{{}}\0{}", Oid::ZERO, v0_capabilities(options, shown))).await?;
    }
    for oid in source.shallow().await? {
        peer.line(format!("shallow {oid}")).await?;
    }
    peer.flush().await?;
    peer.send().await
}

/// In the order in which git names them.
fn v0_capabilities(options: &UploadPackOptions, shown: &Shown) -> String {
    let mut text = "multi_ack thin-pack side-band side-band-64k ofs-delta shallow deepen-since deepen-not \
                    deepen-relative no-progress include-tag multi_ack_detailed"
        .to_owned();
    let optional = [
        (options.tips || options.any, " allow-tip-sha1-in-want"),
        (options.reachable || options.any, " allow-reachable-sha1-in-want"),
        (options.stateless, " no-done"),
    ];
    text.extend(optional.iter().filter(|(allowed, _)| *allowed).map(|(_, name)| *name));
    if let Some((Head::Symbolic(name), Some(_))) = &shown.head {
        text.push_str(" symref=HEAD:");
        text.push_str(name);
    }
    if options.filter {
        text.push_str(" filter");
    }
    text.push_str(" object-format=sha1 agent=");
    text.push_str(&options.agent);
    text
}

/// Lists the commands of version 2.
pub(crate) async fn commands<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    options: &UploadPackOptions,
    peer: &mut Peer<R, W>,
) -> Result<()> {
    peer.line("version 2").await?;
    peer.line(format!("agent={}", options.agent)).await?;
    peer.line("ls-refs=unborn").await?;
    let optional = [
        (options.filter, " filter"),
        (options.ref_in_want, " ref-in-want"),
        (options.sideband_all, " sideband-all"),
    ];
    let optional: String = optional.iter().filter(|(allowed, _)| *allowed).map(|(_, name)| *name).collect();
    peer.line(format!("fetch=shallow wait-for-done{optional}")).await?;
    peer.line("server-option").await?;
    peer.line("object-format=sha1").await?;
    if options.object_info {
        peer.line("object-info").await?;
    }
    peer.flush().await?;
    peer.send().await
}
