"""The one catalogue of refusals: code, meaning, HTTP status, SMTP reply and the fix (DESIGN section 8)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition. `smtp` is the reply with its enhanced code, empty where SMTP cannot meet the condition."""

    code: str
    status: int
    meaning: str
    fix: str
    smtp: str = ""


_CONDITIONS = (
    Condition("missing_key", 401, "No API key was given.", "Send 'Authorization: Bearer <key>'."),
    Condition(
        "invalid_key",
        401,
        "The API key is unknown or revoked.",
        "Check the key; the operator makes a new one with 'gatepost key create'.",
        smtp="535 5.7.8",
    ),
    Condition(
        "invalid_signature",
        401,
        "The request is not signed with the domain's key.",
        "Sign it as docs/inbound.md says; 'gatepost domain forwarding-key' makes a key.",
    ),
    Condition(
        "mail_loop",
        400,
        "The mail has more than 50 Received fields: it goes in a circle.",
        "Find the rule that forwards it back, and end it.",
        smtp="554 5.4.6",
    ),
    Condition(
        "missing_scope",
        403,
        "The key lacks the scope this needs.",
        "Use a key with that scope; 'gatepost key list' shows what each has.",
    ),
    Condition(
        "scopes_conflict",
        400,
        "No key holds send together with an oversight scope: an agent must not approve its own mail.",
        "Make two keys.",
    ),
    Condition("invalid_scope", 400, "Not a scope.", "Use read, send, admin, oversight or oversight_read."),
    Condition("invalid_request", 400, "The request does not fit the operation.", "Correct the fields it names."),
    Condition(
        "unknown_argument",
        400,
        "The operation has no such argument.",
        "Use the arguments it lists; nothing was done.",
    ),
    Condition("unknown_tool", 404, "There is no such tool.", "Call one of the tools that tools/list gives."),
    Condition("invalid_address", 400, "Not an e-mail address.", "Write it as name@example.com.", smtp="501 5.1.3"),
    Condition(
        "invalid_header",
        400,
        "A header field holds a line break or a control character.",
        "Take line breaks and control characters out of subject, names and file names.",
    ),
    Condition(
        "missing_recipient",
        400,
        "There is no recipient.",
        "Give at least one address in 'to'; where there is nobody to answer, write with send.",
    ),
    Condition("too_many_recipients", 400, "More than 50 recipients.", "Send several mails.", smtp="452 4.5.3"),
    Condition("invalid_attachment", 400, "An attachment is not usable.", "Give name, content_type and content_base64."),
    Condition(
        "attachments_too_large",
        413,
        "The attachments are larger than 10 MB together.",
        "Send fewer or smaller ones, or a link.",
        smtp="552 5.3.4",
    ),
    Condition("request_too_large", 413, "The request is too large.", "Stay under the size it names."),
    Condition(
        "invalid_mode", 400, "Not an oversight mode.", "Use read_only, gated_all, gated_send, monitored or autonomous."
    ),
    Condition(
        "invalid_cursor", 400, "The cursor is not one this list gave.", "Pass next_cursor back unchanged, or none."
    ),
    Condition(
        "invalid_query",
        400,
        "The search cannot be read.",
        'Give words, a "phrase", -without, begin*, or operators such as from:ann and after:2030-01-31.',
    ),
    Condition("tag_reserved", 400, "The server alone sets such tags.", "Choose another name; nothing was changed."),
    Condition("too_many_tags", 400, "A message has at most 32 tags.", "Take some off; nothing was changed."),
    Condition(
        "too_many_contacts", 400, "A mailbox notes at most 5000 people.", "Forget some first; nothing was changed."
    ),
    Condition(
        "contact_not_found", 404, "The mailbox knows nobody of this address.", "Find them with GET /v1/contacts."
    ),
    Condition(
        "not_movable",
        409,
        "Only received mail is moved or deleted.",
        "A mail of your own that has not left is withdrawn with cancel.",
    ),
    Condition(
        "not_markable",
        409,
        "Only received mail that is in the mailbox is spam or not.",
        "Mail that waits for a person is decided on by them; deleted mail is moved back first.",
    ),
    Condition("invalid_time", 400, "Not a time to send at.", "Write it in UTC, such as 2030-01-31T09:00:00Z."),
    Condition("invalid_duration", 400, "Not a time to wait.", "Write it as '90 minutes', '4h' or '3 days'."),
    Condition("invalid_domain", 400, "Not a domain name.", "Write it as example.com."),
    Condition(
        "mailbox_required",
        400,
        "The account has more than one mailbox.",
        "Name one in mailbox_id.",
    ),
    Condition(
        "mailbox_not_found",
        404,
        "There is no such mailbox.",
        "A tool takes the key's mailbox where mailbox_id is left out; list_mailboxes shows all ids.",
        smtp="550 5.1.1",
    ),
    Condition(
        "message_not_found",
        404,
        "There is no such message in this mailbox.",
        "Find ids with check_inbox. What is in the trash has to be moved back before it can be read.",
    ),
    Condition(
        "attachment_not_found",
        404,
        "There is no such attachment in this mailbox.",
        "read_message lists the attachments of a message with their ids.",
    ),
    Condition("thread_not_found", 404, "There is no such thread in this mailbox.", "Find ids with check_inbox."),
    Condition("approval_not_found", 404, "There is no such approval.", "Look at the list of pending approvals."),
    Condition("key_not_found", 404, "There is no such key.", "'gatepost key list' shows them."),
    Condition(
        "session_not_found",
        404,
        "This process knows no such MCP session.",
        "Send initialize without Mcp-Session-Id, and subscribe again; tools need no session.",
    ),
    Condition(
        "domain_not_found",
        404,
        "The domain is not set up here.",
        "Use the domain that 'gatepost init' was given; another one needs a data folder, or database, of its own.",
    ),
    Condition("not_found", 404, "There is nothing at this address.", "See /openapi.json for what there is."),
    Condition("method_not_allowed", 405, "This address does not take that method.", "See /openapi.json."),
    Condition(
        "link_invalid",
        404,
        "The link is not valid: it was replaced, mistyped, or never made.",
        "Open the newest mail about this message, or sign in.",
    ),
    Condition("link_expired", 410, "The link has expired.", "Sign in to see what is still pending."),
    Condition(
        "already_decided",
        409,
        "This was already decided, cancelled, changed or expired.",
        "No action is needed; look at the message's status.",
    ),
    Condition(
        "not_cancellable",
        409,
        "The message can no longer be cancelled.",
        "Only a mail that waits for approval or for delivery can be.",
    ),
    Condition(
        "not_editable",
        409,
        "The message can no longer be changed.",
        "Only a scheduled mail that has not begun to leave can be; withdraw it with cancel or send a new one.",
    ),
    Condition(
        "idempotency_conflict",
        409,
        "The idempotency key was used with a different request.",
        "Nothing was sent now. Ask message_status about message_id, which the key made: if that mail will do, send no "
        "second one. Use a new key only for a new mail.",
    ),
    Condition(
        "overseer_address",
        400,
        "The overseer's address must not be a mailbox here: the agent could read the approval links.",
        "Choose another local part, or another overseer.",
    ),
    Condition(
        "not_overseer",
        403,
        "Only an overseer of the account decides, and this person is none, or none any longer.",
        "Use the link, the session or the key of an overseer.",
    ),
    Condition(
        "same_overseer",
        400,
        "The second overseer must be another person than the first.",
        "Name the address of somebody else.",
    ),
    Condition(
        "unknown_rule", 400, "There is no such rule.", "'gatepost account risky-rules' lists them; nothing was changed."
    ),
    Condition("address_taken", 409, "The address is in use.", "Choose another local part."),
    Condition(
        "read_only_mailbox",
        403,
        "The mailbox is read_only: nothing leaves it.",
        "Call request_approval to ask a person for this mail, or request_upgrade for more autonomy.",
        smtp="550 5.7.1",
    ),
    Condition(
        "wrong_sender",
        403,
        "The mail is not from the mailbox that hands it in.",
        "Put the mailbox's own address into From and MAIL FROM.",
        smtp="550 5.1.0",
    ),
    Condition(
        "malformed_mail",
        400,
        "The mail cannot be carried as it is.",
        "Write it by RFC 5322, with CRLF at the end of each line.",
        smtp="554 5.6.0",
    ),
    Condition(
        "content_blocked",
        400,
        "The content filter stops this mail: it holds something that may never be sent.",
        "The reasons name it; take it out. 'preview' shows what would happen to a draft.",
        smtp="554 5.6.0",
    ),
    Condition(
        "duplicate",
        409,
        "The same mail to the same recipients was handed in within the last 60 seconds.",
        "It was not sent again. Ask message_status about first_message_id; give each call an idempotency_key.",
        smtp="554 5.7.0",
    ),
    Condition(
        "region_blocked",
        451,
        "The request comes out of a region that is not served here.",
        "Nothing was sent. Which regions are served is the operator's decision; ask there if this one is a mistake.",
        smtp="550 5.7.1",
    ),
    Condition(
        "answers_machine",
        403,
        "The mail answers an automatic one: a bounce, a report, an out-of-office note, a sender that takes no answers.",
        "Do not answer it. If a person shall decide, hand the mail in with request_approval.",
        smtp="550 5.7.1",
    ),
    Condition("denied", 403, "The mail may not be sent.", "The reasons say why; do not resend it unchanged."),
    Condition(
        "recipient_suppressed",
        400,
        "The account does not send to a recipient: the address bounced, complained, unsubscribed or was taken out.",
        "Leave out the recipients the reasons name; do not look for another way to reach them.",
        smtp="550 5.7.1",
    ),
    Condition(
        "hard_bounce",
        403,
        "The address bounced for good; no key can take it off the list.",
        "If it exists again, the operator runs 'gatepost suppression remove ADDRESS --bounced'.",
    ),
    Condition("suppression_not_found", 404, "The address is not suppressed.", "List what is with GET /v1/suppression."),
    Condition(
        "unsubscribe_invalid",
        404,
        "The link to unsubscribe is not valid.",
        "Open it from the mail again, and whole.",
    ),
    Condition(
        "confirmation_invalid",
        404,
        "The link is not valid: what it was about was changed or ended, or never asked for.",
        "Open the newest mail about it. Without it, nothing is passed on to you.",
    ),
    Condition(
        "confirmation_expired",
        410,
        "The link has expired, and nothing is passed on to you.",
        "If you want the mail, let its owner ask you again.",
    ),
    Condition(
        "approval_refused",
        409,
        "The mail was approved, but a rule other than oversight stops it.",
        "The reasons say which; edit the mail or reject it.",
    ),
    Condition(
        "not_an_upgrade",
        400,
        "The mode asked for gives no more autonomy than the mailbox has.",
        "Less autonomy needs no code: PATCH /v1/mailboxes/{mailbox_id}, or 'gatepost mailbox mode'.",
    ),
    Condition(
        "needs_overseer", 403, "More autonomy needs the overseer.", "Request an upgrade; the overseer gets a code."
    ),
    Condition("invalid_code", 403, "The code is wrong, used or expired.", "Ask the overseer for the newest code."),
    Condition(
        "rate_limited", 429, "Too much in too short a time.", "Wait as long as Retry-After says.", smtp="451 4.7.1"
    ),
    Condition(
        "warmup_limit",
        429,
        "The mailbox or its domain is new, and new ones may send little.",
        "Wait as long as Retry-After says; the limits grow with age. 'usage' shows them.",
        smtp="451 4.7.1",
    ),
    Condition(
        "quota_exceeded",
        429,
        "The month's quota is used up.",
        "Wait for the next month, or ask the operator for a larger quota.",
        smtp="451 4.7.1",
    ),
    Condition(
        "sending_stopped",
        403,
        "Sending is stopped: somebody threw the kill switch.",
        "Do not resend. The overseer starts it again; then send the mail anew.",
        smtp="521 5.7.13",
    ),
    Condition(
        "sending_paused",
        403,
        "Sending is paused: too much of the account's mail bounced or brought complaints.",
        "Do not resend. The operator looks at the bounces and runs 'gatepost account resume'.",
        smtp="521 5.7.13",
    ),
    Condition(
        "forbidden_origin",
        403,
        "The request came from another site.",
        "Open the page itself and press the button there.",
    ),
    Condition(
        "wrong_host", 421, "This server does not answer to that name.", "Use the address in its base_url setting."
    ),
    Condition(
        "unauthenticated_sender",
        403,
        "The domain in From asks to reject mail that it does not vouch for, and neither SPF nor DKIM vouches for this.",
        "Send through a server that the domain's SPF record names, or with the domain's own DKIM signature.",
        smtp="550 5.7.26",
    ),
    Condition(
        "unknown_sender",
        503,
        "Whether the domain in From vouches for this mail cannot be looked up just now, and it is not taken before.",
        "Send it again later.",
        smtp="451 4.7.0",
    ),
    Condition(
        "invalid_dmarc_policy", 400, "Not a policy for mail that fails DMARC.", "Use accept, quarantine or reject."
    ),
    Condition("sign_in_required", 401, "Nobody is signed in.", "Sign in with a mailed link."),
    Condition("try_again", 503, "A local fault; nothing was lost.", "Try again shortly.", smtp="451 4.3.0"),
    Condition(
        "unreachable",
        502,
        "The server did not answer; nobody knows whether the call was carried out.",
        "A call with an idempotency_key may be repeated; without one, look with check_inbox first whether it is there.",
    ),
    Condition("internal_error", 500, "Something went wrong here.", "Try again; give the request id to the operator."),
)

CATALOGUE = {condition.code: condition for condition in _CONDITIONS}


class Refusal(Exception):
    """A condition of the catalogue, met.

    `details` is structured context for a program; `detail` is one more sentence for a reader. Neither holds secrets.
    """

    def __init__(self, code: str, detail: str = "", *, retry_after: int | None = None, **details: object) -> None:
        self.condition = CATALOGUE[code]
        self.detail = detail
        self.details = details
        self.retry_after = retry_after
        super().__init__(self.sentence)

    @property
    def code(self) -> str:
        return self.condition.code

    @property
    def sentence(self) -> str:
        """What happened, for a reader."""
        return f"{self.condition.meaning} {self.detail}".strip()

    def body(self, request_id: str = "") -> dict[str, object]:
        """The error as REST and MCP give it."""
        body: dict[str, object] = {
            "error": self.sentence,
            "code": self.code,
            "fix": self.condition.fix,
            "details": self.details,
            "docs": f"docs/errors.md#{self.code}",
        }
        if request_id:
            body["request_id"] = request_id
        return body
