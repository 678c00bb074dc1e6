-- Full-text search: what is to be indexed, and what is found.

-- name: accounts_to_index
-- Accounts with events that nobody has looked at yet. It looks at every account.
SELECT a.id
FROM account a LEFT JOIN search_mark k ON k.account_id = a.id
WHERE a.last_seq > COALESCE(k.seq, 0)
ORDER BY a.id
LIMIT :limit;

-- name: events_to_index
-- How far the events of the accounts in a JSON list have been looked at, where that is not to the last.
SELECT a.id, a.last_seq, COALESCE(k.seq, 0) AS seq
FROM account a LEFT JOIN search_mark k ON k.account_id = a.id
/* sqlite */ WHERE a.id IN (SELECT value FROM json_each(:account_ids))
/* postgres */ WHERE a.id = ANY (ARRAY(SELECT json_array_elements_text(CAST(:account_ids AS JSON))))
  AND a.last_seq > COALESCE(k.seq, 0);

-- name: messages_to_index
-- The messages that these events are about, in the order of the first; without those indexed in this revision already.
SELECT m.id, v.seq, m.mailbox_id, m.revision, m.from_email, m.from_name, m.people, m.subject,
    substr(x.body_text, 1, CAST(:characters AS INTEGER)) AS body_text, m.attachments
FROM (
    SELECT message_id, min(seq) AS seq FROM event
    WHERE account_id = :account_id AND seq > :after AND seq <= :upto AND message_id IS NOT NULL
    GROUP BY message_id
) AS v
JOIN message m ON m.id = v.message_id
JOIN message_text x ON x.message_id = m.id
LEFT JOIN search_entry e ON e.message_id = m.id
WHERE (e.id IS NULL OR e.revision <> m.revision) AND m.category NOT IN ('forward', 'return')
ORDER BY v.seq;

-- name: begin_search_mark
INSERT INTO search_mark (account_id, seq) VALUES (:account_id, 0)
ON CONFLICT (account_id) DO NOTHING;

-- name: move_search_mark
-- By compare-and-set: of two that index the same, one writes. On SQLite a trigger then merges a little of the index.
UPDATE search_mark SET seq = :upto WHERE account_id = :account_id AND seq = :after;

-- name: index_message
-- The words come as text with a space between; on PostgreSQL each gets its place, and the mark between sections none.
INSERT INTO search_entry (message_id, revision, files_wait, words) VALUES (
    :message_id,
    :revision,
    :files_wait,
    /* sqlite */ :words
    /* postgres */ (
    /* postgres */     SELECT COALESCE(CAST(string_agg(word || ':' || place, ' ') AS TSVECTOR), '')
    /* postgres */     FROM unnest(string_to_array(CAST(:words AS TEXT), ' ')) WITH ORDINALITY AS each (word, place)
    /* postgres */     WHERE word <> '·'
    /* postgres */ )
)
ON CONFLICT (message_id) DO UPDATE SET revision = excluded.revision, files_wait = excluded.files_wait,
    words = excluded.words;

-- name: search
-- The newest `limit` messages before the cursor, newest first. `expression` is in FTS5's language, whose words are never
-- capitals; PostgreSQL's has other signs for the same. Lists are texts with a space around each entry, or JSON. Where
-- `among` is not NULL, it has the ids of the few messages that come into question.
-- The words come first and in the order of the entries, so that no more messages are looked at than it takes: on SQLite
-- by CROSS, on PostgreSQL by OFFSET 0, and by a sum that keeps it from walking all entries for the order of their key.
-- PostgreSQL reads the expression once because it stands in a SELECT; else for each entry that it looks at.
SELECT e.id AS entry, m.id, m.thread_id, m.direction, m.status, m.from_email, m.from_name, m.subject,
    (SELECT substr(body_text, 1, CAST(:characters AS INTEGER)) FROM message_text WHERE message_id = m.id) AS body_text,
    m.attachments, m.created_at
