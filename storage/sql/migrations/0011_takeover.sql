INSERT INTO schema_version (version) VALUES (11);

-- Whose lease had run out when a delivery was claimed last: that attempt may have gone through.
ALTER TABLE delivery ADD COLUMN taken_from TEXT NOT NULL DEFAULT '';
