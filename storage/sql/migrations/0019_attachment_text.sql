INSERT INTO schema_version (version) VALUES (19);

-- What attached files say, so that none is read twice.
CREATE TABLE attachment_text (
    message_id TEXT NOT NULL REFERENCES message (id),
    revision BIGINT NOT NULL,
    -- the file's among the parts of the mail
    place BIGINT NOT NULL,
    -- the text in UTF-8, as zlib packs it
    packed BYTEA NOT NULL,
    truncated BIGINT NOT NULL,
    reason TEXT NOT NULL,
    -- signs of steering in it, as in the message's findings
    signals TEXT NOT NULL,
    PRIMARY KEY (message_id, revision, place)
);
