//! Contents of a pack that were made and are kept a while.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;

/// Memory for them; what does not fit is made again when it is needed.
const BUILT_BYTES: usize = if cfg!(test) { 1 << 20 } else { 64 << 20 };
/// Memory that one takes besides its content.
const OVERHEAD_BYTES: usize = 128;

/// Contents by entry; those go first that were not asked for the longest. The last one stays, however large it is.
#[derive(Debug, Default)]
pub(super) struct Built {
    contents: HashMap<u32, (Bytes, u64)>,
    /// Entries by when they were asked for.
    order: BTreeMap<u64, u32>,
    clock: u64,
    bytes: usize,
}

impl Built {
    /// Returns the content of an entry, if it is still here.
    pub(super) fn get(&mut self, index: u32) -> Option<Bytes> {
        let (content, used) = self.contents.get_mut(&index)?;
        self.order.remove(used);
        self.clock += 1;
        *used = self.clock;
        self.order.insert(self.clock, index);
        Some(content.clone())
    }

    /// Keeps the content of an entry.
    pub(super) fn keep(&mut self, index: u32, content: &Bytes) {
        if self.get(index).is_some() {
            return;
        }
        self.clock += 1;
        self.contents.insert(index, (content.clone(), self.clock));
        self.order.insert(self.clock, index);
        self.bytes += content.len() + OVERHEAD_BYTES;
        while self.bytes > BUILT_BYTES
            && self.contents.len() > 1
            && let Some((_, oldest)) = self.order.pop_first()
            && let Some((content, _)) = self.contents.remove(&oldest)
        {
            self.bytes -= content.len() + OVERHEAD_BYTES;
        }
    }
}
