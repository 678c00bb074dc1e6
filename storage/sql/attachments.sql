-- What attached files say, and what it says of their mail.

-- name: attachment_text
SELECT * FROM attachment_text WHERE message_id = :message_id AND revision = :revision AND place = :place;

-- name: keep_attachment_text
INSERT INTO attachment_text (
    message_id, revision, place, packed, truncated, reason, signals
) VALUES (
    :message_id, :revision, :place, :packed, :truncated, :reason, :signals
)
ON CONFLICT DO NOTHING;

-- name: message_to_mark
-- Two that read files of one message add to its findings one after the other.
SELECT * FROM message JOIN message_text ON message_id = id WHERE id = :id
/* postgres */ FOR UPDATE OF message
;

-- name: set_findings
UPDATE message SET findings = :findings WHERE id = :id;

-- name: forget_acquaintance
-- Of an address that became known by mail of this very moment.
DELETE FROM correspondent WHERE mailbox_id = :mailbox_id AND address = :address AND created_at = :met_at;
