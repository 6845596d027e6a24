-- Accounts that may not store as much as they like: the limits and what is used of them, in bytes. Logical bytes are those of
-- the files as their users see them; stored ones are what the account brought that was not here before.
CREATE TABLE quota (
    account_id {number} NOT NULL PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    logical_limit BIGINT,
    stored_limit BIGINT,
    logical_bytes BIGINT NOT NULL DEFAULT 0,
    stored_bytes BIGINT NOT NULL DEFAULT 0,
    measured_at BIGINT NOT NULL DEFAULT 0
);
