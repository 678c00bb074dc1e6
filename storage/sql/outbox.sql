-- Decisions, deliveries and their attempts: the way out.

-- name: insert_decision
-- The mode and the approval are those of this very transaction, whoever decides.
INSERT INTO decision (
    id, message_id, revision, digest, verdict, findings, approver, created_at, mode, approval_id
) VALUES (
    :id, :message_id, :revision, :digest, :verdict, :findings, :approver, :created_at,
    (SELECT b.mode FROM message m JOIN mailbox b ON b.id = m.mailbox_id WHERE m.id = :message_id),
    COALESCE((
        SELECT max(a.id) FROM approval a
        WHERE CAST(:approver AS TEXT) IS NOT NULL AND a.message_id = :message_id AND a.state = 'approved'
    ), '')
);

-- name: insert_delivery
-- What was handed in with a test key stays in the sandbox: the message says so, and nobody else is asked.
INSERT INTO delivery (
    id, account_id, message_id, decision_id, recipient, is_copy, state, attempts, due_at, lease_until, lease,
    code, enhanced, reply, category, host, created_at, settled_at, sandbox, domain
) VALUES (
    :id, :account_id, :message_id, :decision_id, :recipient, :is_copy, :state, :attempts, :due_at,
    :lease_until, :lease, :code, :enhanced, :reply, :category, :host, :created_at, :settled_at,
    (SELECT sandbox FROM message WHERE id = :message_id), :domain
);

-- name: insert_attempt
INSERT INTO attempt (
    delivery_id, number, outcome, code, enhanced, reply, category, host, created_at, tls
) VALUES (
    :delivery_id, :number, :outcome, :code, :enhanced, :reply, :category, :host, :created_at, :tls
);

-- name: attempts
SELECT attempt.* FROM attempt JOIN delivery ON delivery.id = attempt.delivery_id
WHERE delivery.message_id = :message_id ORDER BY attempt.created_at, attempt.delivery_id, attempt.number;

-- name: opened
-- All that an attempt looks at, in one look: the decision, the wire form it is about, the message's part in the mail,
-- and what stands against the recipient.
SELECT d.*, m.mailbox_id, m.rfc_message_id, m.category, s.reason, s.transactional_only,
    w.envelope, w.data, w.blob
FROM decision d
JOIN message m ON m.id = d.message_id
LEFT JOIN wire w ON w.message_id = d.message_id AND w.revision = d.revision
LEFT JOIN suppression s ON s.account_id = m.account_id AND s.address = :address
WHERE d.id = :decision_id;

-- name: deliveries
SELECT * FROM delivery WHERE message_id = :message_id ORDER BY id;

-- name: delivery_states
SELECT state FROM delivery WHERE message_id = :message_id AND is_copy = 0;

-- name: delivery
SELECT * FROM delivery WHERE id = :id;

-- name: claim_deliveries
-- Take what is due and not leased; a lease that ran out is taken again, and `taken_from` says whose it was. What is
-- stopped or paused waits, and so do the domains in `closed` (",a.example,b.example,"). Of the first `look` no domain
-- gets more than `per_domain` places.
UPDATE delivery SET lease_until = :lease_until, taken_from = lease, lease = :lease
WHERE id IN (
    SELECT id FROM (
        SELECT id, due_at, row_number() OVER (PARTITION BY domain ORDER BY due_at, id) AS place FROM (
            SELECT id, due_at, domain FROM delivery
            WHERE state IN ('queued', 'deferred') AND due_at <= :now AND lease_until <= :now
                AND account_id NOT IN (SELECT subject FROM stop)
                AND NOT EXISTS (SELECT 1 FROM stop WHERE subject = '*')
                AND :closed NOT LIKE '%,' || domain || ',%'
            ORDER BY due_at LIMIT :look
            /* skip locked */
        ) AS due
    ) AS ranked
    WHERE place <= :per_domain
    ORDER BY due_at LIMIT :limit
)
RETURNING *;

-- name: next_delivery_due
SELECT min(CASE WHEN lease_until > due_at THEN lease_until ELSE due_at END) AS due
FROM delivery WHERE state IN ('queued', 'deferred')
    AND account_id NOT IN (SELECT subject FROM stop) AND NOT EXISTS (SELECT 1 FROM stop WHERE subject = '*')
    AND :closed NOT LIKE '%,' || domain || ',%';

-- name: settle_delivery
UPDATE delivery SET state = :state, attempts = attempts + 1, due_at = :due_at, lease_until = 0, lease = '',
    code = :code, enhanced = :enhanced, reply = :reply, category = :category, host = :host, settled_at = :settled_at
WHERE id = :id AND lease = :lease AND state IN ('queued', 'deferred');

-- name: renew_lease
UPDATE delivery SET lease_until = :lease_until WHERE id = :id AND lease = :lease;

-- name: leased
SELECT * FROM delivery WHERE lease <> '' AND state IN ('queued', 'deferred') ORDER BY id;

-- name: end_leases
-- For a worker that knows it is the only one: what a process that died had claimed is due again.
UPDATE delivery SET lease_until = 0, lease = '' WHERE lease <> '';

-- name: release_delivery
UPDATE delivery SET lease_until = 0, lease = '' WHERE id = :id AND lease = :lease;

-- name: stop_waiting
-- What waits for an address that is not there. What a worker holds looks at the list of suppressions itself, and so
-- does what is written in another case than ASCII's.
UPDATE delivery SET state = 'cancelled', settled_at = :now, enhanced = '5.7.1', category = 'NotDelivered',
    reply = :reply
WHERE account_id = :account_id AND lower(recipient) = :address AND state IN ('queued', 'deferred')
    AND lease_until <= :now AND is_copy = 0
RETURNING *;

-- name: cancel_deliveries
UPDATE delivery SET state = 'cancelled', settled_at = :now, category = :category, reply = :reply
WHERE message_id = :message_id AND state IN ('queued', 'deferred') AND lease_until <= :now;
