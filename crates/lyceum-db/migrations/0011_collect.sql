-- Garbage collection: a xorb is marked before its bytes go, and a file that nothing names waits for the next round.
ALTER TABLE xorb ADD COLUMN deleting BIGINT NOT NULL DEFAULT 0;
ALTER TABLE xet_file ADD COLUMN unused_since BIGINT;
CREATE INDEX repo_file_unnamed ON repo_file (repo_id, pushed_at) WHERE ref_name = '';
CREATE INDEX git_segment_blob ON git_segment (blob_key) WHERE blob_key IS NOT NULL;
CREATE INDEX repo_xet_file_created ON repo_xet_file (created_at);
