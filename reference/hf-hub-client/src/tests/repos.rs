use hf_hub::repository::{AddSource, CommitOperation, GatedApprovalMode};
use hf_hub::{RepoTypeDataset, RepoTypeKernel, RepoTypeModel, RepoTypeSpace};

use super::{Repo, fresh, other};

#[test]
fn a_repo_is_made_moved_and_deleted() {
    let repo = Repo::create("life");
    let id = repo.id();
    let create = || repo.client.create_repository().repo_id(&id).repo_type(RepoTypeModel);
    assert!(create().send().is_err());
    assert!(create().exist_ok(true).send().unwrap().url.ends_with(&id));

    let name = fresh("moved");
    let moved = format!("{}/{name}", repo.owner);
    let there = repo.client.move_repository().from_id(&id).to_id(&moved).repo_type(RepoTypeModel).send();
    assert!(there.unwrap().url.ends_with(&moved));
    let model = repo.client.model(&repo.owner, &name);
    assert!(model.exists().send().unwrap());
    assert_eq!(model.info().send().unwrap().id, moved);
    repo.client.delete_repository().repo_id(&moved).repo_type(RepoTypeModel).send().unwrap();
    assert!(!model.exists().send().unwrap());
    assert!(repo.client.delete_repository().repo_id(&moved).repo_type(RepoTypeModel).send().is_err());
}

#[test]
fn settings_change_who_sees_and_who_reads() {
    let repo = Repo::create("settings");
    let model = repo.client.model(&repo.owner, &repo.name);
    let theirs = other().model(&repo.owner, &repo.name);
    model.update_settings().gated(GatedApprovalMode::Manual).send().unwrap();
    assert_eq!(model.info().send().unwrap().gated.unwrap(), "manual");
    let refused = theirs.download_file_to_bytes().filename(".gitattributes").send().unwrap_err();
    assert!(refused.to_string().contains("GatedRepo"), "{refused}");
    model.update_settings().private(true).send().unwrap();
    assert_eq!(model.info().send().unwrap().private, Some(true));
    assert!(!theirs.exists().send().unwrap());
}

#[test]
fn each_kind_is_told_as_such() {
    let dataset = Repo::of(RepoTypeDataset, "dataset");
    let set = dataset.client.dataset(&dataset.owner, &dataset.name);
    let card = AddSource::bytes(b"---\nlicense: mit\n---\n".to_vec());
    set.upload_file().source(card).path_in_repo("README.md").send().unwrap();
    let expand = vec!["cardData".to_owned(), "sha".to_owned()];
    let info = set.info().expand(expand).send().unwrap();
    assert_eq!((info.id, info.card_data.unwrap()["license"].as_str()), (dataset.id(), Some("mit")));
    assert_eq!(info.sha.unwrap(), set.list_commits().send().unwrap()[0].id);

    let space = Repo::of(RepoTypeSpace, "space");
    let app = space.client.space(&space.owner, &space.name);
    let info = app.info().revision("main").send().unwrap();
    assert_eq!((info.id, info.sdk.as_deref()), (space.id(), Some("static")));
    let copy = fresh("copy");
    let duplicate = app.duplicate().to_id(&format!("{}/{copy}", space.owner)).private(true).send().unwrap();
    assert!(duplicate.url.ends_with(&copy), "{}", duplicate.url);
    let copied = space.client.space(&space.owner, &copy);
    assert_eq!(copied.info().send().unwrap().private, Some(true));
    let id = format!("{}/{copy}", space.owner);
    space.client.delete_repository().repo_id(&id).repo_type(RepoTypeSpace).send().unwrap();

    let kernel = Repo::of(RepoTypeKernel, "kernel");
    let info = kernel.client.kernel(&kernel.owner, &kernel.name).info().send().unwrap();
    assert_eq!((info.id, info.author.as_deref()), (kernel.id(), Some(&*kernel.owner)));
}

#[test]
fn repos_are_listed() {
    let repo = Repo::create("listed");
    let model = repo.client.model(&repo.owner, &repo.name);
    let card = "---\npipeline_tag: text-generation\ntags: [rust-listed]\n---\n";
    let operations = vec![CommitOperation::add_bytes("README.md", card)];
    model.create_commit().operations(operations).commit_message("Describe").send().unwrap();
    // What a card says is in lists from the first time that somebody asks for it, if not before.
    let tags = model.info().send().unwrap().tags.unwrap();
    assert!(tags.iter().any(|tag| tag == "rust-listed"), "{tags:?}");

    let list =
        repo.client.list_models().author(repo.owner.clone()).filter("rust-listed").search(repo.name.clone());
    let models = list.pipeline_tag("text-generation").sort("createdAt").full(true).limit(5).send().unwrap();
    assert_eq!(models.len(), 1);
    assert_eq!((&models[0].id, models[0].pipeline_tag.as_deref()), (&repo.id(), Some("text-generation")));
    assert!(models[0].sha.is_some());
    let none = repo.client.list_models().author(repo.owner.clone()).filter("rust-unlisted").send().unwrap();
    assert!(none.is_empty());

    let dataset = Repo::of(RepoTypeDataset, "listed-data");
    let datasets = repo.client.list_datasets().search(dataset.name.clone()).limit(5).send().unwrap();
    assert_eq!(datasets.iter().map(|found| &found.id).collect::<Vec<_>>(), [&dataset.id()]);
    let space = Repo::of(RepoTypeSpace, "listed-space");
    let spaces =
        repo.client.list_spaces().author(space.owner.clone()).search(space.name.clone()).send().unwrap();
    assert_eq!((&spaces[0].id, spaces[0].sdk.as_deref()), (&space.id(), Some("static")));
}
