-- How long mail is kept, and how it goes.

-- name: set_retention
INSERT INTO retention (mailbox_id, days) VALUES (:mailbox_id, :days)
ON CONFLICT (mailbox_id) DO UPDATE SET days = excluded.days;

-- name: keep_for_ever
DELETE FROM retention WHERE mailbox_id = :mailbox_id;

-- name: retention
SELECT days FROM retention WHERE mailbox_id = :mailbox_id;

-- name: messages_to_purge
-- What lies in the trash for too long, or is kept apart for too long, and what a mailbox keeps no longer; never what
-- still waits for something.
SELECT m.id, m.account_id, m.mailbox_id, m.thread_id
FROM trash t JOIN message m ON m.id = t.message_id
WHERE t.deleted_at < :deleted_before AND m.status = 'deleted'
UNION ALL
SELECT m.id, m.account_id, m.mailbox_id, m.thread_id
FROM message m
-- both, as that is what the index is of
WHERE m.status IN ('spam_flagged', 'spam_quarantined') AND m.status = 'spam_quarantined'
  AND m.created_at < :quarantined_before
UNION ALL
SELECT m.id, m.account_id, m.mailbox_id, m.thread_id
/* sqlite */ FROM retention r CROSS JOIN message m ON m.mailbox_id = r.mailbox_id
/* postgres */ FROM retention r JOIN message m ON m.mailbox_id = r.mailbox_id
WHERE m.direction IN ('inbound', 'outbound') AND m.created_at < :now - r.days * CAST(:day AS BIGINT)
  AND m.status NOT IN ('pending_inbound_approval', 'pending_send_approval', 'scheduled', 'queued')
  AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.message_id = m.id AND d.state IN ('queued', 'deferred'))
LIMIT :limit;

-- name: forsake_blobs
INSERT INTO forsaken_blob (name, since)
SELECT DISTINCT blob, CAST(:now AS BIGINT) FROM wire WHERE message_id = :message_id AND blob IS NOT NULL
ON CONFLICT (name) DO UPDATE SET since = excluded.since;

-- name: purge_search_entry
DELETE FROM search_entry WHERE message_id = :message_id;

-- name: purge_tags
DELETE FROM tag WHERE message_id = :message_id;

-- name: purge_trash
DELETE FROM trash WHERE message_id = :message_id;

-- name: purge_introduced
DELETE FROM introduced WHERE message_id = :message_id;

-- name: purge_attachment_texts
DELETE FROM attachment_text WHERE message_id = :message_id;

-- name: purge_wire
DELETE FROM wire WHERE message_id = :message_id;

-- name: purge_approval_links
DELETE FROM approval_link WHERE message_id = :message_id;

-- name: purge_approval_votes
DELETE FROM approval_vote WHERE approval_id IN (SELECT id FROM approval WHERE message_id = :message_id);

-- name: purge_approvals
DELETE FROM approval WHERE message_id = :message_id;

-- name: purge_complaints
DELETE FROM complaint WHERE delivery_id IN (SELECT id FROM delivery WHERE message_id = :message_id);

-- name: purge_attempts
DELETE FROM attempt WHERE delivery_id IN (SELECT id FROM delivery WHERE message_id = :message_id);

-- name: purge_deliveries
DELETE FROM delivery WHERE message_id = :message_id;

-- name: purge_schedule
DELETE FROM schedule WHERE message_id = :message_id;

-- name: purge_decisions
DELETE FROM decision WHERE message_id = :message_id;

-- name: purge_text
DELETE FROM message_text WHERE message_id = :message_id;

-- name: purge_message
DELETE FROM message WHERE id = :message_id;

-- name: purge_thread
DELETE FROM thread WHERE id = :thread_id AND NOT EXISTS (SELECT 1 FROM message WHERE thread_id = :thread_id);

-- name: forsaken_blobs
-- Those that have waited, and whether a message still needs each.
SELECT b.name, EXISTS (SELECT 1 FROM wire w WHERE w.blob = b.name) AS needed
FROM forsaken_blob b WHERE b.since < :before ORDER BY b.since LIMIT :limit;

-- name: blob_settled
DELETE FROM forsaken_blob WHERE name = :name AND since < :before;
