INSERT INTO schema_version (version) VALUES (22);

-- What the line of an attempt had; what was attempted before this has no word on it.
ALTER TABLE attempt ADD COLUMN tls TEXT NOT NULL DEFAULT '';
