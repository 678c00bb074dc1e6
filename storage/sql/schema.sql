-- The tables of Gatepost, for new installs; the numbered migrations lead to the same.
-- One text for SQLite and PostgreSQL, but for the marked lines: text ids, BIGINT microseconds since the epoch (UTC),
-- BIGINT 0/1 for flags, JSON as text.

CREATE TABLE account (
    id TEXT PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    overseer TEXT NOT NULL,
    last_seq BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    -- in canonical form; empty where there is one overseer alone
    second_overseer TEXT NOT NULL DEFAULT '',
    -- the rules whose mail two must approve, as a JSON list; NULL is what the program thinks risky
    risky_rules TEXT
);

CREATE TABLE domain (
    name TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    selector TEXT NOT NULL,
    -- PKCS #8, encrypted with a passphrase that comes from the server's secret and is not in the database
    rsa_pem TEXT NOT NULL,
    ed25519_pem TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- where notifications about its mail go; empty is its postmaster
    forward_to TEXT NOT NULL DEFAULT '',
    -- the mailboxes that take in mail for no mailbox, and for postmaster@ and abuse@; empty is none, and nobody in particular
    catch_all TEXT NOT NULL DEFAULT '',
    postmaster TEXT NOT NULL DEFAULT '',
    -- which of the domain's keys a forwarding service signs with; 0 is that nobody does
    forwarding_key BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE mailbox (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    address TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    mode TEXT NOT NULL CHECK (mode IN ('read_only', 'gated_all', 'gated_send', 'monitored', 'autonomous')),
    created_at BIGINT NOT NULL,
    -- 1 where the operator lets its agents say that a mail is one its reader asked for this moment
    transactional BIGINT NOT NULL DEFAULT 0,
    -- what becomes of mail that fails DMARC, where the domain it names asks for as much
    dmarc_policy TEXT NOT NULL DEFAULT 'accept' CHECK (dmarc_policy IN ('accept', 'quarantine', 'reject'))
);

CREATE TABLE api_key (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    mailbox_id TEXT REFERENCES mailbox (id),
    name TEXT NOT NULL,
    prefix TEXT NOT NULL UNIQUE,
    hash TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT,
    -- 1 for a test key, and for what was handed in with one: none of it ever leaves
    sandbox BIGINT NOT NULL DEFAULT 0,
    -- of a key that decides: the overseer whose hand it is; empty is the account's first
    person TEXT NOT NULL DEFAULT ''
);

CREATE TABLE allowlist (
    mailbox_id TEXT NOT NULL REFERENCES mailbox (id),
    pattern TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (mailbox_id, pattern)
);

CREATE TABLE thread (
    id TEXT PRIMARY KEY,
    mailbox_id TEXT NOT NULL REFERENCES mailbox (id),
    subject TEXT NOT NULL,
    last_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    -- the subject without its prefixes
    base_subject TEXT NOT NULL DEFAULT ''
);
CREATE INDEX thread_by_subject ON thread (mailbox_id, base_subject, last_at) WHERE base_subject <> '';

CREATE TABLE message (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    mailbox_id TEXT NOT NULL REFERENCES mailbox (id),
    thread_id TEXT NOT NULL REFERENCES thread (id),
    direction TEXT NOT NULL CHECK (direction IN ('inbound', 'outbound')),
    status TEXT NOT NULL CHECK (status IN (
        'unread', 'read', 'archived', 'deleted', 'pending_inbound_approval', 'spam_flagged', 'spam_quarantined',  -- inbound
        'pending_send_approval', 'scheduled', 'queued', 'sent', 'bounced', 'send_failed', 'cancelled',  -- outbound
        'rejected')),
    revision BIGINT NOT NULL,
    rfc_message_id TEXT NOT NULL,
    in_reply_to TEXT NOT NULL,
    reference_ids TEXT NOT NULL,
    from_email TEXT NOT NULL,
    from_name TEXT NOT NULL,
    -- {"to": [{"email", "name"}], "cc": […], "bcc": […], "reply_to": […]}
    people TEXT NOT NULL,
    subject TEXT NOT NULL,
    -- [{"index", "name", "content_type", "size", "sha256"}]
    attachments TEXT NOT NULL,
    -- what the listener and the parser found: {"peer", "helo", "tls", "automatic", "defects": […]}
    findings TEXT NOT NULL,
    size BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    category TEXT NOT NULL DEFAULT 'transactional',
    fingerprint TEXT NOT NULL DEFAULT '',
    sandbox BIGINT NOT NULL DEFAULT 0,
    -- 1 for mail handed in over SMTP: whoever did so learns by mail what failed
    by_smtp BIGINT NOT NULL DEFAULT 0,
    -- the first 320 characters of new_text
    beginning TEXT NOT NULL DEFAULT ''
);
CREATE INDEX message_by_thread ON message (thread_id, created_at, id);
CREATE INDEX message_by_account ON message (account_id, created_at, id);
CREATE INDEX message_by_mailbox ON message (mailbox_id, direction, created_at, id);
CREATE INDEX message_by_status ON message (mailbox_id, direction, status, created_at, id);
CREATE INDEX message_by_sender ON message (mailbox_id, direction, lower(from_email), created_at, id);
CREATE INDEX message_by_rfc_id ON message (mailbox_id, rfc_message_id, created_at, id);
CREATE INDEX message_by_fingerprint ON message (mailbox_id, fingerprint, created_at) WHERE fingerprint <> '';
CREATE INDEX message_as_spam ON message (account_id, created_at, id)
    WHERE status IN ('spam_flagged', 'spam_quarantined');

-- A row of SQLite is one piece: with its texts in it, to look at a message's head or to change its status would take as
-- long as to read all of a large mail, or to write it anew.
CREATE TABLE message_text (
    message_id TEXT PRIMARY KEY REFERENCES message (id),
    markdown TEXT NOT NULL,
    body_text TEXT NOT NULL,
    body_html TEXT NOT NULL,
    new_text TEXT NOT NULL,
    quoted TEXT NOT NULL
);

-- Addresses that a mailbox got mail from or wrote to, in canonical form.
CREATE TABLE correspondent (
    mailbox_id TEXT NOT NULL REFERENCES mailbox (id),
    address TEXT NOT NULL,
    domain TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (mailbox_id, address)
);
CREATE INDEX correspondent_by_domain ON correspondent (mailbox_id, domain, created_at);

-- Addresses that a received mail showed, and the first that did; of a mail that nobody should trust its links and the
-- digests of its files as well.
CREATE TABLE introduced (
    mailbox_id TEXT NOT NULL REFERENCES mailbox (id),
    address TEXT NOT NULL,
    message_id TEXT NOT NULL REFERENCES message (id),
    PRIMARY KEY (mailbox_id, address)
);

-- What a mailbox was told about senders: how often their mail was spam, and how often a person wanted it after all.
CREATE TABLE sender_mark (
    mailbox_id TEXT NOT NULL REFERENCES mailbox (id),
    -- an address in canonical form, or @ and its domain
    sender TEXT NOT NULL,
    spam BIGINT NOT NULL DEFAULT 0,
    wanted BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (mailbox_id, sender)
);

-- The exact form of a mail: envelope and bytes. One row a revision, never changed.
CREATE TABLE wire (
    message_id TEXT NOT NULL REFERENCES message (id),
    revision BIGINT NOT NULL,
    envelope TEXT NOT NULL,
    digest TEXT NOT NULL,
    data BYTEA,
    blob TEXT,
    -- what the wire form was made from: {"to", "cc", "bcc", "subject", "markdown"}; empty for inbound mail
    draft TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (message_id, revision),
    CHECK ((data IS NULL) <> (blob IS NULL))
);

CREATE TABLE decision (
    id TEXT PRIMARY KEY,
    message_id TEXT NOT NULL REFERENCES message (id),
    revision BIGINT NOT NULL,
    digest TEXT NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('allow', 'hold', 'deny')),
    -- [{"rule", "verdict", "reason"}]
    findings TEXT NOT NULL,
    approver TEXT,
    created_at BIGINT NOT NULL,
    -- what the identity claim says: the mailbox's mode then, and the approval that stood behind it
    mode TEXT NOT NULL DEFAULT '',
    approval_id TEXT NOT NULL DEFAULT '',
    UNIQUE (id, message_id, verdict)
);
CREATE INDEX decision_by_message ON decision (message_id, created_at);

