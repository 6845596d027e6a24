-- Files that users keep for themselves with `git lfs lock`, on every branch of a repo at once.
CREATE TABLE lfs_lock (
    id {identity},
    repo_id BIGINT NOT NULL REFERENCES repo (id) ON DELETE CASCADE,
    path {key} NOT NULL,
    owner_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    locked_at BIGINT NOT NULL,
    UNIQUE (repo_id, path)
);
CREATE INDEX lfs_lock_order ON lfs_lock (repo_id, id);
CREATE INDEX lfs_lock_owner ON lfs_lock (owner_id);
