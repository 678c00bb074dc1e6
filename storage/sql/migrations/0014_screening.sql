INSERT INTO schema_version (version) VALUES (14);

-- Two more statuses. SQLite cannot change a CHECK, and a table that others point to cannot be made anew with foreign keys
-- on; as no stored row changes its form, the text of the table is changed (sqlite.org/lang_altertable.html, "other kinds").
/* sqlite */ PRAGMA writable_schema = ON;
/* sqlite */ UPDATE sqlite_schema SET sql = replace(sql, '''pending_inbound_approval''',
/* sqlite */     '''pending_inbound_approval'', ''spam_flagged'', ''spam_quarantined''')
/* sqlite */ WHERE type = 'table' AND name = 'message';
/* sqlite */ PRAGMA writable_schema = RESET;
/* postgres */ ALTER TABLE message DROP CONSTRAINT message_status_check;
/* postgres */ ALTER TABLE message ADD CONSTRAINT message_status_check CHECK (status IN (
/* postgres */     'unread', 'read', 'archived', 'deleted', 'pending_inbound_approval', 'spam_flagged', 'spam_quarantined',
/* postgres */     'pending_send_approval', 'scheduled', 'queued', 'sent', 'bounced', 'send_failed', 'cancelled',
/* postgres */     'rejected'));

CREATE INDEX message_as_spam ON message (account_id, created_at, id)
    WHERE status IN ('spam_flagged', 'spam_quarantined');

-- What a mailbox was told about senders: how often their mail was spam, and how often a person wanted it after all.
CREATE TABLE sender_mark (
    mailbox_id TEXT NOT NULL REFERENCES mailbox (id),
    -- an address in canonical form, or @ and its domain
    sender TEXT NOT NULL,
    spam BIGINT NOT NULL DEFAULT 0,
    wanted BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (mailbox_id, sender)
);
