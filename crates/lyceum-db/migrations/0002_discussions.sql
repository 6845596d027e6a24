-- Discussions outlive their authors, know how much was said in them, and are listed and counted by index.

CREATE TABLE new_discussion (
    repo_id BIGINT NOT NULL REFERENCES repo (id) ON DELETE CASCADE,
    num BIGINT NOT NULL,
    title TEXT NOT NULL,
    author_id BIGINT REFERENCES account (id) ON DELETE SET NULL,
    is_pull BIGINT NOT NULL,
    status TEXT NOT NULL,
    closed BIGINT NOT NULL GENERATED ALWAYS AS (CASE WHEN status IN ('closed', 'merged') THEN 1 ELSE 0 END) STORED,
    target_branch TEXT,
    base_oid {blob},
    merge_oid {blob},
    events BIGINT NOT NULL DEFAULT 0,
    event_bytes BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (repo_id, num)
);
INSERT INTO new_discussion (repo_id, num, title, author_id, is_pull, status, target_branch, base_oid, merge_oid,
    events, event_bytes, created_at, updated_at)
SELECT d.repo_id, d.num, d.title, d.author_id, d.is_pull, d.status, d.target_branch, d.base_oid, d.merge_oid,
    (SELECT COUNT(*) FROM discussion_event e WHERE e.repo_id = d.repo_id AND e.num = d.num),
    (SELECT COALESCE(SUM(LENGTH(e.data)), 0) FROM discussion_event e WHERE e.repo_id = d.repo_id AND e.num = d.num),
    d.created_at, d.updated_at
FROM discussion d;

CREATE TABLE new_discussion_event (
    seq {identity},
    repo_id BIGINT NOT NULL,
    num BIGINT NOT NULL,
    id {key} NOT NULL,
    type TEXT NOT NULL,
    author_id BIGINT REFERENCES account (id) ON DELETE SET NULL,
    created_at BIGINT NOT NULL,
    data TEXT NOT NULL,
    UNIQUE (repo_id, num, id),
    FOREIGN KEY (repo_id, num) REFERENCES new_discussion (repo_id, num) ON DELETE CASCADE
);
INSERT INTO new_discussion_event (repo_id, num, id, type, author_id, created_at, data)
SELECT repo_id, num, id, type, author_id, created_at, data FROM discussion_event ORDER BY seq;

DROP TABLE discussion_event;
DROP TABLE discussion;
ALTER TABLE new_discussion RENAME TO discussion;
ALTER TABLE new_discussion_event RENAME TO discussion_event;

CREATE INDEX discussion_closed ON discussion (repo_id, closed, num);
CREATE INDEX discussion_pull ON discussion (repo_id, is_pull, num);
CREATE INDEX discussion_pull_closed ON discussion (repo_id, is_pull, closed, num);
CREATE INDEX discussion_author ON discussion (author_id, repo_id, num);
CREATE INDEX discussion_event_order ON discussion_event (repo_id, num, seq);
CREATE INDEX discussion_event_author ON discussion_event (author_id);

-- How many discussions of each sort a repo has.
CREATE TABLE discussion_count (
    repo_id BIGINT NOT NULL REFERENCES repo (id) ON DELETE CASCADE,
    is_pull BIGINT NOT NULL,
    closed BIGINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (repo_id, is_pull, closed)
){clustered};
INSERT INTO discussion_count (repo_id, is_pull, closed, count)
SELECT repo_id, is_pull, closed, COUNT(*) FROM discussion GROUP BY repo_id, is_pull, closed;

-- Files shown in comments; their bytes are in the store.
CREATE TABLE attachment (
    name {key} NOT NULL PRIMARY KEY,
    user_id BIGINT REFERENCES account (id) ON DELETE SET NULL,
    media_type TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    created_at BIGINT NOT NULL
){clustered};
CREATE INDEX attachment_user ON attachment (user_id, created_at);
