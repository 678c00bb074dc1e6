-- Programs that answer programs, and answers that are waited for.

-- name: answered
-- The arrived mail that a new one names. Sorted, or asked for what came in, SQLite would walk through the whole mailbox.
SELECT findings FROM message WHERE id = (
    SELECT max(id) FROM message
    WHERE mailbox_id = :mailbox_id AND rfc_message_id = :in_reply_to AND direction <> 'outbound'
);

-- name: answered_in_thread
-- The newest arrived mail of a thread.
SELECT findings FROM message
WHERE thread_id = :thread_id AND direction = 'inbound'
ORDER BY created_at DESC, id DESC LIMIT 1;

-- name: thread_pause
SELECT * FROM thread_pause WHERE thread_id = :thread_id;

-- name: turns
-- Messages of both sides since a time, as far as they went.
SELECT direction, COUNT(*) AS messages FROM (
    SELECT direction FROM message
    WHERE thread_id = :thread_id AND created_at > :since AND id <> :message_id AND category NOT IN ('forward', 'return')
      AND (direction = 'inbound' OR status IN ('queued', 'sent', 'bounced'))
    ORDER BY created_at DESC LIMIT :most
) AS recent GROUP BY direction;

-- name: pause_thread
INSERT INTO thread_pause (thread_id, account_id, paused_at, resumed_at)
VALUES (:thread_id, :account_id, :now, NULL)
ON CONFLICT (thread_id) DO UPDATE SET paused_at = excluded.paused_at, resumed_at = NULL
WHERE thread_pause.resumed_at IS NOT NULL;

-- name: resume_thread
UPDATE thread_pause SET resumed_at = :now
WHERE thread_id = :thread_id AND account_id = :account_id AND resumed_at IS NULL;

-- name: expect_reply
-- What ran already for the thread runs on until this mail was let through.
INSERT INTO expected_reply (thread_id, message_id, wait, due_at) VALUES (:thread_id, :message_id, :wait, NULL)
ON CONFLICT (thread_id) DO UPDATE SET message_id = excluded.message_id, wait = excluded.wait;

-- name: start_waiting
-- From when a mail leaves; a later one in the thread starts anew what runs.
UPDATE expected_reply SET due_at = :leaves_at + wait, message_id = :message_id
WHERE thread_id = :thread_id AND (message_id = :message_id OR due_at IS NOT NULL);

-- name: overdue_replies
SELECT * FROM expected_reply WHERE due_at <= :now ORDER BY due_at LIMIT :limit;

-- name: expected_reply
SELECT * FROM expected_reply WHERE thread_id = :thread_id;

-- name: reply_came
DELETE FROM expected_reply WHERE thread_id = :thread_id;

-- name: take_overdue
-- The same answer is missed only once.
DELETE FROM expected_reply WHERE thread_id = :thread_id AND due_at = :due_at;

-- name: wait_for_decision
UPDATE expected_reply SET due_at = NULL WHERE thread_id = :thread_id AND due_at = :due_at;

-- name: forwarding
SELECT * FROM forwarding WHERE mailbox_id = :mailbox_id;

-- name: set_forwarding
INSERT INTO forwarding (mailbox_id, target, set_by, created_at, hash, asked_at, confirmed_at)
VALUES (:mailbox_id, :target, :set_by, :created_at, :hash, :asked_at, :confirmed_at)
ON CONFLICT (mailbox_id) DO UPDATE SET target = excluded.target, set_by = excluded.set_by,
    created_at = excluded.created_at, hash = excluded.hash, asked_at = excluded.asked_at,
    confirmed_at = excluded.confirmed_at;

-- name: forwarding_by_hash
-- What a link is about, with the mailbox's address and account.
SELECT f.*, m.address, m.account_id FROM forwarding f JOIN mailbox m ON m.id = f.mailbox_id
WHERE f.hash = :hash AND f.hash <> '';

-- name: confirm_forwarding
-- What was set anew meanwhile has another hash.
UPDATE forwarding SET confirmed_at = :now
WHERE mailbox_id = :mailbox_id AND hash = :hash AND confirmed_at IS NULL;

-- name: stop_forwarding
DELETE FROM forwarding WHERE mailbox_id = :mailbox_id AND hash = :hash;

-- name: asked_lately
-- Mails that asked in the name of an account, one address or any, and when the first of them did.
SELECT count(*) AS mails, min(created_at) AS first FROM notice
WHERE account_id = :account_id AND kind = 'forwarding' AND created_at > :since
  AND (CAST(:recipient AS TEXT) IS NULL OR recipient = :recipient);

-- name: end_forwarding
DELETE FROM forwarding WHERE mailbox_id = :mailbox_id;

-- name: note_forwarded
-- The same sender on the same day leaves from the same address: its newest mail counts, and its bounce again.
INSERT INTO forwarded (address, message_id, original_sender, created_at, returned_at)
VALUES (:address, :message_id, :original_sender, :now, NULL)
ON CONFLICT (address) DO UPDATE SET message_id = excluded.message_id, created_at = excluded.created_at,
    returned_at = NULL;

-- name: forwarded
SELECT * FROM forwarded WHERE address = :address;

-- name: give_back
UPDATE forwarded SET returned_at = :now WHERE address = :address AND returned_at IS NULL;

-- name: forget_forwarded
DELETE FROM forwarded WHERE created_at < :before;
