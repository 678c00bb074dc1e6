-- Suppressions, and what mail to a contact has met.

-- name: suppress
-- A weaker reason never takes the place of a stronger one. Since when it is suppressed stays: whoever reads the list page by
-- page would miss an entry that jumps to its beginning.
INSERT INTO suppression (
    account_id, address, reason, strength, transactional_only, code, reply, created_at
) VALUES (
    :account_id, :address, :reason, :strength, :transactional_only, :code, :reply, :created_at
)
ON CONFLICT (account_id, address) DO UPDATE SET reason = excluded.reason, strength = excluded.strength,
    transactional_only = excluded.transactional_only, code = excluded.code, reply = excluded.reply
WHERE excluded.strength > suppression.strength;

-- name: suppression
SELECT * FROM suppression WHERE account_id = :account_id AND address = :address;

-- name: suppressions
-- The newest `limit` entries before the cursor, newest first.
SELECT * FROM suppression
WHERE account_id = :account_id
  AND (CAST(:reason AS TEXT) IS NULL OR reason = :reason)
  AND (created_at, address) < (:before_at, :before_address)
ORDER BY created_at DESC, address DESC
LIMIT :limit;

-- name: lift_suppression
DELETE FROM suppression WHERE account_id = :account_id AND address = :address AND reason = :reason;

-- name: contact
SELECT bounces_in_row FROM contact WHERE account_id = :account_id AND address = :address;

-- name: lock_contact
-- Read for a change: the row is made, and locked on PostgreSQL, so that no bounce is lost from the count.
INSERT INTO contact (account_id, address, bounces_in_row) VALUES (:account_id, :address, 0)
ON CONFLICT (account_id, address) DO UPDATE SET bounces_in_row = contact.bounces_in_row
RETURNING bounces_in_row;

-- name: set_bounces
UPDATE contact SET bounces_in_row = :bounces_in_row WHERE account_id = :account_id AND address = :address;
