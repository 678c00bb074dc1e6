"""How much of a hostile mail is looked at. Over a limit the reading is partial and a defect code says so."""

HEADER_BYTES = 256 * 1024  # one header block
HEADER_FIELDS = 1_000  # fields of one header block
FIELD_BYTES = 64 * 1024  # one field value; RFC 5322 has no limit of its own beyond the line
PARAMETERS = 100  # parameters of one Content-Type or Content-Disposition
BOUNDARY_BYTES = 200  # RFC 2046 section 5.1.1 allows 70; senders exceed it
PARTS = 1_000  # leaves and containers of one mail
DEPTH = 100  # multiparts inside one another
ADDRESSES = 1_000  # mailboxes of one field
ADDRESS_CHARS = 254  # RFC 5321 section 4.5.3.1.3, without the angle brackets
COMMENT_DEPTH = 50  # nested comments whose text is still looked at
NAME_CHARS = 255  # display names and file names
SUBJECT_CHARS = 2_000
BASE_SUBJECT_CHARS = 500  # an index row of PostgreSQL holds 2,704 bytes
DATE_BYTES = 100
MESSAGE_ID_BYTES = 998  # RFC 5322 section 2.1.1: no line, so no id, is longer
REFERENCES = 50  # message ids kept of one mail
BODY_CHARS = 1024 * 1024  # text given to an agent
HTML_CHARS = 2 * 1024 * 1024  # the HTML alternative as kept
HTML_DEPTH = 200  # elements inside one another; deeper pages are read without their structure
HTML_OUTPUT = 5_000_000  # table cells or quoted lines a page may unfold into
QUOTE_LINES = 5_000  # lines looked at for quotation
QUOTE_LINE_CHARS = 300  # of each such line
REPORT_BYTES = 1024 * 1024  # one delivery-status part
REPORT_RECIPIENTS = 1_000
DIAGNOSTIC_CHARS = 1_000
