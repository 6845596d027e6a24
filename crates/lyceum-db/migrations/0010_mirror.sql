-- Repos that follow one of another hub, and that nobody here writes to.

ALTER TABLE repo ADD COLUMN mirror BIGINT NOT NULL DEFAULT 0;

CREATE TABLE mirror (
    repo_id {number} NOT NULL PRIMARY KEY REFERENCES repo (id) ON DELETE CASCADE,
    upstream TEXT NOT NULL,
    remote_namespace TEXT NOT NULL,
    remote_name TEXT NOT NULL,
    revision TEXT,
    every_seconds BIGINT,
    whole BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    synced_at BIGINT,
    failed_at BIGINT,
    error TEXT,
    received_bytes BIGINT NOT NULL DEFAULT 0,
    reused_bytes BIGINT NOT NULL DEFAULT 0
);

-- Organisations without members that were made to hold mirrors: only these, and names that nobody has, are filled by
-- repos that somebody asks for.
CREATE TABLE mirror_namespace (
    account_id {number} NOT NULL PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE
);

-- Xorbs that an upstream has sent whole: what it names again need not travel again, and what others stored here is not
-- given to whoever merely knows its hash.
CREATE TABLE mirror_xorb (
    upstream {key} NOT NULL,
    xorb {blob} NOT NULL,
    PRIMARY KEY (upstream, xorb)
){clustered};
