-- The event log and remembered requests.

-- name: insert_event
INSERT INTO event (
    account_id, seq, type, mailbox_id, message_id, data, created_at
) VALUES (
    :account_id, :seq, :type, :mailbox_id, :message_id, :data, :created_at
);

-- name: next_seq
-- The account's row is locked until the commit, so events become visible in the order of their numbers.
UPDATE account SET last_seq = last_seq + 1 WHERE id = :account_id RETURNING last_seq;

-- name: events
SELECT * FROM event WHERE account_id = :account_id AND seq > :after ORDER BY seq LIMIT :limit;

-- name: events_of_message
SELECT * FROM event WHERE message_id = :message_id AND account_id = :account_id ORDER BY seq;

-- name: remember_request
INSERT INTO idempotency (account_id, key, request_hash, message_id, created_at)
VALUES (:account_id, :key, :request_hash, :message_id, :created_at)
ON CONFLICT (account_id, key) DO NOTHING;

-- name: remembered_request
SELECT * FROM idempotency WHERE account_id = :account_id AND key = :key;

-- name: forget_request
DELETE FROM idempotency WHERE account_id = :account_id AND key = :key;

-- name: forget_requests
DELETE FROM idempotency WHERE created_at < :before;
