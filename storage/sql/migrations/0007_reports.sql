INSERT INTO schema_version (version) VALUES (7);

-- Deliveries whose recipient called the mail spam, each once.
CREATE TABLE complaint (
    delivery_id TEXT PRIMARY KEY REFERENCES delivery (id),
    feedback_type TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
