"""Rows as frozen values. Times are microseconds since the epoch (UTC); fields named in schema.sql as JSON are text."""

from dataclasses import dataclass

BEGINNING = 320
"""Characters of a message's new text that lists have at hand."""


@dataclass(frozen=True, slots=True)
class Account:
    id: str
    slug: str
    overseer: str
    created_at: int
    second_overseer: str = ""
    risky_rules: str | None = None


@dataclass(frozen=True, slots=True)
class Domain:
    name: str
    account_id: str
    selector: str
    rsa_pem: str
    ed25519_pem: str
    created_at: int
    forward_to: str = ""
    catch_all: str = ""
    postmaster: str = ""
    forwarding_key: int = 0


@dataclass(frozen=True, slots=True)
class Mailbox:
    id: str
    account_id: str
    address: str
    display_name: str
    mode: str
    created_at: int
    transactional: int = 0
    dmarc_policy: str = "accept"


@dataclass(frozen=True, slots=True)
class ApiKey:
    id: str
    account_id: str
    mailbox_id: str | None
    name: str
    prefix: str
    hash: str
    scopes: str
    created_at: int
    revoked_at: int | None = None
    sandbox: int = 0
    person: str = ""


@dataclass(frozen=True, slots=True)
class Thread:
    id: str
    mailbox_id: str
    subject: str
    last_at: int
    created_at: int
    base_subject: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageHead:
    """A message without its texts: what lists show, and most questions are about."""

    id: str
    account_id: str
    mailbox_id: str
    thread_id: str
    direction: str
    status: str
    revision: int
    rfc_message_id: str
    in_reply_to: str
    reference_ids: str
    from_email: str
    from_name: str
    people: str
    subject: str
    attachments: str
    findings: str
    size: int
    created_at: int
    category: str = "transactional"
    fingerprint: str = ""
    """Of a mail handed in: what tells it from another. Empty for arrived mail."""
    sandbox: int = 0
    by_smtp: int = 0
    beginning: str
    """The first BEGINNING characters of `new_text`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(MessageHead):
    """A message with its texts, which have a table of their own."""

    markdown: str
    body_text: str
    body_html: str
    new_text: str
    quoted: str


@dataclass(frozen=True, slots=True)
class Wire:
    message_id: str
    revision: int
    envelope: str
    digest: str
    data: bytes | None
    blob: str | None
    draft: str
    created_at: int


@dataclass(frozen=True, slots=True)
class AttachmentText:
    message_id: str
    revision: int
    place: int
    packed: bytes
    truncated: int
    reason: str
    signals: str


@dataclass(frozen=True, slots=True)
class Decision:
    id: str
    message_id: str
    revision: int
    digest: str
    verdict: str
    findings: str
    approver: str | None
    created_at: int
    mode: str = ""
    approval_id: str = ""


@dataclass(frozen=True, slots=True)
class Schedule:
    message_id: str
    account_id: str
    send_at: int
    gated: int


@dataclass(frozen=True, slots=True)
class ExpectedReply:
    thread_id: str
    message_id: str
    wait: int
    due_at: int | None


@dataclass(frozen=True, slots=True)
class Forwarding:
    mailbox_id: str
    target: str
    set_by: str
    created_at: int
    hash: str
    asked_at: int
    confirmed_at: int | None


@dataclass(frozen=True, slots=True)
class Forwarded:
    address: str
    message_id: str
    original_sender: str
    created_at: int
    returned_at: int | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    id: str
    account_id: str
    mailbox_id: str
    message_id: str
    revision: int
    direction: str
    state: str
    reasons: str
    created_at: int
    expires_at: int
    decided_at: int | None = None
    decided_by: str | None = None
    reason: str = ""
    changes: str = ""
    reminded_at: int | None = None
    needed: int = 1


@dataclass(frozen=True, slots=True)
class ApprovalVote:
    approval_id: str
    revision: int
    reviewer: str
    digest: str
    created_at: int


@dataclass(frozen=True, slots=True)
class ApprovalLink:
    hash: str
    approval_id: str
    message_id: str
    revision: int
    reviewer: str
    expires_at: int
    used_at: int | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    id: str
    account_id: str
    message_id: str
    decision_id: str
    recipient: str
    is_copy: int
    state: str
    attempts: int
    due_at: int
    lease_until: int
    lease: str
    code: int
    enhanced: str
    reply: str
    category: str
    host: str
    created_at: int
    settled_at: int | None = None
    sandbox: int = 0
    domain: str = ""
    taken_from: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    delivery_id: str
    number: int
    outcome: str
    code: int
    enhanced: str
    reply: str
    category: str
    host: str
    created_at: int
    tls: str
    """TLS version, cipher and what vouched for the certificate; `none` in the clear, empty without a session."""


@dataclass(frozen=True, slots=True)
class Suppression:
    account_id: str
    address: str
    reason: str
    strength: int
    transactional_only: int
    code: int
    reply: str
    created_at: int


@dataclass(frozen=True, slots=True)
class Notice:
    id: str
    account_id: str
    kind: str
    recipient: str
    subject_id: str
    state: str
    attempts: int
    due_at: int
    lease_until: int
    reply: str
    created_at: int


@dataclass(frozen=True, slots=True)
class Upgrade:
    id: str
    account_id: str
    mailbox_id: str
    mode: str
    hash: str
    tries: int
    created_at: int
    expires_at: int
    used_at: int | None = None


@dataclass(frozen=True, slots=True)
class SignIn:
    id: str
    account_id: str
    email: str
    hash: str
    created_at: int
    expires_at: int
    used_at: int | None = None


@dataclass(frozen=True, slots=True)
class Session:
    hash: str
    account_id: str
    email: str
    created_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class Idempotency:
    account_id: str
    key: str
    request_hash: str
    message_id: str
    created_at: int


@dataclass(frozen=True, slots=True)
class Event:
    account_id: str
    seq: int
    type: str
    mailbox_id: str | None
    message_id: str | None
    data: str
    created_at: int


@dataclass(frozen=True, slots=True)
class TlsSession:
    """Sessions that a TLS report counts as one, and how many they were."""

    day: str
    domain: str
    policy_hash: str
    policy: str
    host: str
    result: str
    sessions: int


@dataclass(frozen=True, slots=True)
class TlsReport:
    """The TLS report of one day to one domain, as it is on its way."""

    id: str
    day: str
    domain: str
    state: str
    attempts: int
    due_at: int
    give_up_at: int
    reply: str
