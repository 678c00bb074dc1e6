"""Every operation, in the order a reader of the reference page meets them."""

from tools.operation import AnyOperation
from tools.reply import REPLY
from tools.request_approval import REQUEST_APPROVAL
from tools.send import SEND

OPERATIONS: tuple[AnyOperation, ...] = (SEND, REPLY, REQUEST_APPROVAL)

BY_NAME = {operation.name: operation for operation in OPERATIONS}
