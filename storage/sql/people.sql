-- People: upgrades of a mode, sign-ins, sessions.

-- name: insert_upgrade
INSERT INTO upgrade (
    id, account_id, mailbox_id, mode, hash, tries, created_at, expires_at, used_at
) VALUES (
    :id, :account_id, :mailbox_id, :mode, :hash, :tries, :created_at, :expires_at, :used_at
);

-- name: insert_sign_in
INSERT INTO sign_in (
    id, account_id, email, hash, created_at, expires_at, used_at
) VALUES (
    :id, :account_id, :email, :hash, :created_at, :expires_at, :used_at
);

-- name: insert_session
INSERT INTO session (
    hash, account_id, email, created_at, expires_at
) VALUES (
    :hash, :account_id, :email, :created_at, :expires_at
);

-- name: upgrade
SELECT * FROM upgrade WHERE id = :id;

-- name: open_upgrade
SELECT * FROM upgrade
WHERE mailbox_id = :mailbox_id AND used_at IS NULL AND expires_at > :now
ORDER BY created_at DESC, id DESC LIMIT 1;

-- name: upgrades_since
SELECT count(*) AS requests FROM upgrade WHERE mailbox_id = :mailbox_id AND created_at > :since;

-- name: try_upgrade
UPDATE upgrade SET tries = tries + 1 WHERE id = :id AND tries < :limit;

-- name: use_upgrade
UPDATE upgrade SET used_at = :now WHERE id = :id AND used_at IS NULL;

-- name: sign_in
SELECT * FROM sign_in WHERE id = :id;

-- name: sign_in_by_hash
SELECT * FROM sign_in WHERE hash = :hash;

-- name: sign_ins_since
SELECT count(*) AS requests FROM sign_in WHERE account_id = :account_id AND created_at > :since;

-- name: use_sign_in
UPDATE sign_in SET used_at = :now WHERE id = :id AND used_at IS NULL;

-- name: session
SELECT * FROM session WHERE hash = :hash AND expires_at > :now;

-- name: end_session
DELETE FROM session WHERE hash = :hash;

-- name: end_old_sessions
DELETE FROM session WHERE expires_at <= :now;
