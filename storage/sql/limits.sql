-- What is counted, what became of it, and who may not send.

-- name: lock_account
-- Nobody else changes it before the commit. On SQLite the writer is alone anyway.
SELECT id FROM account WHERE id = :id
/* postgres */ FOR NO KEY UPDATE;

-- name: usage
-- With what is let through to leave in the hour, the day and the month that begin at these times.
SELECT usage.*,
    coalesce((SELECT places FROM usage_ahead WHERE subject = usage.subject AND span = 'hour' AND starts_at = :hour), 0)
        AS hour_ahead,
    coalesce((SELECT places FROM usage_ahead WHERE subject = usage.subject AND span = 'day' AND starts_at = :day), 0)
        AS day_ahead,
    coalesce((SELECT places FROM usage_ahead WHERE subject = usage.subject AND span = 'month' AND starts_at = :month), 0)
        AS month_ahead
FROM usage WHERE subject IN (:mailbox_id, :domain, :account_id);

-- name: count_recipients
-- A window that is over begins anew; one that began later, by another machine's clock, goes on.
INSERT INTO usage (
    subject, hour, in_hour, day, in_day, month, in_month
) VALUES
    (:mailbox_id, :hour, :count, :day, :count, :month, :count),
    (:domain, :hour, :count, :day, :count, :month, :count),
    (:account_id, :hour, :count, :day, :count, :month, :count)
ON CONFLICT (subject) DO UPDATE SET
    in_hour = excluded.in_hour + CASE WHEN usage.hour < excluded.hour THEN 0 ELSE usage.in_hour END,
    in_day = excluded.in_day + CASE WHEN usage.day < excluded.day THEN 0 ELSE usage.in_day END,
    in_month = excluded.in_month + CASE WHEN usage.month < excluded.month THEN 0 ELSE usage.in_month END,
    hour = CASE WHEN usage.hour < excluded.hour THEN excluded.hour ELSE usage.hour END,
    day = CASE WHEN usage.day < excluded.day THEN excluded.day ELSE usage.day END,
    month = CASE WHEN usage.month < excluded.month THEN excluded.month ELSE usage.month END;

-- name: uncount_recipients
-- Only where the window they were counted in goes on: what is over has no place to give back.
UPDATE usage SET
    in_hour = in_hour - CASE WHEN hour = :hour THEN :count ELSE 0 END,
    in_day = in_day - CASE WHEN day = :day THEN :count ELSE 0 END,
    in_month = in_month - CASE WHEN month = :month THEN :count ELSE 0 END
WHERE subject IN (:mailbox_id, :domain, :account_id);

-- name: count_ahead
INSERT INTO usage_ahead (
    subject, span, starts_at, places
) VALUES
    (:subject, 'hour', :hour, :count),
    (:subject, 'day', :day, :count),
    (:subject, 'month', :month, :count)
ON CONFLICT (subject, span, starts_at) DO UPDATE SET places = usage_ahead.places + excluded.places;

-- name: uncount_ahead
UPDATE usage_ahead SET places = places - :count
WHERE subject IN (:mailbox_id, :domain, :account_id)
    AND ((span = 'hour' AND starts_at = :hour) OR (span = 'day' AND starts_at = :day)
        OR (span = 'month' AND starts_at = :month));

-- name: forget_usage_ahead
DELETE FROM usage_ahead WHERE starts_at < :before;

-- name: count_outcome
INSERT INTO outcome (
    account_id, hour, settled, bounced, complained
) VALUES (
    :account_id, :hour, :settled, :bounced, :complained
)
ON CONFLICT (account_id, hour) DO UPDATE SET
    settled = outcome.settled + excluded.settled,
    bounced = outcome.bounced + excluded.bounced,
    complained = outcome.complained + excluded.complained
RETURNING settled;

-- name: outcomes
SELECT CAST(coalesce(sum(settled), 0) AS BIGINT) AS settled, CAST(coalesce(sum(bounced), 0) AS BIGINT) AS bounced,
    CAST(coalesce(sum(complained), 0) AS BIGINT) AS complained, coalesce(max(warned), 0) AS warned
FROM outcome WHERE account_id = :account_id AND hour > :after;

-- name: note_warning
UPDATE outcome SET warned = 1 WHERE account_id = :account_id AND hour = :hour;

-- name: forget_outcomes
DELETE FROM outcome WHERE account_id = :account_id;

-- name: forget_old_outcomes
DELETE FROM outcome WHERE hour < :before;

-- name: insert_stop
INSERT INTO stop (subject, kind, reason, created_at) VALUES (:subject, :kind, :reason, :created_at)
ON CONFLICT (subject, kind) DO NOTHING;

-- name: delete_stop
DELETE FROM stop WHERE subject = :subject AND kind = :kind;

-- name: stops
SELECT * FROM stop WHERE subject IN ('*', :account_id) ORDER BY subject, kind;
