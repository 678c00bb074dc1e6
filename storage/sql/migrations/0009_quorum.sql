INSERT INTO schema_version (version) VALUES (9);

-- The second overseer, in canonical form, if there is one; and the rules whose mail two must approve, as a JSON list:
-- NULL is what the program thinks risky.
ALTER TABLE account ADD COLUMN second_overseer TEXT NOT NULL DEFAULT '';
ALTER TABLE account ADD COLUMN risky_rules TEXT;

-- Of a key that decides: the overseer whose hand it is; empty is the account's first.
ALTER TABLE api_key ADD COLUMN person TEXT NOT NULL DEFAULT '';

-- How many people must approve the same revision.
ALTER TABLE approval ADD COLUMN needed BIGINT NOT NULL DEFAULT 1;

-- Who approved which revision, and the digest of what they were shown.
CREATE TABLE approval_vote (
    approval_id TEXT NOT NULL REFERENCES approval (id),
    revision BIGINT NOT NULL,
    reviewer TEXT NOT NULL,
    digest TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (approval_id, revision, reviewer)
);
