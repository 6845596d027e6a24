use hf_hub::repository::{AddSource, CommitOperation, GitStatus};

use super::{Repo, noise};

#[test]
fn branches_and_tags_come_and_go() {
    let repo = Repo::create("refs");
    let model = repo.client.model(&repo.owner, &repo.name);
    let first = model.list_commits().send().unwrap()[0].id.clone();
    let source = AddSource::bytes(b"a".to_vec());
    model.upload_file().source(source).path_in_repo("a").commit_message("Second").send().unwrap();
    model.create_branch().branch("old/one").revision(first.clone()).send().unwrap();
    model.create_tag().tag("v1").revision("old/one").message("The first").send().unwrap();
    let refs = model.list_refs().send().unwrap();
    let names: Vec<_> = refs.branches.iter().map(|branch| branch.name.as_str()).collect();
    assert_eq!(names, ["main", "old/one"]);
    assert_eq!((refs.tags[0].git_ref.as_str(), &refs.tags[0].target_commit), ("refs/tags/v1", &first));
    assert!(model.revision_exists().revision("v1").send().unwrap());

    let commits = model.list_commits().revision("main").limit(1).send().unwrap();
    assert_eq!((commits.len(), commits[0].title.as_str()), (1, "Second"));
    assert_eq!(
        (&commits[0].parents, commits[0].authors[0].user.as_deref()),
        (&vec![first], Some(&*repo.owner))
    );

    model.delete_tag().tag("v1").send().unwrap();
    model.delete_branch().branch("old/one").send().unwrap();
    assert!(!model.revision_exists().revision("v1").send().unwrap());
    assert!(model.delete_branch().branch("old/one").send().is_err());
    assert!(model.create_branch().branch("main").send().is_err());
}

#[test]
fn revisions_are_compared() {
    let repo = Repo::create("compare");
    let model = repo.client.model(&repo.owner, &repo.name);
    let first =
        vec![CommitOperation::add_bytes("changed.txt", "1\n"), CommitOperation::add_bytes("gone", "x")];
    model.create_commit().operations(first).commit_message("First").send().unwrap();
    model.create_branch().branch("old/one").send().unwrap();
    let second = vec![
        CommitOperation::add_bytes("changed.txt", "two\n"),
        CommitOperation::add_bytes("large.bin", noise(100_000)),
        CommitOperation::delete("gone"),
    ];
    model.create_commit().operations(second).commit_message("Second").send().unwrap();

    let patch = model.get_commit_diff().compare("main").send().unwrap();
    assert!(patch.contains("-1\n+two\n") && patch.contains("deleted file mode"), "{patch}");
    let backwards = model.get_commit_diff().compare("main..old/one").send().unwrap();
    assert!(backwards.contains("-two\n+1\n"), "{backwards}");
    let raw = model.get_raw_diff().compare("old/one..main").send().unwrap();
    assert_eq!(raw.lines().count(), 3, "{raw}");

    let diffs = model.get_raw_diff_stream().compare("old/one..main").send().unwrap();
    let told: Vec<_> = diffs
        .iter()
        .map(|diff| (diff.file_path.as_str(), diff.status.clone(), diff.is_binary, diff.new_file_size))
        .collect();
    let expected = [
        ("changed.txt", GitStatus::Modification, false, 4),
        ("gone", GitStatus::Deletion, false, 0),
        ("large.bin", GitStatus::Addition, true, 100_000),
    ];
    assert_eq!(told, expected);
    assert_eq!((diffs[1].old_blob_id.len(), diffs[1].new_blob_id.trim_matches('0')), (40, ""));
    assert!(model.get_raw_diff().compare("none..main").send().is_err());
}
