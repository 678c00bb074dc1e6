INSERT INTO schema_version (version) VALUES (23);

-- The newest mail of a Message-ID is asked for; without the order in the index SQLite walks through the mailbox for it.
DROP INDEX message_by_rfc_id;
CREATE INDEX message_by_rfc_id ON message (mailbox_id, rfc_message_id, created_at, id);
