-- Messages, their wire forms and threads.

-- name: insert_thread
INSERT INTO thread (
    id, mailbox_id, subject, last_at, created_at, base_subject
) VALUES (
    :id, :mailbox_id, :subject, :last_at, :created_at, :base_subject
);

-- name: insert_message
INSERT INTO message (
    id, account_id, mailbox_id, thread_id, direction, status, revision, rfc_message_id, in_reply_to,
    reference_ids, from_email, from_name, people, subject, attachments, findings, size, created_at, category,
    fingerprint, sandbox, by_smtp, beginning
) VALUES (
    :id, :account_id, :mailbox_id, :thread_id, :direction, :status, :revision, :rfc_message_id, :in_reply_to,
    :reference_ids, :from_email, :from_name, :people, :subject, :attachments, :findings, :size, :created_at, :category,
    :fingerprint, :sandbox, :by_smtp, :beginning
);

-- name: insert_text
INSERT INTO message_text (
    message_id, markdown, body_text, body_html, new_text, quoted
) VALUES (
    :id, :markdown, :body_text, :body_html, :new_text, :quoted
);

-- name: insert_wire
INSERT INTO wire (
    message_id, revision, envelope, digest, data, blob, draft, created_at
) VALUES (
    :message_id, :revision, :envelope, :digest, :data, :blob, :draft, :created_at
);

-- name: touch_thread
UPDATE thread SET last_at = :last_at WHERE id = :id;

-- name: thread
SELECT * FROM thread WHERE id = :id AND mailbox_id = :mailbox_id;

-- name: thread_of_reference
SELECT thread_id, from_email, people FROM message
WHERE mailbox_id = :mailbox_id AND rfc_message_id = :rfc_message_id
ORDER BY created_at DESC, id DESC LIMIT 1;

-- name: people_of_thread
SELECT from_email, people FROM message WHERE thread_id = :thread_id ORDER BY created_at DESC, id DESC LIMIT 100;

-- name: people_by_subject
SELECT m.thread_id, m.from_email, m.people FROM thread t JOIN message m ON m.thread_id = t.id
WHERE t.mailbox_id = :mailbox_id AND t.base_subject = :base_subject AND t.base_subject <> '' AND t.last_at >= :since
ORDER BY t.last_at DESC, t.id, m.created_at DESC, m.id DESC LIMIT 100;

-- name: message
SELECT * FROM message m JOIN message_text x ON x.message_id = m.id
WHERE m.id = :id AND m.mailbox_id = :mailbox_id;

-- name: message_by_rfc_id
SELECT * FROM message m JOIN message_text x ON x.message_id = m.id
WHERE m.mailbox_id = :mailbox_id AND m.rfc_message_id = :rfc_message_id
ORDER BY m.created_at DESC, m.id DESC LIMIT 1;

-- name: message_of_account
SELECT * FROM message m JOIN message_text x ON x.message_id = m.id
WHERE m.id = :id AND m.account_id = :account_id;

-- name: message_head
-- What an event says of a message.
SELECT mailbox_id, status FROM message WHERE id = :id;

-- name: inbox
-- The newest `limit` messages of one direction before the cursor, newest first, with one of the statuses: a text with a
-- space around each. The three behind it go by what fewer messages have.
SELECT * FROM message
WHERE mailbox_id = :mailbox_id AND direction = :direction
  AND CAST(:statuses AS TEXT) LIKE '% ' || status || ' %' AND category NOT IN ('forward', 'return')
  AND (CAST(:tag AS TEXT) IS NULL OR EXISTS (
    SELECT 1 FROM tag t WHERE t.message_id = message.id AND :tag IN (t.name, t.name || '=' || t.value)
  ))
  AND (created_at, id) < (:before_at, :before_id)
ORDER BY created_at DESC, id DESC
LIMIT :limit;

-- name: inbox_of_status
SELECT * FROM message
WHERE mailbox_id = :mailbox_id AND direction = :direction AND status = :status
  AND category NOT IN ('forward', 'return')
  AND (CAST(:tag AS TEXT) IS NULL OR EXISTS (
    SELECT 1 FROM tag t WHERE t.message_id = message.id AND :tag IN (t.name, t.name || '=' || t.value)
  ))
  AND (created_at, id) < (:before_at, :before_id)
