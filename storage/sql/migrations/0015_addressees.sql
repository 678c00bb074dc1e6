INSERT INTO schema_version (version) VALUES (15);

-- The mailboxes that take in a domain's mail for no mailbox, and for postmaster@ and abuse@; empty is none, and nobody in
-- particular.
ALTER TABLE domain ADD COLUMN catch_all TEXT NOT NULL DEFAULT '';
ALTER TABLE domain ADD COLUMN postmaster TEXT NOT NULL DEFAULT '';
-- Which of the domain's keys a forwarding service signs with; 0 is that nobody does.
ALTER TABLE domain ADD COLUMN forwarding_key BIGINT NOT NULL DEFAULT 0;

-- Who was asked to come again, and who did. A network with a row that passed is known to be good.
CREATE TABLE greylist (
    -- an IPv4 /24 or an IPv6 /64
    network TEXT NOT NULL,
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,
    first_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    passed BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (network, sender, recipient)
);
CREATE INDEX greylist_good ON greylist (network) WHERE passed = 1;
CREATE INDEX greylist_by_time ON greylist (passed, seen_at);
