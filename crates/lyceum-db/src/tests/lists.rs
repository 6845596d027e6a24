//! Lists against a naive model of them.

use lyceum_core::RepoKind;

use super::{at, name, new_repo, oid, org, put, read, user};
use crate::value::bind;
use crate::{Db, Facet, Gated, ListQuery, Repo, RepoInfo, RepoSettings, Role, Sort, Visibility};

/// A small generator, so that a failure repeats.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        let sides = from.len() as u64;
        from[usize::try_from(self.roll(sides)).unwrap()].clone()
    }

    fn maybe<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        (self.roll(3) == 0).then(|| self.pick(from))
    }
}

const TAGS: [&str; 6] = ["pytorch", "license:mit", "en", "Ünï", "a%b", "never-used"];
const NAMES: [&str; 6] = ["bert", "BERT-base", "gpt_2", "gpt-2", "x", "model.v1"];

struct World {
    alice: i64,
    bob: i64,
    acme: i64,
    rows: Vec<(Repo, Option<RepoInfo>, Vec<String>)>,
}

async fn world(db: &Db, dice: &mut Dice) -> World {
    let (alice, bob, acme) = (user(db, "alice").await, user(db, "bob").await, org(db, "Acme").await);
    put(db, move |tx| Box::pin(async move { tx.upsert_member(acme, bob, Role::Read).await })).await;
    let mut rows = Vec::new();
    for number in 0..60 {
        let (owner, namespace) = dice.pick(&[(alice, "alice"), (bob, "bob"), (acme, "Acme")]);
        let visibility = dice.pick(&[Visibility::Public, Visibility::Private, Visibility::Protected]);
        let mut new = new_repo(owner, &format!("{namespace}/{}{number}", dice.pick(&NAMES)), visibility);
        new.kind = dice.pick(&[
            RepoKind::Model,
            RepoKind::Model,
            RepoKind::Dataset,
            RepoKind::Space,
            RepoKind::Kernel,
        ]);
        // Few values, so that many repos share one and the id has to decide.
        new.created_at = at(i64::try_from(dice.roll(4)).unwrap());
        let head_at = at(10 + i64::try_from(dice.roll(4)).unwrap());
        let counts = [dice.roll(3), dice.roll(3), dice.roll(3)];
        let gated = dice.pick(&[Gated::No, Gated::Auto, Gated::Manual]);
        let tags: Vec<String> =
            TAGS[..5].iter().filter(|_| dice.roll(2) == 0).map(|tag| (*tag).to_owned()).collect();
        let info = (dice.roll(5) > 0).then(|| RepoInfo {
            repo_id: 0,
            commit_oid: oid(number),
            author: "alice".to_owned(),
            card: Some("{}".to_owned()),
            tags: format!("{tags:?}"),
            pipeline_tag: dice.maybe(&["fill-mask".to_owned(), "text-generation".to_owned()]),
            library: dice.maybe(&["transformers".to_owned()]),
            config: Some("{\"x\":1}".to_owned()),
            transformers_info: None,
            safetensors: None,
            gguf: None,
            description: Some("A model".to_owned()),
            siblings_count: number,
            used_bytes: 1 << 41,
            updated_at: at(3),
        });
        let row = put(db, move |tx| {
            Box::pin(async move {
                let id = tx.insert_repo(&new).await?.unwrap();
                let settings = RepoSettings { gated: Some(gated), ..RepoSettings::default() };
                tx.update_repo_settings(id, &settings, at(1)).await?;
                tx.touch_repo(id, at(1), Some(head_at)).await?;
                let sql = "UPDATE repo SET downloads = $2, likes = $3, trending = $4 WHERE id = $1";
                tx.execute(sql, bind![id, counts[0], counts[1], counts[2]]).await?;
                let info = info.map(|info| RepoInfo { repo_id: id, ..info });
                if let Some(info) = &info {
                    assert!(tx.put_repo_info(info, &["old".to_owned()]).await?);
                    assert!(tx.put_repo_info(info, &tags).await?);
                    assert_eq!(tx.repo_info(id).await?.as_ref(), Some(info));
                }
                Ok((tx.repo(id).await?.unwrap(), info, tags))
            })
        })
        .await;
        rows.push(row);
    }
    World { alice, bob, acme, rows }
}

/// What the query means, word by word.
fn model(world: &World, query: &ListQuery) -> Vec<i64> {
    let mut found: Vec<&Repo> = Vec::new();
    for (repo, info, tags) in &world.rows {
        let member = query.viewer == Some(world.bob) && repo.owner_id == world.acme;
        let seen = query.viewer_admin
            || repo.visibility != Visibility::Private
            || query.viewer == Some(repo.owner_id)
            || member;
        let id = repo.name.to_string().to_ascii_lowercase();
        let info = info.as_ref();
        let has = |tag: &String| info.is_some() && tags.contains(tag);
        let matches = repo.kind == query.kind
            && query.author.as_ref().is_none_or(|author| author.key() == repo.name.namespace().key())
            && query.search.iter().all(|words| id.contains(&words.to_ascii_lowercase()))
            && query.tags.iter().all(has)
            && query.gated.is_none_or(|gated| gated == (repo.gated != Gated::No))
            && (query.pipeline_tag.is_none()
                || info.and_then(|info| info.pipeline_tag.clone()) == query.pipeline_tag)
            && (query.library.is_none() || info.and_then(|info| info.library.clone()) == query.library);
        if seen && matches {
            found.push(repo);
        }
    }
    found.sort_by_key(|repo| (query.sort.value(repo), repo.id));
    if !query.ascending {
        found.reverse();
    }
    found.into_iter().map(|repo| repo.id).collect()
}

