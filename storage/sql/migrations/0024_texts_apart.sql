INSERT INTO schema_version (version) VALUES (24);

-- A row of SQLite is one piece: with its texts in it, to look at a message's head or to change its status took as long as
-- to read all of a large mail, or to write it anew.
CREATE TABLE message_text (
    message_id TEXT PRIMARY KEY REFERENCES message (id),
    markdown TEXT NOT NULL,
    body_text TEXT NOT NULL,
    body_html TEXT NOT NULL,
    new_text TEXT NOT NULL,
    quoted TEXT NOT NULL
);
INSERT INTO message_text (message_id, markdown, body_text, body_html, new_text, quoted)
SELECT id, markdown, body_text, body_html, new_text, quoted FROM message;

ALTER TABLE message ADD COLUMN beginning TEXT NOT NULL DEFAULT '';
-- what goes is emptied first: each column that goes then rewrites short rows
UPDATE message SET beginning = substr(new_text, 1, 320), markdown = '', body_text = '', body_html = '', new_text = '',
    quoted = '';
ALTER TABLE message DROP COLUMN markdown;
ALTER TABLE message DROP COLUMN body_text;
ALTER TABLE message DROP COLUMN body_html;
ALTER TABLE message DROP COLUMN new_text;
ALTER TABLE message DROP COLUMN quoted;
