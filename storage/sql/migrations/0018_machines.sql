-- Answers that are waited for, threads that stopped by themselves, and mail that is passed on.
INSERT INTO schema_version (version) VALUES (18);

CREATE TABLE expected_reply (
    thread_id TEXT PRIMARY KEY,
    message_id TEXT NOT NULL,
    wait BIGINT NOT NULL,
    -- NULL until the mail was let through
    due_at BIGINT
);
CREATE INDEX expected_reply_due ON expected_reply (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE thread_pause (
    thread_id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    paused_at BIGINT NOT NULL,
    -- what went before is not counted again
    resumed_at BIGINT
);

CREATE TABLE forwarding (
    mailbox_id TEXT PRIMARY KEY REFERENCES mailbox (id),
    target TEXT NOT NULL,
    -- who stands for it: the approver of what is passed on
    set_by TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE forwarded (
    -- the envelope sender it left with, in canonical form
    address TEXT PRIMARY KEY,
    message_id TEXT NOT NULL,
    original_sender TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- when its bounce was given back; there is no second time
    returned_at BIGINT
);
CREATE INDEX forwarded_by_time ON forwarded (created_at);
