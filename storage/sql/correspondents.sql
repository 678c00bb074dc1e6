-- Whom a mailbox knows, which addresses it only read of, and what it handed in a moment ago.

-- name: meet
INSERT INTO correspondent (mailbox_id, address, domain, created_at)
VALUES (:mailbox_id, :address, :domain, :now)
ON CONFLICT DO NOTHING;

-- name: introduce
INSERT INTO introduced (mailbox_id, address, message_id)
VALUES (:mailbox_id, :address, :message_id)
ON CONFLICT DO NOTHING;

-- name: acquaintance
SELECT EXISTS (SELECT 1 FROM correspondent WHERE mailbox_id = :mailbox_id AND address = :address) AS known,
    EXISTS (SELECT 1 FROM introduced WHERE mailbox_id = :mailbox_id AND address = :address) AS introduced,
    EXISTS (SELECT 1 FROM correspondent WHERE mailbox_id = :mailbox_id AND domain = :domain) AS domain_known;

-- name: familiar_domains
SELECT name AS domain FROM domain WHERE account_id = :account_id
UNION
SELECT domain FROM (
    SELECT domain FROM correspondent WHERE mailbox_id = :mailbox_id
    GROUP BY domain ORDER BY max(created_at) DESC LIMIT :limit
) AS corresponded;

-- name: handed_in_since
SELECT id FROM message
WHERE mailbox_id = :mailbox_id AND fingerprint = :fingerprint AND fingerprint <> '' AND id <> :id
    AND created_at BETWEEN :since AND :until AND status NOT IN ('rejected', 'cancelled', 'send_failed')
LIMIT 1;
