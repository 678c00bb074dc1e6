-- Contacts: correspondents, and what a mailbox noted about people.

-- name: contacts
SELECT everybody.address, COALESCE(b.name, '') AS name, COALESCE(b.notes, '') AS notes, c.created_at AS met_at
FROM (
    SELECT address FROM correspondent WHERE mailbox_id = :mailbox_id AND address > :after
    UNION
    SELECT address FROM address_book WHERE mailbox_id = :mailbox_id AND address > :after
) AS everybody
LEFT JOIN correspondent c ON c.mailbox_id = :mailbox_id AND c.address = everybody.address
LEFT JOIN address_book b ON b.mailbox_id = :mailbox_id AND b.address = everybody.address
WHERE (CAST(:address AS TEXT) IS NULL OR everybody.address = :address)
  AND (everybody.address LIKE :like_address ESCAPE '\' OR b.folded LIKE CAST(:like_name AS TEXT))
ORDER BY everybody.address
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
