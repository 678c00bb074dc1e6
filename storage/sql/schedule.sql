-- Mail that leaves later.

-- name: insert_schedule
INSERT INTO schedule (message_id, account_id, send_at, gated) VALUES (:message_id, :account_id, :send_at, :gated);

-- name: schedule
SELECT * FROM schedule WHERE message_id = :message_id;

-- name: due_for_the_gate
-- What is stopped or paused waits for its end: the gate would deny it for good.
SELECT s.* FROM schedule s JOIN message m ON m.id = s.message_id
WHERE s.gated = 0 AND s.send_at <= :now AND m.status = 'scheduled'
    AND s.account_id NOT IN (SELECT subject FROM stop) AND NOT EXISTS (SELECT 1 FROM stop WHERE subject = '*')
ORDER BY s.send_at LIMIT :limit;

-- name: gate_schedule
-- The gate takes a waiting mail only once.
UPDATE schedule SET gated = 1 WHERE message_id = :message_id AND gated = 0;

-- name: postpone_schedule
-- The gate takes it again at another time.
UPDATE schedule SET gated = 0, send_at = :send_at WHERE message_id = :message_id;

-- name: move_schedule
UPDATE schedule SET send_at = :send_at WHERE message_id = :message_id;

-- name: take_back_deliveries
-- Deliveries that were never begun: the mail they belong to is being changed.
DELETE FROM delivery
WHERE message_id = :message_id AND state = 'queued' AND attempts = 0 AND lease_until <= :now;

-- name: move_deliveries
UPDATE delivery SET due_at = :due_at
WHERE message_id = :message_id AND state = 'queued' AND attempts = 0 AND lease_until <= :now;
