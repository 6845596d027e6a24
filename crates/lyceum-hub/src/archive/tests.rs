use lyceum_git::{Edit, ObjectKind, SegmentWriter, Signature, edit_tree};

use super::*;
use crate::testing::TestHub;

const LINKS: usize = 3000;

/// Puts a commit with many symbolic links into a repo; no reference leads to it.
async fn links(hub: &TestHub, repo: i64) -> Oid {
    let mut writer = SegmentWriter::new(hub.inner.store.spool_dir());
    let oid = writer.add(ObjectKind::Blob, b"target").unwrap();
    let link = |number| Edit::Upsert {
        path: lyceum_core::RepoPath::parse(&format!("link-{number}")).unwrap(),
        mode: Mode::Symlink,
        oid,
    };
    let edits = (0..LINKS).map(link).collect();
    let tree = edit_tree(&hub.objects_of(0), None, edits, &mut writer).await.unwrap();
    let author = Signature {
        name: "Ada".to_owned(),
        email: "ada@example.org".to_owned(),
        seconds: 1,
        offset_minutes: 0,
    };
    let commit = Commit {
        tree,
        parents: Vec::new(),
        author: author.clone(),
        committer: author,
        message: "links\n".to_owned(),
    };
    let commit = writer.add(ObjectKind::Commit, &commit.encode()).unwrap();
    let segment = hub.keep_finished_segment(repo, writer.finish().unwrap(), "push").await.unwrap();
    let write = hub.inner.db.write(move |tx| {
        Box::pin(async move {
            let seq = tx.take_segment_number(repo).await?.unwrap();
            tx.insert_segment(&lyceum_db::NewSegment { seq, ..segment }).await?;
            Ok::<_, Error>(())
        })
    });
    write.await.unwrap();
    commit
}

#[tokio::test(flavor = "multi_thread")]
async fn links_are_sent_while_they_are_written() {
    let hub = TestHub::new().await;
    let (caller, _) = hub.user("alice").await;
    let id = hub.repo(&caller, RepoKind::Model, "m").await;
    let repo = hub.open(&caller, RepoKind::Model, &id, Action::Read).await.unwrap();
    let commit = links(&hub, repo.record.id).await;
    let options = ArchiveOptions { format: ArchiveFormat::Tar, pointers: false };
    let archive = ArchiveHandle { repo, commit, options, etag: None };
    let pieces: Vec<Bytes> = hub.read_archive(&archive).unwrap().try_collect().await.unwrap();
    let bytes: usize = pieces.iter().map(Bytes::len).sum();
    assert!(bytes > LINKS * 512, "{bytes}");
    assert!(pieces.iter().all(|piece| piece.len() < PIECE_BYTES + 10_000), "{} pieces", pieces.len());

    // Those who wait for nothing leave their turn to others.
    let readers: Vec<_> = (0..MAX_ARCHIVES).map(|_| hub.read_archive(&archive).unwrap()).collect();
    assert_eq!(hub.read_archive(&archive).err().unwrap().kind(), ErrorKind::Unavailable);
    drop(readers);
    while hub.inner.archives.available_permits() < MAX_ARCHIVES {
        tokio::task::yield_now().await;
    }
    assert!(hub.read_archive(&archive).is_ok());
}