-- When a mail shall leave, for one that waits. `gated` is 0 as long as the gate waits for that time too.
CREATE TABLE schedule (
    message_id TEXT PRIMARY KEY REFERENCES message (id),
    account_id TEXT NOT NULL REFERENCES account (id),
    send_at BIGINT NOT NULL,
    gated BIGINT NOT NULL
);
CREATE INDEX schedule_due ON schedule (send_at) WHERE gated = 0;

CREATE TABLE approval (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    mailbox_id TEXT NOT NULL REFERENCES mailbox (id),
    message_id TEXT NOT NULL REFERENCES message (id),
    revision BIGINT NOT NULL,
    direction TEXT NOT NULL CHECK (direction IN ('inbound', 'outbound')),
    state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'rejected', 'expired', 'cancelled')),
    reasons TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    decided_at BIGINT,
    decided_by TEXT,
    reason TEXT NOT NULL DEFAULT '',
    -- the reviewer's edit, as a unified difference of the drafts
    changes TEXT NOT NULL DEFAULT '',
    reminded_at BIGINT,
    -- how many people must approve the same revision
    needed BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX one_pending_approval ON approval (message_id) WHERE state = 'pending';
CREATE INDEX approval_by_account ON approval (account_id, state, created_at);
CREATE INDEX approval_by_message ON approval (message_id);
CREATE INDEX approval_due ON approval (expires_at) WHERE state = 'pending';
CREATE INDEX approval_decided ON approval (account_id, decided_at, id) WHERE state <> 'pending';

