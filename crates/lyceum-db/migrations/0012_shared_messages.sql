-- What webhooks are told is kept once, however many are told of it. `event_id` is that of the deliveries; a message that
-- was sent again before it was shared has the delivery's number below zero.
CREATE TABLE webhook_message (
    id {identity},
    event_id BIGINT NOT NULL UNIQUE,
    payload TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
INSERT INTO webhook_message (event_id, payload, created_at)
    SELECT event_id, MIN(payload), MIN(created_at) FROM webhook_delivery WHERE event_id IS NOT NULL GROUP BY event_id;
INSERT INTO webhook_message (event_id, payload, created_at)
    SELECT -id, payload, created_at FROM webhook_delivery WHERE event_id IS NULL;
ALTER TABLE webhook_delivery ADD COLUMN message_id BIGINT REFERENCES webhook_message (id);
UPDATE webhook_delivery SET message_id = (SELECT m.id FROM webhook_message m
    WHERE m.event_id = COALESCE(webhook_delivery.event_id, -webhook_delivery.id));
ALTER TABLE webhook_delivery DROP COLUMN payload;
CREATE INDEX webhook_delivery_message ON webhook_delivery (message_id);

-- Who may see an attachment: the uploader, and who may see the repo in which he first showed it.
ALTER TABLE attachment ADD COLUMN repo_id BIGINT REFERENCES repo (id) ON DELETE SET NULL;
CREATE INDEX attachment_repo ON attachment (repo_id);
