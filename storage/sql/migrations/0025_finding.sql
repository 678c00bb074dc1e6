INSERT INTO schema_version (version) VALUES (25);

-- The order in which mail arrived is that of its events: clocks go back, and several mails share a moment.
CREATE INDEX event_by_message ON event (message_id, seq) WHERE message_id IS NOT NULL;

-- What few messages have is found without a walk through the mailbox.
DROP INDEX message_by_mailbox;
CREATE INDEX message_by_mailbox ON message (mailbox_id, direction, created_at, id);
CREATE INDEX message_by_status ON message (mailbox_id, direction, status, created_at, id);
CREATE INDEX message_by_sender ON message (mailbox_id, direction, lower(from_email), created_at, id);
CREATE INDEX approval_decided ON approval (account_id, decided_at, id) WHERE state <> 'pending';
DROP INDEX correspondent_by_domain;
CREATE INDEX correspondent_by_domain ON correspondent (mailbox_id, domain, created_at);
DROP INDEX tag_by_name;
CREATE INDEX tag_by_name ON tag (mailbox_id, name, value, message_id);

-- Words are folded in another way now: every message is indexed anew, behind the mail that arrives.
UPDATE search_entry SET revision = 0;
UPDATE search_mark SET seq = 0;