CREATE TABLE approval_link (
    hash TEXT PRIMARY KEY,
    approval_id TEXT NOT NULL REFERENCES approval (id),
    message_id TEXT NOT NULL REFERENCES message (id),
    revision BIGINT NOT NULL,
    reviewer TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);

-- Who approved which revision, and the digest of what they were shown.
CREATE TABLE approval_vote (
    approval_id TEXT NOT NULL REFERENCES approval (id),
    revision BIGINT NOT NULL,
    reviewer TEXT NOT NULL,
    digest TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (approval_id, revision, reviewer)
);

-- A delivery names an allow decision of its own message: neither database will queue a held mail (DESIGN section 5.1).
CREATE TABLE delivery (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    message_id TEXT NOT NULL REFERENCES message (id),
    decision_id TEXT NOT NULL,
    verdict TEXT NOT NULL DEFAULT 'allow' CHECK (verdict = 'allow'),
    recipient TEXT NOT NULL,
    is_copy BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'deferred', 'sent', 'bounced', 'cancelled', 'uncertain')),
    attempts BIGINT NOT NULL DEFAULT 0,
    due_at BIGINT NOT NULL,
    lease_until BIGINT NOT NULL DEFAULT 0,
    -- the worker that holds the lease; one that lost it cannot settle
    lease TEXT NOT NULL DEFAULT '',
    code BIGINT NOT NULL DEFAULT 0,
    enhanced TEXT NOT NULL DEFAULT '',
    reply TEXT NOT NULL DEFAULT '',
    category TEXT NOT NULL DEFAULT '',
    host TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    settled_at BIGINT,
    sandbox BIGINT NOT NULL DEFAULT 0,
    -- of the recipient, in canonical form
    domain TEXT NOT NULL DEFAULT '',
    -- whose lease had run out when it was claimed last: that attempt may have gone through
    taken_from TEXT NOT NULL DEFAULT '',
    FOREIGN KEY (decision_id, message_id, verdict) REFERENCES decision (id, message_id, verdict),
    UNIQUE (message_id, recipient)
);
CREATE INDEX delivery_due ON delivery (due_at) WHERE state IN ('queued', 'deferred');
-- What waits for one recipient, to be stopped when the address turns out not to exist.
CREATE INDEX delivery_waiting ON delivery (account_id, lower(recipient)) WHERE state IN ('queued', 'deferred');

CREATE TABLE attempt (
    delivery_id TEXT NOT NULL REFERENCES delivery (id),
    number BIGINT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('sent', 'deferred', 'bounced', 'uncertain')),
    code BIGINT NOT NULL,
    enhanced TEXT NOT NULL,
    reply TEXT NOT NULL,
    category TEXT NOT NULL,
    host TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    tls TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (delivery_id, number)
);

