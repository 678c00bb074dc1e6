-- Reading the event log as it grows.

-- name: last_seq
SELECT last_seq FROM account WHERE id = :account_id;

-- name: arrivals
-- Mail that is there, oldest first, behind one that was seen.
SELECT * FROM message
WHERE mailbox_id = :mailbox_id AND direction = 'inbound' AND status IN ('unread', 'read')
  AND (CAST(:thread_id AS TEXT) IS NULL OR thread_id = :thread_id)
  AND (CAST(:sender AS TEXT) IS NULL OR lower(from_email) = :sender)
  AND (CAST(:status AS TEXT) IS NULL OR status = :status)
  AND (CAST(:tag AS TEXT) IS NULL OR EXISTS (
    SELECT 1 FROM tag t WHERE t.message_id = message.id AND :tag IN (t.name, t.name || '=' || t.value)
  ))
  AND (created_at > :after_at OR (created_at = :after_at AND id > :after_id))
ORDER BY created_at, id
LIMIT :limit;

-- name: arrivals_since
-- What a mailbox got, or what was given a tag that it still has, and the answers that did not come in time, behind a
-- number of the event log.
SELECT e.seq, e.type, e.data, m.* FROM event e JOIN message m ON m.id = e.message_id
WHERE e.account_id = :account_id AND e.seq > :after AND e.mailbox_id = :mailbox_id
  AND (
    e.type = 'reply.overdue'
    OR (e.type = 'message.received' AND CAST(:tag AS TEXT) IS NULL)
    OR (e.type = 'message.tagged' AND EXISTS (
      SELECT 1 FROM tag t WHERE t.message_id = m.id AND :tag IN (t.name, t.name || '=' || t.value)
    ))
  )
ORDER BY e.seq LIMIT :limit;

-- name: valid_key
SELECT id FROM api_key WHERE id = :id AND revoked_at IS NULL;

-- name: events_since
SELECT e.*, m.direction, m.status, m.thread_id FROM event e LEFT JOIN message m ON m.id = e.message_id
WHERE e.account_id = :account_id AND e.seq > :after
  AND (CAST(:mailbox_id AS TEXT) IS NULL OR e.mailbox_id = :mailbox_id)
ORDER BY e.seq LIMIT :limit;
