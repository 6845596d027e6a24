-- Column types are BIGINT, TEXT, DOUBLE PRECISION and {blob} only; flags are BIGINT 0 or 1; times are epoch milliseconds.
-- {identity}: a generated BIGINT primary key that is never reused. {number}: a BIGINT primary key. {key}: TEXT compared byte by byte.
-- {clustered}: rows are kept in primary key order, without a second structure.

CREATE TABLE account (
    id {identity},
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key {key} NOT NULL UNIQUE,
    full_name TEXT NOT NULL,
    email TEXT,
    email_key {key} UNIQUE,
    password_hash TEXT,
    admin BIGINT NOT NULL DEFAULT 0,
    private_by_default BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL
);
CREATE INDEX account_kind ON account (kind, name_key);

CREATE TABLE membership (
    org_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    PRIMARY KEY (org_id, user_id)
){clustered};
CREATE INDEX membership_user ON membership (user_id);

CREATE TABLE token (
    id {identity},
    user_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    kind TEXT NOT NULL,
    hash {blob} NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    expires_at BIGINT
);
CREATE INDEX token_user ON token (user_id);
CREATE INDEX token_expiry ON token (expires_at);

CREATE TABLE refresh_token (
    hash {blob} NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    client_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
){clustered};
CREATE INDEX refresh_token_user ON refresh_token (user_id);
CREATE INDEX refresh_token_expiry ON refresh_token (expires_at);

CREATE TABLE device_grant (
    device_hash {blob} NOT NULL PRIMARY KEY,
    user_code {key} NOT NULL UNIQUE,
    client_id TEXT NOT NULL,
    user_id BIGINT REFERENCES account (id) ON DELETE CASCADE,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    last_polled_at BIGINT
);
CREATE INDEX device_grant_user ON device_grant (user_id);
CREATE INDEX device_grant_expiry ON device_grant (expires_at);

CREATE TABLE repo (
    id {identity},
    kind TEXT NOT NULL,
    owner_id BIGINT NOT NULL REFERENCES account (id),
    creator_id BIGINT REFERENCES account (id) ON DELETE SET NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    key {key} NOT NULL UNIQUE,
    visibility TEXT NOT NULL,
    gated TEXT NOT NULL DEFAULT '',
    disabled BIGINT NOT NULL DEFAULT 0,
    default_branch TEXT NOT NULL,
    sdk TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    head_at BIGINT NOT NULL,
    next_segment BIGINT NOT NULL DEFAULT 1,
    next_discussion BIGINT NOT NULL DEFAULT 1,
    downloads BIGINT NOT NULL DEFAULT 0,
    downloads_all BIGINT NOT NULL DEFAULT 0,
    likes BIGINT NOT NULL DEFAULT 0,
    trending BIGINT NOT NULL DEFAULT 0,
    event_hash {blob}
);
CREATE INDEX repo_owner ON repo (owner_id, kind, head_at, id);
CREATE INDEX repo_creator ON repo (creator_id);
CREATE INDEX repo_modified ON repo (kind, head_at, id);
CREATE INDEX repo_created ON repo (kind, created_at, id);
CREATE INDEX repo_downloads ON repo (kind, downloads, id);
CREATE INDEX repo_likes ON repo (kind, likes, id);
CREATE INDEX repo_trending ON repo (kind, trending, id);

CREATE TABLE repo_alias (
    key {key} NOT NULL PRIMARY KEY,
    repo_id BIGINT NOT NULL REFERENCES repo (id) ON DELETE CASCADE
){clustered};
CREATE INDEX repo_alias_repo ON repo_alias (repo_id);

