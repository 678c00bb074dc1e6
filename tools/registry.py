"""Every operation, in the order a reader of the reference page meets them."""

from tools.cancel import CANCEL
from tools.check_inbox import CHECK_INBOX
from tools.contacts import FORGET_CONTACT, GET_CONTACT, LIST_CONTACTS, SAVE_CONTACT
from tools.conversation import RESUME_THREAD
from tools.dmarc_policy import SET_DMARC_POLICY
from tools.forward import FORWARD
from tools.forwarding_target import GET_FORWARDING, SET_FORWARDING
from tools.get_attachment import GET_ATTACHMENT
from tools.list_events import LIST_EVENTS
from tools.list_mailboxes import LIST_MAILBOXES
from tools.list_thread import LIST_THREAD
from tools.message_status import MESSAGE_STATUS
from tools.move_message import DELETE_MESSAGE, MOVE_MESSAGE
from tools.operation import AnyOperation
from tools.oversight import APPLY_UPGRADE, LOWER_MODE, REQUEST_UPGRADE
from tools.pending import DECIDE, LIST_PENDING
from tools.preview import PREVIEW
from tools.read_message import GET_MESSAGE, READ_MESSAGE
from tools.reply import REPLY
from tools.request_approval import REQUEST_APPROVAL
from tools.schedule import EDIT_SCHEDULED
from tools.search import SEARCH
from tools.send import SEND
from tools.spam import LIST_SPAM, NOT_SPAM, REPORT_SPAM
from tools.stops import START_SENDING, STOP_SENDING
from tools.suppression import ADD_SUPPRESSIONS, LIST_SUPPRESSIONS, REMOVE_SUPPRESSION
from tools.tags import GET_TAGS, TAG, UNTAG
from tools.usage import USAGE
from tools.wait_for_message import WAIT_FOR_MESSAGE

OPERATIONS: tuple[AnyOperation, ...] = (
    LIST_MAILBOXES,
    SEND,
    REPLY,
    FORWARD,
    REQUEST_APPROVAL,
    PREVIEW,
    MESSAGE_STATUS,
    EDIT_SCHEDULED,
    CANCEL,
    CHECK_INBOX,
    READ_MESSAGE,
    GET_MESSAGE,
    GET_ATTACHMENT,
    LIST_THREAD,
    SEARCH,
    TAG,
    GET_TAGS,
    UNTAG,
    MOVE_MESSAGE,
    DELETE_MESSAGE,
    REPORT_SPAM,
    NOT_SPAM,
    LIST_SPAM,
    LIST_CONTACTS,
    GET_CONTACT,
    SAVE_CONTACT,
    FORGET_CONTACT,
    WAIT_FOR_MESSAGE,
    LIST_EVENTS,
    REQUEST_UPGRADE,
    APPLY_UPGRADE,
    LOWER_MODE,
    SET_DMARC_POLICY,
    LIST_PENDING,
    DECIDE,
    LIST_SUPPRESSIONS,
    ADD_SUPPRESSIONS,
    REMOVE_SUPPRESSION,
    USAGE,
    STOP_SENDING,
    START_SENDING,
    RESUME_THREAD,
    SET_FORWARDING,
    GET_FORWARDING,
)

BY_NAME = {operation.name: operation for operation in OPERATIONS}
