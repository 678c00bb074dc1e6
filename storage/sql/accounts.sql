-- Accounts, domains, mailboxes, keys, allowlists.

-- name: schema_version
SELECT max(version) AS version FROM schema_version;

-- name: insert_account
INSERT INTO account (
    id, slug, overseer, created_at, second_overseer, risky_rules
) VALUES (
    :id, :slug, :overseer, :created_at, :second_overseer, :risky_rules
);

-- name: insert_domain
INSERT INTO domain (
    name, account_id, selector, rsa_pem, ed25519_pem, created_at, forward_to, catch_all, postmaster, forwarding_key
) VALUES (
    :name, :account_id, :selector, :rsa_pem, :ed25519_pem, :created_at, :forward_to, :catch_all, :postmaster,
    :forwarding_key
);

-- name: insert_mailbox
INSERT INTO mailbox (
    id, account_id, address, display_name, mode, created_at, transactional, dmarc_policy
) VALUES (
    :id, :account_id, :address, :display_name, :mode, :created_at, :transactional, :dmarc_policy
);

-- name: insert_api_key
INSERT INTO api_key (
    id, account_id, mailbox_id, name, prefix, hash, scopes, created_at, revoked_at, sandbox, person
) VALUES (
    :id, :account_id, :mailbox_id, :name, :prefix, :hash, :scopes, :created_at, :revoked_at, :sandbox, :person
);

-- name: account
SELECT * FROM account WHERE id = :id;

-- name: accounts
SELECT * FROM account ORDER BY created_at, id;

-- name: account_of_overseer
SELECT * FROM account WHERE overseer = :overseer OR second_overseer = :overseer ORDER BY created_at, id;

-- name: name_second_overseer
UPDATE account SET second_overseer = :second_overseer WHERE id = :id;

-- name: name_risky_rules
UPDATE account SET risky_rules = :risky_rules WHERE id = :id;

-- name: domain
SELECT * FROM domain WHERE name = :name;

-- name: domains
SELECT * FROM domain WHERE account_id = :account_id ORDER BY name;

-- name: mailbox
SELECT * FROM mailbox WHERE id = :id AND account_id = :account_id;

-- name: mailbox_by_address
SELECT * FROM mailbox WHERE address = :address;

-- name: mailboxes
SELECT * FROM mailbox WHERE account_id = :account_id ORDER BY created_at, id;

-- name: mailbox_page
SELECT * FROM mailbox
WHERE account_id = :account_id AND (created_at, id) < (:before_at, :before_id)
ORDER BY created_at DESC, id DESC
LIMIT :limit;

-- name: lock_mailbox
-- Nobody else changes it before the commit. On SQLite the writer is alone anyway.
SELECT * FROM mailbox WHERE id = :id
/* postgres */ FOR NO KEY UPDATE;

-- name: set_transactional
UPDATE mailbox SET transactional = :transactional WHERE id = :id;

-- name: set_dmarc_policy
UPDATE mailbox SET dmarc_policy = :dmarc_policy WHERE id = :id;

-- name: set_forward_to
UPDATE domain SET forward_to = :forward_to WHERE name = :name;

-- name: set_mode
UPDATE mailbox SET mode = :mode WHERE id = :id;

-- name: key_by_prefix
SELECT * FROM api_key WHERE prefix = :prefix AND revoked_at IS NULL;

-- name: keys
SELECT * FROM api_key WHERE account_id = :account_id ORDER BY created_at, id;

-- name: revoke_key
UPDATE api_key SET revoked_at = :now WHERE id = :id AND account_id = :account_id AND revoked_at IS NULL;

-- name: allow
INSERT INTO allowlist (mailbox_id, pattern, created_at) VALUES (:mailbox_id, :pattern, :created_at)
ON CONFLICT (mailbox_id, pattern) DO NOTHING;

-- name: disallow
DELETE FROM allowlist WHERE mailbox_id = :mailbox_id AND pattern = :pattern;

-- name: allowlist
SELECT pattern FROM allowlist WHERE mailbox_id = :mailbox_id ORDER BY pattern;
