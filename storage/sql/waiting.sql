-- Reading the event log as it grows.

-- name: last_seq
SELECT last_seq FROM account WHERE id = :account_id;

-- name: arrived
-- From which number of the log on a message was there for its reader: when it came or was let in, or was handed in.
SELECT COALESCE(min(CASE WHEN type = 'message.received' THEN seq END), min(seq), 0) AS seq
FROM event WHERE message_id = :message_id;

-- name: arrivals
-- Unread mail that was there at a number of the log, the oldest first, behind one that was listed. What came later, or
-- came again, is told by the log.
SELECT * FROM message
WHERE mailbox_id = :mailbox_id AND direction = 'inbound' AND status = 'unread'
  AND (CAST(:thread_id AS TEXT) IS NULL OR thread_id = :thread_id)
  AND (CAST(:sender AS TEXT) IS NULL OR lower(from_email) = :sender)
  AND (CAST(:tag AS TEXT) IS NULL OR EXISTS (
    SELECT 1 FROM tag t WHERE t.message_id = message.id AND :tag IN (t.name, t.name || '=' || t.value)
  ))
  AND (created_at, id) > (:after_at, :after_id)
  AND NOT EXISTS (
    SELECT 1 FROM event e WHERE e.message_id = message.id AND e.seq > :upto AND e.type = 'message.received'
  )
ORDER BY created_at, id
LIMIT :limit;

-- name: arrivals_since
-- What a mailbox got, or what was given a tag that it still has, and the answers that did not come in time, behind a
-- number of the event log. What is given a tag counts if it came behind `newer_than`.
SELECT e.seq, e.type, e.data, m.* FROM event e JOIN message m ON m.id = e.message_id
WHERE e.account_id = :account_id AND e.seq > :after AND e.mailbox_id = :mailbox_id
  AND (
    e.type = 'reply.overdue'
    OR (e.type = 'message.received' AND CAST(:tag AS TEXT) IS NULL)
    OR (e.type = 'message.tagged' AND EXISTS (
      SELECT 1 FROM tag t WHERE t.message_id = m.id AND :tag IN (t.name, t.name || '=' || t.value)
    ) AND NOT EXISTS (
      SELECT 1 FROM event a WHERE a.message_id = m.id AND a.seq <= :newer_than AND a.type = 'message.received'
    ))
  )
  AND (CAST(:thread_id AS TEXT) IS NULL OR m.thread_id = :thread_id)
  AND (CAST(:sender AS TEXT) IS NULL OR lower(m.from_email) = :sender OR e.type = 'reply.overdue')
ORDER BY e.seq LIMIT :limit;

-- name: valid_key
SELECT id FROM api_key WHERE id = :id AND revoked_at IS NULL;

-- name: events_since
-- PostgreSQL joins one by one because of OFFSET 0: without it, it reads the whole table of messages for each page.
SELECT e.*, m.direction, m.status, m.thread_id FROM (
    SELECT * FROM event
    WHERE account_id = :account_id AND seq > :after
      AND (CAST(:mailbox_id AS TEXT) IS NULL OR mailbox_id = :mailbox_id)
    ORDER BY seq LIMIT :limit
) AS e
/* sqlite */ LEFT JOIN message m ON m.id = e.message_id
/* postgres */ LEFT JOIN LATERAL (SELECT * FROM message WHERE id = e.message_id OFFSET 0) AS m ON TRUE
ORDER BY e.seq;
