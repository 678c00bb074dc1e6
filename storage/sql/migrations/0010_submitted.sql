INSERT INTO schema_version (version) VALUES (10);

-- Where notifications about a domain's mail go; empty is its postmaster.
ALTER TABLE domain ADD COLUMN forward_to TEXT NOT NULL DEFAULT '';

-- 1 where the operator lets the mailbox's agents say that a mail is one its reader asked for this moment.
ALTER TABLE mailbox ADD COLUMN transactional BIGINT NOT NULL DEFAULT 0;

-- 1 for mail handed in over SMTP: whoever did so learns by mail what failed.
ALTER TABLE message ADD COLUMN by_smtp BIGINT NOT NULL DEFAULT 0;

-- What waits for one recipient, to be stopped when the address turns out not to exist.
CREATE INDEX delivery_waiting ON delivery (account_id, lower(recipient)) WHERE state IN ('queued', 'deferred');

-- One more kind. SQLite cannot change a CHECK, so the table is made anew.
CREATE TABLE kept_notice AS SELECT * FROM notice;
DROP TABLE notice;
CREATE TABLE notice (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    kind TEXT NOT NULL CHECK (kind IN ('approval', 'sign_in', 'upgrade', 'failure')),
    recipient TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'failed')),
    attempts BIGINT NOT NULL DEFAULT 0,
    due_at BIGINT NOT NULL,
    lease_until BIGINT NOT NULL DEFAULT 0,
    reply TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL
);
INSERT INTO notice SELECT * FROM kept_notice;
DROP TABLE kept_notice;
CREATE INDEX notice_due ON notice (due_at) WHERE state = 'queued';
