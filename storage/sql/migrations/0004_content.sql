INSERT INTO schema_version (version) VALUES (4);

ALTER TABLE message ADD COLUMN fingerprint TEXT NOT NULL DEFAULT '';
CREATE INDEX message_by_fingerprint ON message (mailbox_id, fingerprint, created_at) WHERE fingerprint <> '';

-- Addresses that a mailbox got mail from or wrote to, in canonical form.
CREATE TABLE correspondent (
    mailbox_id TEXT NOT NULL REFERENCES mailbox (id),
    address TEXT NOT NULL,
    domain TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (mailbox_id, address)
);
CREATE INDEX correspondent_by_domain ON correspondent (mailbox_id, domain);

-- Addresses that stood in the text of a received mail, and the first that had them.
CREATE TABLE introduced (
    mailbox_id TEXT NOT NULL REFERENCES mailbox (id),
    address TEXT NOT NULL,
    message_id TEXT NOT NULL REFERENCES message (id),
    PRIMARY KEY (mailbox_id, address)
);

-- Whom the mailboxes knew before this table was there. rtrim takes off the domain: every letter that is not an @.
INSERT INTO correspondent (mailbox_id, address, domain, created_at)
SELECT mailbox_id, address, replace(address, rtrim(address, replace(address, '@', '')), ''), min(created_at)
FROM (
    SELECT mailbox_id, lower(from_email) AS address, created_at FROM message
    WHERE direction = 'inbound' AND status NOT IN ('pending_inbound_approval', 'rejected')
    UNION ALL
    SELECT m.mailbox_id, lower(d.recipient), d.created_at FROM delivery d JOIN message m ON m.id = d.message_id
    WHERE d.is_copy = 0
) AS met
WHERE address LIKE '%@%'
GROUP BY mailbox_id, address;