/* sqlite */ FROM search_words w
/* sqlite */ CROSS JOIN search_entry e ON e.id = w.rowid
/* sqlite */ CROSS JOIN message m ON m.id = e.message_id
/* postgres */ FROM (
/* postgres */     SELECT id + 0 AS id, message_id FROM search_entry
/* postgres */     WHERE CAST(:among AS TEXT) IS NULL
/* postgres */       AND words @@ (SELECT CAST(replace(replace(replace(replace(replace(CAST(:expression AS TEXT),
/* postgres */         ' AND ', ' & '), ' OR ', ' | '), ' NOT ', ' & !'), ' + ', ' <-> '), '*', ':*') AS TSQUERY))
/* postgres */       AND id < :before
/* postgres */     UNION ALL
/* postgres */     SELECT id, message_id FROM search_entry
/* postgres */     WHERE message_id = ANY (ARRAY(SELECT json_array_elements_text(CAST(:among AS JSON))))
/* postgres */       AND words @@ (SELECT CAST(replace(replace(replace(replace(replace(CAST(:expression AS TEXT),
/* postgres */         ' AND ', ' & '), ' OR ', ' | '), ' NOT ', ' & !'), ' + ', ' <-> '), '*', ':*') AS TSQUERY))
/* postgres */       AND id < :before
/* postgres */     ORDER BY id DESC OFFSET 0
/* postgres */ ) AS e
/* postgres */ CROSS JOIN LATERAL (SELECT * FROM message WHERE id = e.message_id OFFSET 0) AS m
WHERE m.mailbox_id = :mailbox_id
/* sqlite */   AND w.words MATCH :expression AND w.rowid < :before
/* sqlite */   AND (CAST(:among AS TEXT) IS NULL OR +w.rowid IN (
/* sqlite */     SELECT id FROM search_entry WHERE message_id IN (SELECT value FROM json_each(:among))
/* sqlite */   ))
  AND CAST(:statuses AS TEXT) LIKE '% ' || m.status || ' %'
  AND NOT (m.direction = 'inbound' AND m.status = 'rejected')
  AND m.created_at >= :since AND m.created_at < :until
  AND NOT EXISTS (
    SELECT 1
    /* sqlite */ FROM json_each(:tags) AS wanted
    /* postgres */ FROM json_array_elements_text(CAST(:tags AS JSON)) AS wanted (value)
    WHERE NOT EXISTS (
        SELECT 1 FROM tag t WHERE t.message_id = m.id AND wanted.value IN (t.name, t.name || '=' || t.value)
    )
  )
  AND NOT EXISTS (
    SELECT 1
    /* sqlite */ FROM json_each(:without_tags) AS unwanted
    /* postgres */ FROM json_array_elements_text(CAST(:without_tags AS JSON)) AS unwanted (value)
    JOIN tag t ON unwanted.value IN (t.name, t.name || '=' || t.value)
    WHERE t.message_id = m.id
  )
/* sqlite */ ORDER BY w.rowid DESC
/* postgres */ ORDER BY e.id DESC
LIMIT :limit;

-- name: few_within
-- Ids of messages with one of the statuses in a JSON list and of that time, as long as there are fewer than `limit`.
SELECT id FROM message
WHERE mailbox_id = :mailbox_id AND direction IN ('inbound', 'outbound')
  /* sqlite */ AND status IN (SELECT value FROM json_each(:statuses))
  /* postgres */ AND status = ANY (ARRAY(SELECT json_array_elements_text(CAST(:statuses AS JSON))))
  AND created_at >= :since AND created_at < :until
LIMIT :limit;

-- name: message_with_waiting_files
-- The newest whose files have not been read yet.
SELECT * FROM search_entry e JOIN message m ON m.id = e.message_id JOIN message_text x ON x.message_id = m.id
WHERE e.files_wait = 1
ORDER BY e.id DESC
LIMIT 1;

-- name: files_read
UPDATE search_entry SET files_wait = 0 WHERE message_id = :message_id AND revision = :revision;
