INSERT INTO schema_version (version) VALUES (5);

-- 1 for a test key, and for what was handed in with one: none of it ever leaves.
ALTER TABLE api_key ADD COLUMN sandbox BIGINT NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN sandbox BIGINT NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN sandbox BIGINT NOT NULL DEFAULT 0;

-- What the identity claim says of a decision: the mailbox's mode then, and the approval that stood behind it.
ALTER TABLE decision ADD COLUMN mode TEXT NOT NULL DEFAULT '';
ALTER TABLE decision ADD COLUMN approval_id TEXT NOT NULL DEFAULT '';
CREATE INDEX approval_by_message ON approval (message_id);