fn random_query(dice: &mut Dice, world: &World) -> ListQuery {
    let mut query =
        ListQuery::new(dice.pick(&[RepoKind::Model, RepoKind::Model, RepoKind::Dataset, RepoKind::Space]));
    query.viewer = dice.maybe(&[world.alice, world.bob]);
    query.viewer_admin = dice.roll(4) == 0;
    query.author = dice.maybe(&[name("alice"), name("ACME"), name("nobody")]);
    for _ in 0..dice.roll(3) {
        let words = ["bert", "T-2", "t_2", "/", "%", "alice/", "Model", ".v", "0", "\\", "model:"];
        query.search.extend(dice.maybe(&words).map(str::to_owned));
        query.tags.extend(dice.maybe(&TAGS).map(str::to_owned));
    }
    query.gated = dice.maybe(&[true, false]);
    query.pipeline_tag = dice.maybe(&["fill-mask".to_owned()]);
    query.library = dice.maybe(&["transformers".to_owned(), "keras".to_owned()]);
    query.sort =
        dice.pick(&[Sort::LastModified, Sort::CreatedAt, Sort::Downloads, Sort::Likes, Sort::Trending]);
    query.ascending = dice.roll(2) == 0;
    query.limit = u32::try_from(1 + dice.roll(9)).unwrap();
    query.details = dice.roll(2) == 0;
    query
}

pub(super) async fn pages_match_a_naive_model(db: &Db) {
    let mut dice = Dice(42);
    let world = world(db, &mut dice).await;
    let mut reader = read(db).await;
    let mut found_some = 0;
    for _ in 0..400 {
        let mut query = random_query(&mut dice, &world);
        let expected = model(&world, &query);
        assert_eq!(reader.count_repos(&query, 1000).await.unwrap(), expected.len() as u64, "{query:?}");
        assert_eq!(reader.count_repos(&query, 2).await.unwrap(), expected.len().min(2) as u64);
        found_some += u32::from(!expected.is_empty());
        // A low threshold and a high one take both ways to find tags.
        let rare = dice.pick(&[0, 5, 1000]);
        let mut found = Vec::new();
        loop {
            let page = reader.list_repos_with(&query, rare).await.unwrap();
            for (repo, info) in &page {
                let (known, known_info, _) =
                    world.rows.iter().find(|(known, ..)| known.id == repo.id).unwrap();
                let mut known_info = known_info.clone();
                if let (Some(info), false) = (&mut known_info, query.details) {
                    (info.card, info.config) = (None, None);
                }
                assert_eq!((repo, info), (known, &known_info));
            }
            found.extend(page.iter().map(|(repo, _)| repo.id));
            if page.len() < usize::try_from(query.limit).unwrap() {
                break;
            }
            query.after = page.last().map(|(repo, _)| (query.sort.value(repo), repo.id));
        }
        assert_eq!(found, expected, "rare up to {rare}: {query:?}");
    }
    assert!(found_some > 100, "only {found_some} of the queries found anything");
}

pub(super) async fn tags_are_counted(db: &Db) {
    let world = world(db, &mut Dice(7)).await;
    let expected = |kind: RepoKind, prefix: &str, values: &dyn Fn(&RepoInfo, &[String]) -> Vec<String>| {
        let mut counts: std::collections::BTreeMap<String, u64> = std::collections::BTreeMap::new();
        for (repo, info, tags) in &world.rows {
            if let Some(info) = info
                && repo.kind == kind
                && repo.visibility != Visibility::Private
            {
                for value in values(info, tags).into_iter().filter(|value| value.starts_with(prefix)) {
                    *counts.entry(value).or_default() += 1;
                }
            }
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        counts
    };
    let tags = |_: &RepoInfo, tags: &[String]| tags.to_vec();
    let pipelines = |info: &RepoInfo, _: &[String]| info.pipeline_tag.iter().cloned().collect();
    let mut reader = read(db).await;
    for kind in RepoKind::ALL {
        for prefix in ["", "license:", "Ü", "zzz"] {
            let found = reader.tag_counts(kind, Facet::Tag, prefix, 100).await.unwrap();
            assert_eq!(found, expected(kind, prefix, &tags), "{kind} `{prefix}`");
        }
        let found = reader.tag_counts(kind, Facet::Pipeline, "", 100).await.unwrap();
        assert_eq!(found, expected(kind, "", &pipelines), "{kind}");
    }
    let all = reader.tag_counts(RepoKind::Model, Facet::Tag, "", 100).await.unwrap();
    assert_eq!(reader.tag_counts(RepoKind::Model, Facet::Tag, "", 2).await.unwrap(), all[..2]);
    drop(reader);
    // What becomes private is counted no longer.
    let ids: Vec<i64> = world.rows.iter().map(|(repo, ..)| repo.id).collect();
    put(db, |tx| {
        Box::pin(async move {
            let settings = RepoSettings { visibility: Some(Visibility::Private), ..RepoSettings::default() };
            for id in ids {
                tx.update_repo_settings(id, &settings, at(1)).await?;
            }
            Ok(())
        })
    })
    .await;
    assert!(read(db).await.tag_counts(RepoKind::Model, Facet::Tag, "", 9).await.unwrap().is_empty());
}
