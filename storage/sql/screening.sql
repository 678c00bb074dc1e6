-- Spam: what is known of a sender, what is kept apart, and what was said about it.

-- name: standing
SELECT
    EXISTS (SELECT 1 FROM correspondent WHERE mailbox_id = :mailbox_id AND address = :address) AS known,
    EXISTS (SELECT 1 FROM correspondent WHERE mailbox_id = :mailbox_id AND domain = :domain) AS domain_known,
    EXISTS (SELECT 1 FROM message WHERE thread_id = :thread_id AND direction = 'outbound' AND sandbox = 0
        AND status IN ('queued', 'sent')) AS answers_us,
    coalesce((SELECT spam - wanted FROM sender_mark WHERE mailbox_id = :mailbox_id AND sender = :address), 0)
        AS reported,
    coalesce((SELECT spam - wanted FROM sender_mark WHERE mailbox_id = :mailbox_id AND sender = :at_domain), 0)
        AS domain_reported;

-- name: mark_sender
INSERT INTO sender_mark (mailbox_id, sender, spam, wanted) VALUES (:mailbox_id, :sender, :spam, :wanted)
ON CONFLICT (mailbox_id, sender) DO UPDATE SET
    spam = sender_mark.spam + excluded.spam, wanted = sender_mark.wanted + excluded.wanted;

-- name: spam_of_account
SELECT * FROM message
WHERE account_id = :account_id AND status IN ('spam_flagged', 'spam_quarantined')
  AND (CAST(:status AS TEXT) IS NULL OR status = :status)
  AND (CAST(:mailbox_id AS TEXT) IS NULL OR mailbox_id = :mailbox_id)
  AND (created_at, id) < (:before_at, :before_id)
ORDER BY created_at DESC, id DESC
LIMIT :limit;
