-- Whose mail is passed on to them says first that they want it. What is passed on already stays.
INSERT INTO schema_version (version) VALUES (20);

-- of the link in the mail that asks; empty for what was set before there was one
ALTER TABLE forwarding ADD COLUMN hash TEXT NOT NULL DEFAULT '';
-- when the target was mailed last
ALTER TABLE forwarding ADD COLUMN asked_at BIGINT NOT NULL DEFAULT 0;
-- NULL until the target's reader agreed: nothing is passed on before
ALTER TABLE forwarding ADD COLUMN confirmed_at BIGINT;
UPDATE forwarding SET asked_at = created_at, confirmed_at = created_at;
CREATE UNIQUE INDEX forwarding_by_hash ON forwarding (hash) WHERE hash <> '';

-- One more kind, as 0014 changes a CHECK.
/* sqlite */ PRAGMA writable_schema = ON;
/* sqlite */ UPDATE sqlite_schema SET sql = replace(sql, '''failure''', '''failure'', ''forwarding''')
/* sqlite */ WHERE type = 'table' AND name = 'notice';
/* sqlite */ PRAGMA writable_schema = RESET;
/* postgres */ ALTER TABLE notice DROP CONSTRAINT notice_kind_check;
/* postgres */ ALTER TABLE notice ADD CONSTRAINT notice_kind_check CHECK (
/* postgres */     kind IN ('approval', 'sign_in', 'upgrade', 'failure', 'forwarding'));
CREATE INDEX notice_asking ON notice (account_id, created_at) WHERE kind = 'forwarding';
