INSERT INTO schema_version (version) VALUES (3);

-- Recipients counted, one row for each mailbox, domain and account: the newest hour, day and month that had any.
CREATE TABLE usage (
    subject TEXT PRIMARY KEY,
    hour BIGINT NOT NULL,
    in_hour BIGINT NOT NULL,
    day BIGINT NOT NULL,
    in_day BIGINT NOT NULL,
    month BIGINT NOT NULL,
    in_month BIGINT NOT NULL
);

-- What became of an account's mail, by the hour.
CREATE TABLE outcome (
    account_id TEXT NOT NULL REFERENCES account (id),
    hour BIGINT NOT NULL,
    settled BIGINT NOT NULL,
    bounced BIGINT NOT NULL,
    complained BIGINT NOT NULL,
    warned BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, hour)
);

-- Who may not send: an account, or everybody ('*'). Stopped by a person, or paused for its reputation.
CREATE TABLE stop (
    subject TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('stopped', 'paused')),
    reason TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (subject, kind)
);
