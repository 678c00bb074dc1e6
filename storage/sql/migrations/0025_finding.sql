INSERT INTO schema_version (version) VALUES (25);

-- The order in which mail arrived is that of its events: clocks go back, and several mails share a moment.
CREATE INDEX event_by_message ON event (message_id, seq) WHERE message_id IS NOT NULL;
