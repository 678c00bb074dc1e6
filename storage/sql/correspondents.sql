-- Whom a mailbox knows, which addresses it only read of, and what it handed in a moment ago.

-- name: meet
INSERT INTO correspondent (mailbox_id, address, domain, created_at)
VALUES (:mailbox_id, :address, :domain, :now)
ON CONFLICT DO NOTHING;

-- name: introduce
INSERT INTO introduced (mailbox_id, address, message_id)
VALUES (:mailbox_id, :address, :message_id)
ON CONFLICT DO NOTHING;

-- name: introduce_anew
-- What an untrusted mail carried is remembered for a time: it begins with each such mail.
INSERT INTO introduced (mailbox_id, address, message_id)
VALUES (:mailbox_id, :address, :message_id)
ON CONFLICT (mailbox_id, address) DO UPDATE SET message_id = excluded.message_id;

-- name: acquaintance
SELECT EXISTS (SELECT 1 FROM correspondent WHERE mailbox_id = :mailbox_id AND address = :address) AS known,
    (SELECT min(message_id) FROM introduced
        WHERE mailbox_id = :mailbox_id AND address IN (:address, :untagged)) AS introduced_by,
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

-- name: unanswered
-- The newest mails of a thread that came in since something of it left, as far as an agent can have read them.
SELECT * FROM message
WHERE thread_id = :thread_id AND direction = 'inbound'
  AND status IN ('unread', 'read', 'archived', 'spam_flagged')
  AND created_at > coalesce((
    SELECT max(created_at) FROM message
    WHERE thread_id = :thread_id AND direction = 'outbound' AND status IN ('queued', 'sent') AND id <> :id
  ), 0)
ORDER BY created_at DESC, id DESC
LIMIT :limit;

-- name: introduced_by
SELECT m.* FROM introduced i JOIN message m ON m.id = i.message_id
WHERE i.mailbox_id = :mailbox_id AND i.address = :what AND m.created_at > :since;

-- name: answered_people
SELECT people FROM message
WHERE thread_id = :thread_id AND rfc_message_id = :rfc_message_id AND direction = 'inbound' AND rfc_message_id <> '';
