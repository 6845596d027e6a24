-- Who follows whom: users follow users and organisations.
CREATE TABLE follow (
    follower_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    followed_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (follower_id, followed_id)
){clustered};
CREATE INDEX follow_followed ON follow (followed_id, follower_id);

-- Reviewed lists of what the hub holds. A title is unique within its owner, so that making it twice finds the first.
CREATE TABLE collection (
    id {key} NOT NULL PRIMARY KEY,
    owner_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    creator_id BIGINT REFERENCES account (id) ON DELETE SET NULL,
    title {key} NOT NULL,
    description TEXT,
    private BIGINT NOT NULL,
    theme TEXT NOT NULL,
    position BIGINT NOT NULL,
    upvotes BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (owner_id, title)
){clustered};
CREATE INDEX collection_owner ON collection (owner_id, updated_at, id);
CREATE INDEX collection_creator ON collection (creator_id);
CREATE INDEX collection_modified ON collection (updated_at, id);
CREATE INDEX collection_upvotes ON collection (upvotes, id);

-- What a collection holds, by what it is: a repo, another collection, or the identifier of a paper.
-- `target` is that thing's identity as text, so that one index tells whether it is in already and in which collections.
CREATE TABLE collection_item (
    id {key} NOT NULL PRIMARY KEY,
    collection_id {key} NOT NULL REFERENCES collection (id) ON DELETE CASCADE,
    kind {key} NOT NULL,
    target {key} NOT NULL,
    repo_id BIGINT REFERENCES repo (id) ON DELETE CASCADE,
    nested_id {key} REFERENCES collection (id) ON DELETE CASCADE,
    note TEXT,
    position BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (collection_id, kind, target)
){clustered};
CREATE INDEX collection_item_order ON collection_item (collection_id, position);
CREATE INDEX collection_item_target ON collection_item (kind, target, collection_id);
CREATE INDEX collection_item_repo ON collection_item (repo_id);
CREATE INDEX collection_item_nested ON collection_item (nested_id);

CREATE TABLE collection_upvote (
    collection_id {key} NOT NULL REFERENCES collection (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (collection_id, user_id)
){clustered};
CREATE INDEX collection_upvote_user ON collection_upvote (user_id);

-- Addresses that are told of changes. The secret is kept as it is, because each delivery is signed with it.
CREATE TABLE webhook (
    id {identity},
    owner_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    url TEXT NOT NULL,
    secret TEXT,
    repo_events BIGINT NOT NULL,
    discussion_events BIGINT NOT NULL,
    disabled BIGINT NOT NULL DEFAULT 0,
    failures BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX webhook_owner ON webhook (owner_id, id);

-- `target` is the key of a repo (`model:a/b`) or `user:name` or `org:name`, in lower case; it need not exist yet.
CREATE TABLE webhook_watch (
    target {key} NOT NULL,
    webhook_id BIGINT NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (target, webhook_id)
){clustered};
CREATE INDEX webhook_watch_webhook ON webhook_watch (webhook_id, position);

-- What was sent, or is to be. `event_id` keeps an event that is told twice from being delivered twice; a replay has none.
CREATE TABLE webhook_delivery (
    id {identity},
    webhook_id BIGINT NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
    event_id BIGINT,
    payload TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    status BIGINT,
    answer TEXT,
    duration_ms BIGINT,
    retry_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (webhook_id, event_id)
);
CREATE INDEX webhook_delivery_webhook ON webhook_delivery (webhook_id, id);
