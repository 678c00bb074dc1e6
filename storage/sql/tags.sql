-- Tags of messages.

-- name: tags_of
-- The tags of the messages in a JSON list.
SELECT * FROM tag
WHERE message_id IN (
    /* sqlite */ SELECT value FROM json_each(:message_ids)
    /* postgres */ SELECT json_array_elements_text(CAST(:message_ids AS JSON))
)
ORDER BY message_id, name;

-- name: set_tag
INSERT INTO tag (message_id, mailbox_id, name, value) VALUES (:message_id, :mailbox_id, :name, :value)
ON CONFLICT (message_id, name) DO UPDATE SET value = excluded.value;

-- name: take_tag_off
DELETE FROM tag WHERE message_id = :message_id AND name = :name;

-- name: few_tagged
-- Ids of messages with a tag, as long as there are fewer than `limit`.
SELECT message_id FROM tag
WHERE mailbox_id = :mailbox_id AND name = :name AND (CAST(:value AS TEXT) IS NULL OR value = :value)
LIMIT :limit;