-- Mail of the system to a person it knows: its own path, with a fixed recipient. The text is rendered when it leaves.
CREATE TABLE notice (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    kind TEXT NOT NULL CHECK (kind IN ('approval', 'sign_in', 'upgrade', 'failure', 'forwarding')),
    recipient TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'failed')),
    attempts BIGINT NOT NULL DEFAULT 0,
    due_at BIGINT NOT NULL,
    lease_until BIGINT NOT NULL DEFAULT 0,
    reply TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL
);
CREATE INDEX notice_due ON notice (due_at) WHERE state = 'queued';
CREATE INDEX notice_asking ON notice (account_id, created_at) WHERE kind = 'forwarding';

CREATE TABLE upgrade (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    mailbox_id TEXT NOT NULL REFERENCES mailbox (id),
    mode TEXT NOT NULL,
    hash TEXT NOT NULL,
    tries BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX upgrade_by_mailbox ON upgrade (mailbox_id, created_at);

CREATE TABLE sign_in (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    email TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);

CREATE TABLE session (
    hash TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    email TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE idempotency (
    account_id TEXT NOT NULL REFERENCES account (id),
    key TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    message_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, key)
);

-- Addresses, in canonical form, that an account does not send to.
CREATE TABLE suppression (
    account_id TEXT NOT NULL REFERENCES account (id),
    address TEXT NOT NULL,
    reason TEXT NOT NULL CHECK (reason IN ('manual', 'unsubscribe', 'complaint', 'bounce')),
    -- of two reasons the stronger one stays
    strength BIGINT NOT NULL,
    -- 1: bulk and broadcast mail alone is stopped
    transactional_only BIGINT NOT NULL,
    -- what the other server said, for a bounce
    code BIGINT NOT NULL,
    reply TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, address)
);
CREATE INDEX suppression_by_time ON suppression (account_id, created_at, address);

-- What an account's mail to an address, in canonical form, has met.
CREATE TABLE contact (
    account_id TEXT NOT NULL REFERENCES account (id),
    address TEXT NOT NULL,
    bounces_in_row BIGINT NOT NULL,
    PRIMARY KEY (account_id, address)
);

-- Recipients counted, one row for each mailbox, domain and account: the newest hour, day and month that had any.
CREATE TABLE usage (
    subject TEXT PRIMARY KEY,
    hour BIGINT NOT NULL,
    in_hour BIGINT NOT NULL,
    day BIGINT NOT NULL,
    in_day BIGINT NOT NULL,
    month BIGINT NOT NULL,
    in_month BIGINT NOT NULL
);

-- And those of mail that was let through to leave in a later hour: the hours, days and months of UTC it is to leave in.
CREATE TABLE usage_ahead (
    subject TEXT NOT NULL,
    span TEXT NOT NULL CHECK (span IN ('hour', 'day', 'month')),
    starts_at BIGINT NOT NULL,
    places BIGINT NOT NULL,
    PRIMARY KEY (subject, span, starts_at)
);
CREATE INDEX usage_ahead_by_time ON usage_ahead (starts_at);

-- What became of an account's mail, by the hour.
CREATE TABLE outcome (
    account_id TEXT NOT NULL REFERENCES account (id),
    hour BIGINT NOT NULL,
    settled BIGINT NOT NULL,
    bounced BIGINT NOT NULL,
    complained BIGINT NOT NULL,
    warned BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, hour)
);

-- Who was asked to come again, and who did. A network with a row that passed is known to be good.
CREATE TABLE greylist (
    -- an IPv4 /24 or an IPv6 /64
    network TEXT NOT NULL,
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,
    first_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    passed BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (network, sender, recipient)
);
CREATE INDEX greylist_good ON greylist (network) WHERE passed = 1;
CREATE INDEX greylist_by_time ON greylist (passed, seen_at);

-- Who may not send: an account, or everybody ('*'). Stopped by a person, or paused for its reputation.
CREATE TABLE stop (
    subject TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('stopped', 'paused')),
    reason TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (subject, kind)
);

