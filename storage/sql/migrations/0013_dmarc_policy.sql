INSERT INTO schema_version (version) VALUES (13);

-- What becomes of mail that fails DMARC, where the domain it names asks for as much.
ALTER TABLE mailbox ADD COLUMN dmarc_policy TEXT NOT NULL DEFAULT 'accept'
    CHECK (dmarc_policy IN ('accept', 'quarantine', 'reject'));
