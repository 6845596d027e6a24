//! Tests of lists: text, facets, pages, and what strangers learn.

use lyceum_core::RepoKind;
use lyceum_hub::{NewOrganisation, RepoChange, Visibility};

use super::TestSite;

const CARD: &str =
    "---\nlicense: mit\npipeline_tag: translation\nlanguage: [en, ja]\n---\n# M\n\n翻訳 is what it does.\n";

/// Makes two public models, one with a card, and a private one.
async fn filled() -> TestSite {
    let site = TestSite::new().await;
    let (ada, _) = site.hub.user("ada").await;
    site.hub.user("bob").await;
    let id = site.hub.repo(&ada, RepoKind::Model, "marian-small").await;
    site.commit(&ada, RepoKind::Model, &id, &[("README.md", CARD.as_bytes())]).await;
    site.hub.repo(&ada, RepoKind::Model, "bert").await;
    let hidden = site.hub.repo(&ada, RepoKind::Model, "marian-secret").await;
    let private = RepoChange { visibility: Some(Visibility::Private), ..RepoChange::default() };
    site.change(&ada, &hidden, private).await;
    site.hub.advance_seconds(5);
    site.hub.run_due_jobs().await.unwrap();
    site
}

#[tokio::test]
async fn lists_are_narrowed_down_by_text_and_facets() {
    let site = filled().await;
    let check = async |path: &str, shown: &[&str], not: &[&str]| {
        let page = site.get(path, "").await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        for words in shown {
            assert!(page.text.contains(words), "{path} does not show {words:?}: {}", page.text);
        }
        for words in not {
            assert!(!page.text.contains(words), "{path} shows {words:?}: {}", page.text);
        }
    };
    let all =
        ["<strong>2</strong> found", "ada/marian-small", "ada/bert", "/models?task=translation", "Language"];
    check("/models", &all, &["marian-secret", "Author"]).await;
    check("/models?search=mari", &["ada/marian-small", "Best match"], &["ada/bert", "secret"]).await;
    check("/models?search=%E7%BF%BB%E8%A8%B3", &["ada/marian-small"], &["ada/bert"]).await;
    let close = ["Nothing fits “marain” as it is written", "ada/marian-small"];
    check("/models?search=marain", &close, &["ada/bert"]).await;
    let chosen = ["<strong>1</strong> found", "Take back mit", "name=\"license\" value=\"mit\"", "Show all"];
    check("/models?license=mit&sort=likes", &chosen, &["ada/bert"]).await;
    check("/models?license=mit&search=nothing", &["Nothing fits.", "show all models"], &["ada/marian"]).await;
    check("/models?author=ada&tag=license%3Amit", &["ada/marian-small", "Take back ada"], &["ada/bert"])
        .await;
    check("/datasets", &["There are no datasets yet that you may see."], &[]).await;
    let hostile = "/models?search=%3Cscript%3E&license=%22%3E%3Cscript%3E&what=zebra&sort=odd";
    check(hostile, &["&#60;script&#62;"], &["<script", "zebra"]).await;
    assert_eq!(site.get("/models?after=x", "").await.status, 400);
    assert_eq!(site.get(&format!("/models?search={}", "a".repeat(257)), "").await.status, 400);
}

#[tokio::test]
async fn counts_tell_a_stranger_nothing() {
    let site = filled().await;
    let (owner, other) = (site.session("ada").await, site.session("bob").await);
    let own = site.get("/models?search=marian", &owner).await;
    assert!(
        own.text.contains("<strong>2</strong> found") && own.text.contains("access=private"),
        "{}",
        own.text
    );
    for cookie in ["", other.as_str()] {
        let page = site.get("/models?search=marian", cookie).await;
        assert!(page.text.contains("<strong>1</strong> found"), "{}", page.text);
        assert!(!page.text.contains("private"), "{}", page.text);
        let asked = site.get("/models?access=private", cookie).await;
        assert!(asked.text.contains("<strong>0</strong> found"), "{}", asked.text);
    }
}

#[tokio::test]
async fn pages_follow_each_other_without_gaps() {
    let site = TestSite::new().await;
    let (ada, _) = site.hub.user("ada").await;
    for number in 0..65 {
        site.hub.repo(&ada, RepoKind::Dataset, &format!("d{number:02}")).await;
    }
    let mut path = "/datasets?search=d&sort=created".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = site.get(&path, "").await;
        assert!(page.text.contains("<strong>65</strong> found"));
        let rows = page.text.split("<li>\n<a href=\"/datasets/ada/").skip(1);
        seen.extend(rows.map(|row| row.split('"').next().unwrap().to_owned()));
        let Some((before, _)) = page.text.split_once("\" rel=\"next\"") else { break };
        path = before.rsplit_once("href=\"").unwrap().1.replace("&#38;", "&");
    }
    assert_eq!(seen.len(), 65);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 65);
}

#[tokio::test]
async fn people_and_organisations_are_found() {
    let site = TestSite::new().await;
    site.hub.user("ada-lovelace").await;
    site.hub.user("bob").await;
    let lab = NewOrganisation {
        name: "lab".to_owned(),
        full_name: Some("東京の研究所".to_owned()),
        private_by_default: false,
    };
    site.hub.create_organisation(lab).await.unwrap();
    let check = async |path: &str, shown: &str, not: &str| {
        let page = site.get(path, "").await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.text.contains(shown) && !page.text.contains(not), "{path}: {}", page.text);
    };
    check("/users", "/ada-lovelace\"", "\"/lab\"").await;
    check("/users?search=love", "/ada-lovelace\"", "/bob\"").await;
    check("/users?search=lovelcae", "much like it", "/bob\"").await;
    check("/organizations?search=%E7%A0%94%E7%A9%B6", "/lab\"", "/bob\"").await;
    check("/organizations?search=none", "Nobody is called so.", "/lab\"").await;
}
