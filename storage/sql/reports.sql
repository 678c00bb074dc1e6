-- What comes back: bounces and complaints about our deliveries.

-- name: bounce_delivery
-- A report may be faster than our own settling, so it ends a delivery in any state but an end that is as bad.
UPDATE delivery SET state = 'bounced', code = :code, enhanced = :enhanced, reply = :reply, category = :category,
    settled_at = :now
WHERE id = :id AND state IN ('queued', 'deferred', 'sent', 'uncertain');

-- name: settle_reported
-- The end of an attempt at a delivery that a report has bounced meanwhile: the report stands.
UPDATE delivery SET attempts = attempts + 1, lease_until = 0, lease = ''
WHERE id = :id AND lease = :lease AND state = 'bounced';

-- name: insert_complaint
INSERT INTO complaint (delivery_id, feedback_type, created_at) VALUES (:delivery_id, :feedback_type, :created_at)
ON CONFLICT (delivery_id) DO NOTHING;
