//! The walk over trees, which compares each with those of the parents: what stands at the same place there is not
//! looked at again, as it is sent with them or is at the client already.

use std::collections::HashMap;
use std::sync::Arc;

use lyceum_core::Oid;

use super::{Selection, Watch};
use crate::limits::{MAX_COMPARED_PARENTS, MAX_TREE_DEPTH};
use crate::object::read_kind;
use crate::wire::filter::Filter;
use crate::wire::links::{Link, LinkKind, entries};
use crate::{Error, ErrorKind, Object, ObjectKind, PackSource, Result};

/// A tree that stands where the one in question stands, and of which everything is selected already, or known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Base {
    pub(super) tree: Oid,
    /// The client has it; otherwise it is sent.
    pub(super) known: bool,
}

pub(super) struct Trees<'a, S> {
    pub(super) source: &'a S,
    pub(super) selection: Selection,
    filter: Option<&'a Filter>,
    thin: bool,
    /// With a filter, the least depth at which each tree was walked.
    walked: HashMap<Oid, u64>,
}

/// A tree to walk.
struct Step {
    tree: Oid,
    bases: Vec<Base>,
    depth: u64,
}

impl<'a, S: PackSource> Trees<'a, S> {
    pub(super) fn new(source: &'a S, filter: Option<&'a Filter>, thin: bool) -> Self {
        Self { source, selection: Selection::default(), filter, thin, walked: HashMap::new() }
    }

    /// Adds the tree of a commit.
    pub(super) async fn add_root(
        &mut self,
        tree: Oid,
        bases: Vec<Base>,
        watch: &mut impl Watch,
    ) -> Result<()> {
        if bases.iter().any(|base| base.tree == tree) || !self.enter(tree, 0)? {
            return Ok(());
        }
        self.walk(Step { tree, bases, depth: 0 }, watch).await
    }

    /// Adds a tree that was asked for by its id, to which no filter applies, but to what is in it.
    pub(super) async fn add_given(&mut self, tree: Oid, watch: &mut impl Watch) -> Result<()> {
        self.selection.add(tree)?;
        let mut steps = Vec::new();
        self.contents(&Step { tree, bases: Vec::new(), depth: 0 }, 0, &mut steps).await?;
        for step in steps {
            self.walk(step, watch).await?;
        }
        Ok(())
    }

    async fn walk(&mut self, first: Step, watch: &mut impl Watch) -> Result<()> {
        let mut steps = vec![first];
        while let Some(step) = steps.pop() {
            self.contents(&step, step.depth + 1, &mut steps).await?;
            watch.found(self.selection.objects.len()).await?;
        }
        Ok(())
    }

    /// Selects what is new in a tree, and appends the trees in it that are to be walked.
    async fn contents(&mut self, step: &Step, depth: u64, steps: &mut Vec<Step>) -> Result<()> {
        if depth > MAX_TREE_DEPTH as u64 {
            return Err(Error::too_large(format!("folders are nested deeper than {MAX_TREE_DEPTH}")));
        }
        let object = read_kind(self.source, step.tree, ObjectKind::Tree).await?;
        let mut bases: Vec<(Arc<Object>, bool)> = Vec::with_capacity(step.bases.len());
        for base in &step.bases {
            match read_kind(self.source, base.tree, ObjectKind::Tree).await {
                Ok(object) => bases.push((object, base.known)),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let mut beside: Vec<Beside<'_>> =
            bases.iter().map(|(object, known)| Beside::new(&object.data, *known)).collect();
        for link in entries(&object.data) {
            let link = link?;
            let mut same = false;
            let mut below = Vec::new();
            for base in &mut beside {
                let Some(oid) = base.find(&link) else {
                    continue;
                };
                same |= oid == link.oid;
                if link.kind == LinkKind::Tree && below.iter().all(|other: &Base| other.tree != oid) {
                    below.push(Base { tree: oid, known: base.known });
                }
                if self.thin && base.known && oid != link.oid {
                    self.selection.known.insert(oid);
                }
            }
            if same {
                continue;
            }
            match link.kind {
                LinkKind::Submodule => {}
                LinkKind::Blob => self.add_blob(link.oid, depth).await?,
                LinkKind::Tree => {
                    if self.enter(link.oid, depth)? {
                        below.truncate(MAX_COMPARED_PARENTS);
                        steps.push(Step { tree: link.oid, bases: below, depth });
                    }
                }
            }
        }
        Ok(())
    }

    /// Selects a tree, and reports whether what is in it is to be looked at.
    fn enter(&mut self, tree: Oid, depth: u64) -> Result<bool> {
        let Some(filter) = self.filter else {
            return self.selection.add(tree);
        };
        if let Some(least) = self.walked.get(&tree)
            && *least <= depth
        {
            return Ok(false);
        }
        self.walked.insert(tree, depth);
        if filter.shows(ObjectKind::Tree, depth, 0) {
            self.selection.add(tree)?;
        }
        Ok(filter.descends(depth))
    }

    async fn add_blob(&mut self, oid: Oid, depth: u64) -> Result<()> {
        if let Some(filter) = self.filter {
            let size = if filter.needs_size() { self.source.header(oid).await?.size } else { 0 };
            if !filter.shows(ObjectKind::Blob, depth, size) {
                return Ok(());
            }
        }
        self.selection.add(oid)?;
        Ok(())
    }
}

/// A tree that is read next to another one.
struct Beside<'a> {
    rest: Box<dyn Iterator<Item = Result<Link<'a>>> + Send + 'a>,
    next: Option<Link<'a>>,
    known: bool,
}

impl<'a> Beside<'a> {
    fn new(data: &'a [u8], known: bool) -> Self {
        let mut rest = entries(data);
        let next = rest.next().and_then(Result::ok);
        Self { rest: Box::new(rest), next, known }
    }

    /// Returns the id of the entry of the same name and kind; both trees are read in their order.
    fn find(&mut self, link: &Link<'_>) -> Option<Oid> {
        loop {
            let next = self.next?;
            match next.order(link) {
                std::cmp::Ordering::Less => self.next = self.rest.next().and_then(Result::ok),
                std::cmp::Ordering::Equal => {
                    let same = (next.kind == LinkKind::Tree) == (link.kind == LinkKind::Tree);
                    return same.then_some(next.oid);
                }
                std::cmp::Ordering::Greater => return None,
            }
        }
    }
}