CREATE TABLE repo_like (
    repo_id BIGINT NOT NULL REFERENCES repo (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (repo_id, user_id)
){clustered};
CREATE INDEX repo_like_user ON repo_like (user_id, created_at, repo_id);

-- Requests to use a gated repo, and the answers.
CREATE TABLE access_request (
    repo_id BIGINT NOT NULL REFERENCES repo (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    state TEXT NOT NULL,
    fields TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (repo_id, user_id)
){clustered};
CREATE INDEX access_request_user ON access_request (user_id);

CREATE TABLE repo_info (
    repo_id {number} NOT NULL PRIMARY KEY REFERENCES repo (id) ON DELETE CASCADE,
    commit_oid {blob} NOT NULL,
    author TEXT NOT NULL,
    card TEXT,
    tags TEXT NOT NULL,
    pipeline_tag TEXT,
    library TEXT,
    config TEXT,
    transformers_info TEXT,
    safetensors TEXT,
    gguf TEXT,
    description TEXT,
    siblings_count BIGINT NOT NULL,
    used_bytes BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- One row per facet value of a repo: facet is `tag`, `pipeline` or `library`. `public` copies the repo's visibility, so
-- that counts shown to everybody need no join.
CREATE TABLE repo_tag (
    facet {key} NOT NULL,
    tag {key} NOT NULL,
    repo_id BIGINT NOT NULL REFERENCES repo (id) ON DELETE CASCADE,
    kind {key} NOT NULL,
    public BIGINT NOT NULL,
    PRIMARY KEY (facet, tag, repo_id)
){clustered};
CREATE INDEX repo_tag_repo ON repo_tag (repo_id);

CREATE TABLE git_ref (
    repo_id BIGINT NOT NULL REFERENCES repo (id) ON DELETE CASCADE,
    name {key} NOT NULL,
    target {blob} NOT NULL,
    peeled {blob} NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (repo_id, name)
){clustered};

-- id is repo_id * 2^24 + seq: one tree serves both the primary key and the order of a repo's segments.
CREATE TABLE git_segment (
    id {number} NOT NULL PRIMARY KEY,
    objects BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    blob_key TEXT,
    source TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    idx {blob} NOT NULL,
    data {blob}
);
-- only: postgres
ALTER TABLE git_segment ALTER COLUMN idx SET STORAGE EXTERNAL;
ALTER TABLE git_segment ALTER COLUMN data SET STORAGE EXTERNAL;
-- end

CREATE TABLE xorb (
    hash {blob} NOT NULL PRIMARY KEY,
    stored_bytes BIGINT NOT NULL,
    raw_bytes BIGINT NOT NULL,
    chunks BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    batch {blob}
){clustered};
CREATE INDEX xorb_batch ON xorb (batch);

CREATE TABLE xet_file (
    hash {blob} NOT NULL PRIMARY KEY,
    size BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    terms {blob} NOT NULL
);

CREATE TABLE repo_file (
    repo_id BIGINT NOT NULL REFERENCES repo (id) ON DELETE CASCADE,
    sha256 {blob} NOT NULL,
    size BIGINT NOT NULL,
    xet_hash {blob} NOT NULL,
    verified BIGINT NOT NULL,
    pusher_id BIGINT NOT NULL,
    file_name TEXT NOT NULL,
    ref_name TEXT NOT NULL,
    pushed_at BIGINT NOT NULL,
    PRIMARY KEY (repo_id, sha256)
){clustered};
CREATE INDEX repo_file_xet ON repo_file (xet_hash);

CREATE TABLE repo_xet_file (
    repo_id BIGINT NOT NULL REFERENCES repo (id) ON DELETE CASCADE,
    xet_hash {blob} NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (repo_id, xet_hash)
){clustered};
CREATE INDEX repo_xet_file_hash ON repo_xet_file (xet_hash);

CREATE TABLE xet_chunk (
    chunk {blob} NOT NULL PRIMARY KEY,
    xorb {blob} NOT NULL
){clustered};

CREATE TABLE lfs_upload (
    id {key} NOT NULL PRIMARY KEY,
    repo_id BIGINT NOT NULL REFERENCES repo (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    sha256 {blob} NOT NULL,
    size BIGINT NOT NULL,
    chunk_bytes BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX lfs_upload_repo ON lfs_upload (repo_id);
CREATE INDEX lfs_upload_user ON lfs_upload (user_id);
CREATE INDEX lfs_upload_expiry ON lfs_upload (expires_at);

CREATE TABLE lfs_part (
    upload_id {key} NOT NULL REFERENCES lfs_upload (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    etag TEXT NOT NULL,
    size BIGINT NOT NULL,
    PRIMARY KEY (upload_id, number)
){clustered};

CREATE TABLE download_day (
    repo_id BIGINT NOT NULL REFERENCES repo (id) ON DELETE CASCADE,
    day {key} NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (repo_id, day)
){clustered};
CREATE INDEX download_day_day ON download_day (day);

CREATE TABLE discussion (
    repo_id BIGINT NOT NULL REFERENCES repo (id) ON DELETE CASCADE,
    num BIGINT NOT NULL,
    title TEXT NOT NULL,
    author_id BIGINT NOT NULL REFERENCES account (id),
    is_pull BIGINT NOT NULL,
    status TEXT NOT NULL,
    target_branch TEXT,
    base_oid {blob},
    merge_oid {blob},
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (repo_id, num)
);
CREATE INDEX discussion_author ON discussion (author_id);

CREATE TABLE discussion_event (
    seq {identity},
    repo_id BIGINT NOT NULL,
    num BIGINT NOT NULL,
    id {key} NOT NULL,
    type TEXT NOT NULL,
    author_id BIGINT NOT NULL REFERENCES account (id),
    created_at BIGINT NOT NULL,
    data TEXT NOT NULL,
    UNIQUE (repo_id, num, id),
    FOREIGN KEY (repo_id, num) REFERENCES discussion (repo_id, num) ON DELETE CASCADE
);
CREATE INDEX discussion_event_order ON discussion_event (repo_id, num, seq);
CREATE INDEX discussion_event_author ON discussion_event (author_id);

CREATE TABLE job (
    id {identity},
    queue {key} NOT NULL,
    key {key} NOT NULL UNIQUE,
    payload TEXT NOT NULL,
    run_at BIGINT NOT NULL,
    locked_until BIGINT,
    lease BIGINT NOT NULL DEFAULT 0,
    changed BIGINT NOT NULL DEFAULT 0,
    attempts BIGINT NOT NULL DEFAULT 0,
    last_error TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX job_queue ON job (queue, run_at, id);
CREATE INDEX job_due ON job (run_at, id);
CREATE INDEX job_locked ON job (locked_until) WHERE locked_until IS NOT NULL;

-- The audit log outlives the repo and the account it speaks of: no foreign keys.
CREATE TABLE event (
    id {identity},
    repo_id BIGINT,
    actor_id BIGINT,
    action TEXT NOT NULL,
    detail TEXT NOT NULL,
    at BIGINT NOT NULL,
    previous {blob},
    hash {blob} NOT NULL
);
CREATE INDEX event_repo ON event (repo_id, id);
CREATE INDEX event_actor ON event (actor_id, id);

CREATE TABLE setting (
    name {key} NOT NULL PRIMARY KEY,
    value {blob} NOT NULL
){clustered};
