INSERT INTO schema_version (version) VALUES (8);

-- When a mail shall leave, for one that waits. `gated` is 0 as long as the gate waits for that time too.
CREATE TABLE schedule (
    message_id TEXT PRIMARY KEY REFERENCES message (id),
    account_id TEXT NOT NULL REFERENCES account (id),
    send_at BIGINT NOT NULL,
    gated BIGINT NOT NULL
);
CREATE INDEX schedule_due ON schedule (send_at) WHERE gated = 0;

ALTER TABLE approval ADD COLUMN reminded_at BIGINT;

CREATE INDEX message_by_account ON message (account_id, created_at, id);
