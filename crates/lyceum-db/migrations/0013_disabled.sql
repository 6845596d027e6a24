-- Users whom an administrator keeps out: what they own stays, and none of their credentials works.
ALTER TABLE account ADD COLUMN disabled BIGINT NOT NULL DEFAULT 0;
