use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use lyceum_core::limits::MAX_ATTACHMENT_BYTES;
use lyceum_core::{ByteRange, RepoKind};

use super::{MAX_SHOWN, recognise, shown};
use crate::testing::TestHub;
use crate::{Action, Caller, ErrorKind, Repo, RepoChange, Visibility};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and some pixels";

fn body(
    parts: &[&'static [u8]],
) -> impl futures_util::Stream<Item = Result<Bytes, std::io::Error>> + Send + Unpin + use<> {
    stream::iter(parts.iter().map(|part| Ok(Bytes::from_static(part))).collect::<Vec<_>>())
}

#[test]
fn files_are_what_their_bytes_say() {
    for (start, expected) in [
        (PNG, Some("image/png")),
        (b"\xff\xd8\xff\xe0", Some("image/jpeg")),
        (b"GIF89a", Some("image/gif")),
        (b"RIFF\0\0\0\0WEBPVP8 ", Some("image/webp")),
        (b"RIFF\0\0\0\0WAVEfmt ", Some("audio/wav")),
        (b"\0\0\0\x20ftypisom\0\0\0\0", Some("video/mp4")),
        (b"\0\0\0\x14ftypqt  \0\0\0\0", Some("video/quicktime")),
        (b"\x1a\x45\xdf\xa3", Some("video/webm")),
        (b"ID3\x04", Some("audio/mpeg")),
        (b"\xff\xfb\x90\x00", Some("audio/mpeg")),
        (b"\xff\xff\xff\xff", None),
        (b"", None),
        (b"<svg xmlns", None),
        (b"<!DOCTYPE html>", None),
        (b"%PDF-1.7", None),
        (b"\xff\xfe<\0", None),
        (b"RIFF\0\0\0\0AVI ", None),
    ] {
        let found = recognise(start).map(|(media_type, _)| media_type);
        assert_eq!(found, expected, "{}", start.escape_ascii());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_attached_can_be_read() {
    for hub in TestHub::each().await {
        let (alice, _) = hub.user("alice").await;
        // Cut where the kind cannot yet be told.
        let made = hub.attach(&alice, body(&[&PNG[..3], b"", &PNG[3..]])).await.unwrap();
        assert!(made.name.len() > 32 && made.name.ends_with(".png"), "{made:?}");
        let found = hub.attachment(&alice, &made.name).await.unwrap();
        assert_eq!((found.media_type.as_str(), found.bytes), ("image/png", PNG.len() as u64));
        let part: Vec<Bytes> =
            hub.read_attachment(&found, ByteRange::new(1, 4)).await.unwrap().try_collect().await.unwrap();
        assert_eq!(part.concat(), b"PNG");
        assert!(hub.fsck(true, |_| {}).await.unwrap().findings.is_empty());
        hub.inner.store.delete_blob(&super::key(&made.name).unwrap()).await.unwrap();
        let findings = hub.fsck(false, |_| {}).await.unwrap().findings;
        assert_eq!(findings.len(), 1);
        assert!(findings[0].object.contains(&made.name), "{findings:?}");
        let orphan = super::key("0rphan.png").unwrap();
        hub.inner.store.put_blob(&orphan, Bytes::from_static(PNG)).await.unwrap();
        let findings = hub.fsck(false, |_| {}).await.unwrap().findings;
        assert_eq!(findings.len(), 2);
        assert!(findings[1].object.contains("0rphan.png"), "{findings:?}");
        assert_eq!(hub.attachment(&alice, "none.png").await.unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(hub.attachment(&alice, "../../lyceum.db").await.unwrap_err().kind(), ErrorKind::NotFound);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_so_much_can_be_attached() {
    let hub = TestHub::new().await;
    let (alice, _) = hub.user("alice").await;
    let refused = hub.attach(&Caller::Anonymous, body(&[PNG])).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unauthenticated);
    let refused = hub.attach(&alice, body(&[b"<script>alert(1)</script>"])).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid);
    let zeros: &'static [u8] = &[0; 1 << 20];
    let endless = stream::iter([PNG]).chain(stream::repeat(zeros));
    let endless = endless.map(|part| Ok::<_, std::io::Error>(Bytes::from_static(part)));
    let refused = hub.attach(&alice, endless).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::TooLarge);
    let broken = stream::iter([Ok(Bytes::from_static(PNG)), Err(std::io::Error::other("cut off"))]);
    assert_eq!(hub.attach(&alice, broken).await.unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(hub.inner.store.list_blobs("attachments").collect::<Vec<_>>().await.len(), 0);

    let now = hub.inner.clock.now();
    let row = lyceum_db::Attachment {
        name: "much".to_owned(),
        user_id: alice.user_id(),
        repo_id: None,
        media_type: "video/mp4".to_owned(),
        bytes: (1 << 30) - MAX_ATTACHMENT_BYTES.min(10),
        created_at: now,
    };
    hub.inner
        .db
        .write(move |tx| Box::pin(async move { Ok::<_, crate::Error>(tx.insert_attachment(&row).await?) }))
        .await
        .unwrap();
    let refused = hub.attach(&alice, body(&[PNG])).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::TooLarge);
    assert!(refused.message().contains("a day"), "{refused}");
    assert_eq!(hub.inner.store.list_blobs("attachments").collect::<Vec<_>>().await.len(), 0);
    hub.advance_seconds(24 * 3600 + 1);
    hub.attach(&alice, body(&[PNG])).await.unwrap();
}

#[test]
fn texts_show_what_they_name() {
    assert_eq!(
        shown("![a](https://hub/uploads/ab1.png), /uploads/cd2.mp4. And /uploads/ab1.png"),
        ["ab1.png", "cd2.mp4"]
    );
    assert_eq!(shown("/uploads/ and /uploads/../x and uploads/a.png"), Vec::<&str>::new());
    let many: String = (0..MAX_SHOWN + 5).map(|at| format!("/uploads/{at}.png ")).collect();
    assert_eq!(shown(&many).len(), MAX_SHOWN);
}

#[tokio::test(flavor = "multi_thread")]
async fn attachments_belong_to_the_repo_that_first_shows_them() {
    for hub in TestHub::each().await {
        let (alice, _) = hub.user("alice").await;
        let (bob, _) = hub.user("bob").await;
        let open = async |caller: &Caller, name: &str, visibility| -> Repo {
            let id = hub.repo(caller, RepoKind::Model, name).await;
            let repo = hub.open(caller, RepoKind::Model, &id, Action::Administer).await.unwrap();
            let change = RepoChange { visibility: Some(visibility), ..RepoChange::default() };
            hub.change_repo(caller, &repo, change).await.unwrap();
            hub.open(caller, RepoKind::Model, &id, Action::Administer).await.unwrap()
        };
        let hidden = open(&alice, "hidden", Visibility::Private).await;
        let shown = open(&alice, "shown", Visibility::Public).await;
        let theirs = open(&bob, "theirs", Visibility::Public).await;
        let sees = async |caller: &Caller, name: &str| match hub.attachment(caller, name).await {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(
                    (error.kind(), error.message()),
                    (ErrorKind::NotFound, "there is no such attachment")
                );
                false
            }
        };
        let one = hub.attach(&alice, body(&[PNG])).await.unwrap().name;
        let two = hub.attach(&alice, body(&[PNG])).await.unwrap().name;
        let text = |name: &str| format!("![x](https://hub.test/uploads/{name})");
        // Who learns of an address cannot take what is there.
        hub.create_discussion(&bob, &theirs, "mine now", &text(&one), false).await.unwrap();
        assert!(sees(&alice, &one).await && !sees(&bob, &one).await && !sees(&Caller::Anonymous, &one).await);

        let made = hub.create_discussion(&alice, &hidden, "secret", &text(&one), false).await.unwrap();
        hub.create_discussion(&alice, &shown, "public", &text(&one), false).await.unwrap();
        assert!(sees(&alice, &one).await && !sees(&bob, &one).await && !sees(&Caller::Anonymous, &one).await);

        let made_here = hub.create_discussion(&alice, &shown, "later", "words", false).await.unwrap();
        let said = hub.comment(&alice, &shown, made_here.number, "more words").await.unwrap();
        hub.edit_comment(&alice, &shown, made_here.number, &said.id, &text(&two)).await.unwrap();
        assert!(sees(&bob, &two).await && sees(&Caller::Anonymous, &two).await);
        hub.comment(&alice, &hidden, made.number, &text(&two)).await.unwrap();
        assert!(sees(&Caller::Anonymous, &two).await);

        let change = RepoChange { visibility: Some(Visibility::Private), ..RepoChange::default() };
        hub.change_repo(&alice, &shown, change).await.unwrap();
        assert!(sees(&alice, &two).await && !sees(&bob, &two).await);
        hub.delete_repo(&alice, &shown).await.unwrap();
        assert!(sees(&alice, &two).await && !sees(&bob, &two).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_shown_goes_after_its_time() {
    for hub in TestHub::each().await {
        let (alice, _) = hub.user("alice").await;
        let id = hub.repo(&alice, RepoKind::Model, "m").await;
        let repo = hub.open(&alice, RepoKind::Model, &id, Action::Administer).await.unwrap();
        let attach = async || hub.attach(&alice, body(&[PNG])).await.unwrap().name;
        let (shown, forgotten) = (attach().await, attach().await);
        let text = format!("![x](/uploads/{shown})");
        hub.create_discussion(&alice, &repo, "Look", &text, false).await.unwrap();
        hub.sign_in("alice", "correct horse", None).await.unwrap();
        let report = hub.collect_garbage(28, |_| {}).await.unwrap();
        assert_eq!((report.attachments, report.logins), (0, 0));
        hub.advance_seconds(100 * 24 * 3600);
        let report = hub.collect_garbage(28, |_| {}).await.unwrap();
        assert_eq!((report.attachments, report.logins), (1, 1));
        hub.attachment(&alice, &shown).await.unwrap();
        assert_eq!(hub.attachment(&alice, &forgotten).await.unwrap_err().kind(), ErrorKind::NotFound);
        hub.delete_repo(&alice, &repo).await.unwrap();
        assert_eq!(hub.collect_garbage(28, |_| {}).await.unwrap().attachments, 1);
        assert!(hub.fsck(true, |_| {}).await.unwrap().findings.is_empty());
    }
}
