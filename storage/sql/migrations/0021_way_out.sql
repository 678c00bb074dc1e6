INSERT INTO schema_version (version) VALUES (21);

-- What the line of an attempt had; what was attempted before this has no word on it.
ALTER TABLE attempt ADD COLUMN tls TEXT NOT NULL DEFAULT '';

-- Recipients of mail that was let through to leave in a later hour.
CREATE TABLE usage_ahead (
    subject TEXT NOT NULL,
    span TEXT NOT NULL CHECK (span IN ('hour', 'day', 'month')),
    starts_at BIGINT NOT NULL,
    places BIGINT NOT NULL,
    PRIMARY KEY (subject, span, starts_at)
);
CREATE INDEX usage_ahead_by_time ON usage_ahead (starts_at);