-- Deliveries whose recipient called the mail spam, each once.
CREATE TABLE complaint (
    delivery_id TEXT PRIMARY KEY REFERENCES delivery (id),
    feedback_type TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- Sessions with other mail servers, by what a TLS report tells apart, and how many. `day` is a date in UTC.
CREATE TABLE tls_session (
    day TEXT NOT NULL,
    domain TEXT NOT NULL,
    -- SHA-256 of the policy, which is too long for an index
    policy_hash TEXT NOT NULL,
    -- {"type", "strings": […], "mx": […]}
    policy TEXT NOT NULL,
    host TEXT NOT NULL,
    -- empty for a session as its policy asks
    result TEXT NOT NULL,
    sessions BIGINT NOT NULL,
    PRIMARY KEY (day, domain, policy_hash, host, result)
);

-- The TLS report of one day to one domain. Who has begun to send it keeps it: it is never sent twice.
CREATE TABLE tls_report (
    id TEXT PRIMARY KEY,
    day TEXT NOT NULL,
    domain TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'sending', 'sent', 'unwanted', 'failed')),
    attempts BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    give_up_at BIGINT NOT NULL,
    reply TEXT NOT NULL,
    UNIQUE (day, domain)
);
CREATE INDEX tls_report_due ON tls_report (due_at) WHERE state = 'queued';

CREATE TABLE event (
    account_id TEXT NOT NULL REFERENCES account (id),
    seq BIGINT NOT NULL,
    type TEXT NOT NULL,
    mailbox_id TEXT,
    message_id TEXT,
    data TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, seq)
);
-- The order in which mail arrived is that of its events: clocks go back, and several mails share a moment.
CREATE INDEX event_by_message ON event (message_id, seq) WHERE message_id IS NOT NULL;

-- What can be searched, a row a message: its words, folded and in order, as tools/mail/words.py makes them.
CREATE TABLE search_entry (
    -- in the order of arrival, which is the order of what is found
    /* sqlite */ id INTEGER PRIMARY KEY,
    /* postgres */ id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    message_id TEXT NOT NULL UNIQUE REFERENCES message (id),
    revision BIGINT NOT NULL,
    -- 1 as long as the text of its files is not among the words
    files_wait BIGINT NOT NULL,
    /* sqlite */ words TEXT NOT NULL
    /* postgres */ words TSVECTOR NOT NULL
);
CREATE INDEX search_files_wait ON search_entry (id) WHERE files_wait = 1;
-- Kept out of line, the words would not count for the planner, and a look at every row would seem cheap.
/* postgres */ ALTER TABLE search_entry ALTER COLUMN words SET STORAGE MAIN;
/* postgres */ CREATE INDEX search_words ON search_entry USING gin (words);
-- The words are words already: what is not ASCII stands for itself.
/* sqlite */ CREATE VIRTUAL TABLE search_words USING fts5 (
/* sqlite */     words, content = 'search_entry', content_rowid = 'id', columnsize = 0, tokenize = 'ascii'
/* sqlite */ );
/* sqlite */ CREATE TRIGGER search_entry_made AFTER INSERT ON search_entry BEGIN
/* sqlite */     INSERT INTO search_words (rowid, words) VALUES (new.id, new.words);
/* sqlite */ END;
/* sqlite */ CREATE TRIGGER search_entry_gone AFTER DELETE ON search_entry BEGIN
/* sqlite */     INSERT INTO search_words (search_words, rowid, words) VALUES ('delete', old.id, old.words);
/* sqlite */ END;
/* sqlite */ CREATE TRIGGER search_entry_changed AFTER UPDATE OF words ON search_entry BEGIN
/* sqlite */     INSERT INTO search_words (search_words, rowid, words) VALUES ('delete', old.id, old.words);
/* sqlite */     INSERT INTO search_words (rowid, words) VALUES (new.id, new.words);
/* sqlite */ END;

-- How far an account's events have been looked at for what there is to index.
CREATE TABLE search_mark (
    account_id TEXT PRIMARY KEY REFERENCES account (id),
    seq BIGINT NOT NULL
);
-- Left to itself FTS5 merges much at once, and the writer is held for that; so each unit of indexing merges some pages.
/* sqlite */ INSERT INTO search_words (search_words, rank) VALUES ('automerge', 0);
/* sqlite */ INSERT INTO search_words (search_words, rank) VALUES ('crisismerge', 64);
/* sqlite */ CREATE TRIGGER search_mark_moved AFTER UPDATE ON search_mark BEGIN
/* sqlite */     INSERT INTO search_words (search_words, rank) VALUES ('merge', 32);
/* sqlite */ END;