ORDER BY created_at DESC, id DESC
LIMIT :limit;

-- name: inbox_of_sender
SELECT * FROM message
WHERE mailbox_id = :mailbox_id AND direction = :direction AND lower(from_email) = :sender
  AND CAST(:statuses AS TEXT) LIKE '% ' || status || ' %' AND category NOT IN ('forward', 'return')
  AND (CAST(:tag AS TEXT) IS NULL OR EXISTS (
    SELECT 1 FROM tag t WHERE t.message_id = message.id AND :tag IN (t.name, t.name || '=' || t.value)
  ))
  AND (created_at, id) < (:before_at, :before_id)
ORDER BY created_at DESC, id DESC
LIMIT :limit;

-- name: inbox_among
-- Of the messages in a JSON list of ids.
/* sqlite */ SELECT message.* FROM (SELECT value FROM json_each(:among)) AS few CROSS JOIN message ON id = few.value
/* postgres */ SELECT message.* FROM json_array_elements_text(CAST(:among AS JSON)) AS few (value)
/* postgres */ JOIN message ON id = few.value
WHERE mailbox_id = :mailbox_id AND direction = :direction
  AND CAST(:statuses AS TEXT) LIKE '% ' || status || ' %' AND category NOT IN ('forward', 'return')
  AND (CAST(:sender AS TEXT) IS NULL OR lower(from_email) = :sender)
  AND (created_at, id) < (:before_at, :before_id)
ORDER BY created_at DESC, id DESC
LIMIT :limit;

-- name: mail_of_account
SELECT * FROM message
WHERE account_id = :account_id AND (created_at, id) < (:before_at, :before_id)
ORDER BY created_at DESC, id DESC
LIMIT :limit;

-- name: thread_messages
-- The newest of a thread, newest first, with the first `chars` characters of what is new in each and no body besides.
SELECT message.*, '' AS markdown, '' AS body_text, '' AS body_html, substr(new_text, 1, :chars) AS new_text, '' AS quoted
FROM message JOIN message_text ON message_id = id
WHERE thread_id = (SELECT id FROM thread WHERE id = :thread_id AND mailbox_id = :mailbox_id)
  AND status NOT IN ('pending_inbound_approval', 'spam_quarantined', 'deleted')
  AND NOT (direction = 'inbound' AND status = 'rejected') AND category NOT IN ('forward', 'return')
ORDER BY created_at DESC, id DESC
LIMIT :limit;

-- name: thread_size
SELECT count(*) AS messages FROM message
WHERE thread_id = (SELECT id FROM thread WHERE id = :thread_id AND mailbox_id = :mailbox_id)
  AND status NOT IN ('pending_inbound_approval', 'spam_quarantined', 'deleted')
  AND NOT (direction = 'inbound' AND status = 'rejected') AND category NOT IN ('forward', 'return');

-- name: any_message
SELECT * FROM message m JOIN message_text x ON x.message_id = m.id WHERE m.id = :id;

-- name: set_revision
UPDATE message SET revision = :revision WHERE id = :id;

-- name: mark_read
UPDATE message SET status = 'read' WHERE id = :id AND status = 'unread';

-- name: set_status
UPDATE message SET status = :status WHERE id = :id;

-- name: move_message
-- By compare-and-set: of two that move the same, one does.
UPDATE message SET status = :status WHERE id = :id AND status = :was;

-- name: put_into_trash
INSERT INTO trash (message_id, status, deleted_at) VALUES (:message_id, :status, :deleted_at);

-- name: trash_of
SELECT * FROM trash WHERE message_id = :message_id;

-- name: take_out_of_trash
DELETE FROM trash WHERE message_id = :message_id;

-- name: revise_message
UPDATE message SET revision = :revision, people = :people, subject = :subject, attachments = :attachments,
    size = :size, beginning = :beginning
WHERE id = :id;

-- name: revise_text
UPDATE message_text SET markdown = :markdown, body_text = :body_text, body_html = :body_html, new_text = :new_text
WHERE message_id = :id;

-- name: wire_digests
SELECT revision, digest FROM wire WHERE message_id = :message_id ORDER BY revision;

-- name: wire
SELECT * FROM wire WHERE message_id = :message_id AND revision = :revision;
