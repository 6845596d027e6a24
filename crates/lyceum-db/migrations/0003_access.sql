-- Answers to requests for a gated repo, tokens with limits, service accounts, and resource groups.

ALTER TABLE access_request ADD COLUMN reason TEXT;
ALTER TABLE access_request ADD COLUMN expires_at BIGINT;
CREATE INDEX access_request_state ON access_request (repo_id, state, user_id);

-- What a fine-grained token may do and where, as JSON; NULL for the others.
ALTER TABLE token ADD COLUMN scopes TEXT;

-- A program rather than a person: it never signs in with a password.
ALTER TABLE account ADD COLUMN service BIGINT NOT NULL DEFAULT 0;

-- A named set of an organisation's repos, with members of its own.
CREATE TABLE resource_group (
    id {identity},
    org_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    name_key {key} NOT NULL,
    description TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (org_id, name_key)
);

CREATE TABLE resource_group_member (
    group_id BIGINT NOT NULL REFERENCES resource_group (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    PRIMARY KEY (group_id, user_id)
){clustered};
CREATE INDEX resource_group_member_user ON resource_group_member (user_id);

-- No action on delete: a group with repos stays, else they would open to the whole organisation.
ALTER TABLE repo ADD COLUMN resource_group_id BIGINT REFERENCES resource_group (id);
CREATE INDEX repo_resource_group ON repo (resource_group_id, id) WHERE resource_group_id IS NOT NULL;
