-- TLS reports: what they count, and each day's reports on their way.

-- name: add_tls_sessions
INSERT INTO tls_session (day, domain, policy_hash, policy, host, result, sessions)
VALUES (:day, :domain, :policy_hash, :policy, :host, :result, :sessions)
ON CONFLICT (day, domain, policy_hash, host, result)
DO UPDATE SET sessions = tls_session.sessions + excluded.sessions;

-- name: expect_tls_report
INSERT INTO tls_report (id, day, domain, state, attempts, due_at, give_up_at, reply)
VALUES (:id, :day, :domain, :state, :attempts, :due_at, :give_up_at, :reply)
ON CONFLICT (day, domain) DO NOTHING;

-- name: claim_tls_reports
UPDATE tls_report SET state = 'sending', attempts = attempts + 1
WHERE id IN (
    SELECT id FROM tls_report WHERE state = 'queued' AND due_at <= :now
    ORDER BY due_at LIMIT :limit
    /* skip locked */
)
RETURNING *;

-- name: tls_sessions
SELECT * FROM tls_session WHERE day = :day AND domain = :domain
ORDER BY sessions DESC, policy_hash, host, result LIMIT :limit;

-- name: settle_tls_report
UPDATE tls_report SET state = :state, due_at = :due_at, reply = :reply WHERE id = :id AND state = 'sending';

-- name: forget_tls_sessions
DELETE FROM tls_session WHERE day < :before;

-- name: forget_tls_reports
DELETE FROM tls_report WHERE day < :before;

-- name: tls_reports
SELECT * FROM tls_report WHERE day = :day ORDER BY domain;
