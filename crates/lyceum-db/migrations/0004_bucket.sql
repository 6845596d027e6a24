-- What a bucket holds: its row in repo has the name, the owner and who may see it. The totals change with the files, in the
-- same transaction; last_event counts the changes ever made.
CREATE TABLE bucket (
    repo_id {number} NOT NULL PRIMARY KEY REFERENCES repo (id) ON DELETE CASCADE,
    files BIGINT NOT NULL DEFAULT 0,
    bytes BIGINT NOT NULL DEFAULT 0,
    last_event BIGINT NOT NULL DEFAULT 0
);

-- No foreign key: a bucket is deleted at once, its files afterwards in portions. Ids of repos are never used again.
CREATE TABLE bucket_file (
    bucket_id BIGINT NOT NULL,
    path {key} NOT NULL,
    size BIGINT NOT NULL,
    xet_hash {blob} NOT NULL,
    mtime BIGINT,
    uploaded_at BIGINT NOT NULL,
    PRIMARY KEY (bucket_id, path)
){clustered};
CREATE INDEX bucket_file_xet ON bucket_file (xet_hash, bucket_id);

-- The last changes of a bucket, for those who follow it.
CREATE TABLE bucket_event (
    bucket_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    op TEXT NOT NULL,
    path TEXT NOT NULL,
    size BIGINT,
    xet_hash {blob},
    mtime BIGINT,
    at BIGINT NOT NULL,
    PRIMARY KEY (bucket_id, seq)
){clustered};