-- What attached files say, so that none is read twice.
CREATE TABLE attachment_text (
    message_id TEXT NOT NULL REFERENCES message (id),
    revision BIGINT NOT NULL,
    -- the file's among the parts of the mail
    place BIGINT NOT NULL,
    -- the text in UTF-8, as zlib packs it
    packed BYTEA NOT NULL,
    truncated BIGINT NOT NULL,
    reason TEXT NOT NULL,
    -- signs of steering in it, as in the message's findings
    signals TEXT NOT NULL,
    PRIMARY KEY (message_id, revision, place)
);

-- What agents and people note on a message, as a name and perhaps a value.
CREATE TABLE tag (
    message_id TEXT NOT NULL REFERENCES message (id),
    mailbox_id TEXT NOT NULL REFERENCES mailbox (id),
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (message_id, name)
);
CREATE INDEX tag_by_name ON tag (mailbox_id, name, value, message_id);

-- Deleted messages, as long as they can be had back.
CREATE TABLE trash (
    message_id TEXT PRIMARY KEY REFERENCES message (id),
    -- what it was before
    status TEXT NOT NULL,
    deleted_at BIGINT NOT NULL
);
CREATE INDEX trash_by_time ON trash (deleted_at);

-- Mailboxes that do not keep their mail for ever.
CREATE TABLE retention (
    mailbox_id TEXT PRIMARY KEY REFERENCES mailbox (id),
    days BIGINT NOT NULL
);

-- Names of blobs that lost a message, and when; they go if nothing else needs them.
CREATE TABLE forsaken_blob (
    name TEXT PRIMARY KEY,
    since BIGINT NOT NULL
);
CREATE INDEX wire_by_blob ON wire (blob) WHERE blob IS NOT NULL;
-- A message that goes must find what refers to it.
CREATE INDEX introduced_by_message ON introduced (message_id);
CREATE INDEX approval_link_by_message ON approval_link (message_id);
CREATE INDEX approval_link_by_approval ON approval_link (approval_id);

-- What a mailbox notes about people, by their address in canonical form. It makes nobody a correspondent.
CREATE TABLE address_book (
    mailbox_id TEXT NOT NULL REFERENCES mailbox (id),
    address TEXT NOT NULL,
    name TEXT NOT NULL,
    -- the name as words that are compared
    folded TEXT NOT NULL,
    notes TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (mailbox_id, address)
);

-- Answers that an agent waits for, one a thread.
CREATE TABLE expected_reply (
    thread_id TEXT PRIMARY KEY,
    message_id TEXT NOT NULL,
    wait BIGINT NOT NULL,
    -- NULL until the mail was let through
    due_at BIGINT
);
CREATE INDEX expected_reply_due ON expected_reply (due_at) WHERE due_at IS NOT NULL;

-- Threads that stopped by themselves, as two programs answered each other.
CREATE TABLE thread_pause (
    thread_id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    paused_at BIGINT NOT NULL,
    -- what went before is not counted again
    resumed_at BIGINT
);

-- Mailboxes whose mail is passed on.
CREATE TABLE forwarding (
    mailbox_id TEXT PRIMARY KEY REFERENCES mailbox (id),
    target TEXT NOT NULL,
    -- who stands for it: the approver of what is passed on
    set_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- of the link in the mail that asks; empty for what was set before there was one
    hash TEXT NOT NULL DEFAULT '',
    -- when the target was mailed last
    asked_at BIGINT NOT NULL DEFAULT 0,
    -- NULL until the target's reader agreed: nothing is passed on before
    confirmed_at BIGINT
);
CREATE UNIQUE INDEX forwarding_by_hash ON forwarding (hash) WHERE hash <> '';

-- What was passed on, by what its bounce comes back to.
CREATE TABLE forwarded (
    -- the envelope sender it left with, in canonical form
    address TEXT PRIMARY KEY,
    message_id TEXT NOT NULL,
    original_sender TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- when its bounce was given back; there is no second time
    returned_at BIGINT
);
CREATE INDEX forwarded_by_time ON forwarded (created_at);
