INSERT INTO schema_version (version) VALUES (2);

-- Addresses, in canonical form, that an account does not send to.
CREATE TABLE suppression (
    account_id TEXT NOT NULL REFERENCES account (id),
    address TEXT NOT NULL,
    reason TEXT NOT NULL CHECK (reason IN ('manual', 'unsubscribe', 'complaint', 'bounce')),
    -- of two reasons the stronger one stays
    strength BIGINT NOT NULL,
    -- 1: bulk and broadcast mail alone is stopped
    transactional_only BIGINT NOT NULL,
    -- what the other server said, for a bounce
    code BIGINT NOT NULL,
    reply TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, address)
);
CREATE INDEX suppression_by_time ON suppression (account_id, created_at, address);

-- What an account's mail to an address, in canonical form, has met.
CREATE TABLE contact (
    account_id TEXT NOT NULL REFERENCES account (id),
    address TEXT NOT NULL,
    bounces_in_row BIGINT NOT NULL,
    PRIMARY KEY (account_id, address)
);

ALTER TABLE message ADD COLUMN category TEXT NOT NULL DEFAULT 'transactional';
