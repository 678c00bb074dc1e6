INSERT INTO schema_version (version) VALUES (6);

-- What was queued before counts as one destination until it has left.
ALTER TABLE delivery ADD COLUMN domain TEXT NOT NULL DEFAULT '';
