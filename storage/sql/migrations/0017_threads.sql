INSERT INTO schema_version (version) VALUES (17);

-- The subject without its prefixes, as tools/mail/references.base_subject makes it; threads from before are not found by it.
ALTER TABLE thread ADD COLUMN base_subject TEXT NOT NULL DEFAULT '';
CREATE INDEX thread_by_subject ON thread (mailbox_id, base_subject, last_at) WHERE base_subject <> '';
