-- Contacts: correspondents, and what a mailbox noted about people.

-- name: contacts
-- Two lists that are in order already, so that no more of them is read than it takes.
SELECT c.address, COALESCE(b.name, '') AS name, COALESCE(b.notes, '') AS notes, c.created_at AS met_at
FROM correspondent c LEFT JOIN address_book b ON b.mailbox_id = c.mailbox_id AND b.address = c.address
WHERE c.mailbox_id = :mailbox_id AND c.address > :after AND (CAST(:address AS TEXT) IS NULL OR c.address = :address)
  AND (c.address LIKE :like_address ESCAPE '\' OR b.folded LIKE CAST(:like_name AS TEXT))
UNION ALL
SELECT b.address, b.name, b.notes, CAST(NULL AS BIGINT) AS met_at
FROM address_book b
WHERE b.mailbox_id = :mailbox_id AND b.address > :after AND (CAST(:address AS TEXT) IS NULL OR b.address = :address)
  AND (b.address LIKE :like_address ESCAPE '\' OR b.folded LIKE CAST(:like_name AS TEXT))
  AND NOT EXISTS (SELECT 1 FROM correspondent c WHERE c.mailbox_id = b.mailbox_id AND c.address = b.address)
ORDER BY address
LIMIT :limit;

-- name: save_contact
INSERT INTO address_book (mailbox_id, address, name, folded, notes, updated_at)
VALUES (:mailbox_id, :address, :name, :folded, :notes, :updated_at)
ON CONFLICT (mailbox_id, address) DO UPDATE SET name = excluded.name, folded = excluded.folded,
    notes = excluded.notes, updated_at = excluded.updated_at;

-- name: contacts_noted
SELECT count(*) AS noted FROM address_book WHERE mailbox_id = :mailbox_id;

-- name: forget_contact
DELETE FROM address_book WHERE mailbox_id = :mailbox_id AND address = :address;
