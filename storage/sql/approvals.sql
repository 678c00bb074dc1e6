-- Approvals, links to them, and the notices that carry the links.

-- name: insert_approval
INSERT INTO approval (
    id, account_id, mailbox_id, message_id, revision, direction, state, reasons, created_at, expires_at,
    decided_at, decided_by, reason, changes, reminded_at, needed
) VALUES (
    :id, :account_id, :mailbox_id, :message_id, :revision, :direction, :state, :reasons, :created_at,
    :expires_at, :decided_at, :decided_by, :reason, :changes, :reminded_at, :needed
);

-- name: insert_approval_link
INSERT INTO approval_link (
    hash, approval_id, message_id, revision, reviewer, expires_at, used_at
) VALUES (
    :hash, :approval_id, :message_id, :revision, :reviewer, :expires_at, :used_at
);

-- name: insert_notice
INSERT INTO notice (
    id, account_id, kind, recipient, subject_id, state, attempts, due_at, lease_until, reply, created_at
) VALUES (
    :id, :account_id, :kind, :recipient, :subject_id, :state, :attempts, :due_at, :lease_until, :reply,
    :created_at
);

-- name: approval
SELECT * FROM approval WHERE id = :id AND account_id = :account_id;

-- name: approval_of_message
SELECT * FROM approval WHERE message_id = :message_id ORDER BY created_at DESC, id DESC LIMIT 1;

-- name: pending_approvals
SELECT * FROM approval WHERE account_id = :account_id AND state = 'pending' ORDER BY created_at, id LIMIT :limit;

-- name: sandbox_of_approval
SELECT m.sandbox FROM approval a JOIN message m ON m.id = a.message_id WHERE a.id = :id;

-- name: expired_approvals
SELECT * FROM approval WHERE state = 'pending' AND expires_at <= :now ORDER BY expires_at LIMIT :limit;

-- name: approvals_to_remind
SELECT * FROM approval
WHERE state = 'pending' AND reminded_at IS NULL AND created_at <= :before AND expires_at > :now
ORDER BY created_at LIMIT :limit;

-- name: reminded
UPDATE approval SET reminded_at = :now WHERE id = :id AND state = 'pending' AND reminded_at IS NULL;

-- name: lock_approval
-- Votes and edits of one approval come one after another; on SQLite the writer is alone anyway.
SELECT * FROM approval WHERE id = :id AND account_id = :account_id
/* postgres */ FOR NO KEY UPDATE;

-- name: insert_vote
-- No row when this person approved this revision before.
INSERT INTO approval_vote (approval_id, revision, reviewer, digest, created_at)
SELECT a.id, a.revision, :reviewer, w.digest, CAST(:now AS BIGINT)
FROM approval a JOIN wire w ON w.message_id = a.message_id AND w.revision = a.revision
WHERE a.id = :approval_id
ON CONFLICT (approval_id, revision, reviewer) DO NOTHING
RETURNING *;

-- name: votes
-- Only those for the form that is stored now: the digest that was approved is the digest that leaves.
SELECT v.* FROM approval_vote v
JOIN approval a ON a.id = v.approval_id
JOIN wire w ON w.message_id = a.message_id AND w.revision = v.revision AND w.digest = v.digest
WHERE v.approval_id = :approval_id AND v.revision = :revision
ORDER BY v.created_at, v.reviewer;

-- name: end_approval
-- The compare-and-set of a decision: the second of two finds 0 rows.
UPDATE approval SET state = :state, decided_at = :now, decided_by = :decided_by, reason = :reason
WHERE id = :id AND state = 'pending' AND revision = :revision;

-- name: revise_approval
UPDATE approval SET revision = :revision, changes = :changes
WHERE id = :id AND state = 'pending' AND revision = :was;

-- name: raise_quorum
UPDATE approval SET needed = :needed, reasons = :reasons WHERE id = :id AND state = 'pending';

-- name: approval_link
SELECT * FROM approval_link WHERE hash = :hash;

-- name: use_links
UPDATE approval_link SET used_at = :now WHERE approval_id = :approval_id AND used_at IS NULL;

-- name: notice
SELECT * FROM notice WHERE id = :id;

-- name: claim_notices
UPDATE notice SET lease_until = :lease_until, attempts = attempts + 1
WHERE id IN (
    SELECT id FROM notice WHERE state = 'queued' AND due_at <= :now AND lease_until <= :now
    ORDER BY due_at LIMIT :limit
    /* skip locked */
)
RETURNING *;

-- name: end_notice_leases
UPDATE notice SET lease_until = 0 WHERE state = 'queued';

-- name: release_notice
-- Due again at once, if the lease is still the one it was claimed with.
UPDATE notice SET lease_until = 0 WHERE id = :id AND lease_until = :lease_until AND state = 'queued';

-- name: settle_notice
UPDATE notice SET state = :state, due_at = :due_at, lease_until = 0, reply = :reply WHERE id = :id;

-- name: waiting
-- What waits for an account's overseers, the most urgent first, and how many have approved it as it is.
SELECT approval.*, message.subject, message.from_email, wire.envelope, wire.digest, (
    SELECT count(*) FROM approval_vote v
    JOIN account a ON a.id = approval.account_id AND v.reviewer IN (a.overseer, a.second_overseer)
    WHERE v.approval_id = approval.id AND v.revision = approval.revision
) AS given
FROM approval
JOIN message ON message.id = approval.message_id
JOIN wire ON wire.message_id = approval.message_id AND wire.revision = approval.revision
WHERE approval.account_id = :account_id AND approval.state = 'pending' AND approval.expires_at > :now
  AND (CAST(:mailbox_id AS TEXT) IS NULL OR approval.mailbox_id = :mailbox_id)
ORDER BY approval.expires_at, approval.id
LIMIT :limit;

-- name: decided
-- What was decided of late, the newest first.
SELECT approval.*, message.subject, message.from_email, wire.envelope, needed AS given
FROM approval
JOIN message ON message.id = approval.message_id
JOIN wire ON wire.message_id = approval.message_id AND wire.revision = approval.revision
WHERE approval.account_id = :account_id AND approval.state <> 'pending'
ORDER BY approval.decided_at DESC, approval.id DESC
LIMIT :limit;

-- name: earlier_in_thread
-- What a mail answers, the newest first; for the overseer, who may see what the agent may not.
SELECT * FROM message JOIN message_text ON message_id = id
WHERE thread_id = (SELECT id FROM thread WHERE id = :thread_id AND mailbox_id = :mailbox_id) AND status <> 'deleted'
  AND (created_at, id) < (:created_at, :id)
ORDER BY created_at DESC, id DESC
LIMIT :limit;
