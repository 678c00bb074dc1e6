INSERT INTO schema_version (version) VALUES (12);

-- Sessions with other mail servers, by what a TLS report tells apart, and how many. `day` is a date in UTC.
CREATE TABLE tls_session (
    day TEXT NOT NULL,
    domain TEXT NOT NULL,
    -- SHA-256 of the policy, which is too long for an index
    policy_hash TEXT NOT NULL,
    -- {"type", "strings": […], "mx": […]}
    policy TEXT NOT NULL,
    host TEXT NOT NULL,
    -- empty for a session as its policy asks
    result TEXT NOT NULL,
    sessions BIGINT NOT NULL,
    PRIMARY KEY (day, domain, policy_hash, host, result)
);

-- The TLS report of one day to one domain. Who has begun to send it keeps it: it is never sent twice.
CREATE TABLE tls_report (
    id TEXT PRIMARY KEY,
    day TEXT NOT NULL,
    domain TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'sending', 'sent', 'unwanted', 'failed')),
    attempts BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    give_up_at BIGINT NOT NULL,
    reply TEXT NOT NULL,
    UNIQUE (day, domain)
);
CREATE INDEX tls_report_due ON tls_report (due_at) WHERE state = 'queued';
