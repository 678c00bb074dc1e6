-- Whose arriving mail is, and greylisting.

-- name: mailbox_taking_in
-- Who gets a domain's mail that is for no mailbox. For a role it is the postmaster, or the one who gets everything, or
-- the account's first mailbox.
SELECT m.* FROM domain d JOIN mailbox m ON m.account_id = d.account_id
WHERE d.name = :domain AND (
    m.id = CASE WHEN CAST(:role AS BIGINT) = 1 AND d.postmaster <> '' THEN d.postmaster ELSE d.catch_all END
    OR (CAST(:role AS BIGINT) = 1 AND d.postmaster = '' AND d.catch_all = '')
)
ORDER BY m.created_at, m.id LIMIT 1;

-- name: set_catch_all
UPDATE domain SET catch_all = :mailbox_id WHERE name = :name;

-- name: set_postmaster
UPDATE domain SET postmaster = :mailbox_id WHERE name = :name;

-- name: set_forwarding_key
UPDATE domain SET forwarding_key = :forwarding_key WHERE name = :name;

-- name: greylisted
SELECT
    (SELECT max(seen_at) FROM greylist WHERE network = :network AND passed = 1) AS good_at,
    (SELECT min(first_at) FROM greylist
     WHERE network = :network AND sender = :sender AND recipient = :recipient) AS first_at;

-- name: greylist
INSERT INTO greylist (network, sender, recipient, first_at, seen_at) VALUES (:network, :sender, :recipient, :now, :now)
ON CONFLICT (network, sender, recipient) DO UPDATE SET seen_at = excluded.seen_at;

-- name: greylist_passed
UPDATE greylist SET passed = 1, seen_at = :now
WHERE network = :network AND sender = :sender AND recipient = :recipient;

-- name: greylist_heard_of
UPDATE greylist SET seen_at = :now WHERE network = :network AND passed = 1;

-- name: greylist_forget
DELETE FROM greylist WHERE (passed = 0 AND seen_at < :unsure_before) OR (passed = 1 AND seen_at < :good_before);
