"""The rules about what a mail says and to whom it is new; an approval overrides those that hold."""

from collections.abc import Callable

from policies.attachments import prohibited_attachment
from policies.contact import duplicate, first_contact
from policies.decision import Finding
from policies.facts import Outbound
from policies.lookalike import look_alike
from policies.phishing import credential_request, disguised_link, raw_ip_link
from policies.secrets import own_key, secret
from policies.taint import answers_untrusted, copies_untrusted

CONTENT: tuple[Callable[[Outbound], Finding | None], ...] = (
    own_key,
    prohibited_attachment,
    duplicate,
    secret,
    disguised_link,
    raw_ip_link,
    credential_request,
    look_alike,
    first_contact,
    answers_untrusted,
    copies_untrusted,
)
