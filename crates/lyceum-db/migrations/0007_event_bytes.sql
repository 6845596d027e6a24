-- What was said in discussions is counted in bytes; the second migration counted characters.

-- only: sqlite
UPDATE discussion SET event_bytes = (SELECT COALESCE(SUM(LENGTH(CAST(e.data AS BLOB))), 0) FROM discussion_event e
    WHERE e.repo_id = discussion.repo_id AND e.num = discussion.num);
-- end
-- only: postgres
UPDATE discussion SET event_bytes = (SELECT COALESCE(SUM(OCTET_LENGTH(e.data)), 0) FROM discussion_event e
    WHERE e.repo_id = discussion.repo_id AND e.num = discussion.num);
-- end
