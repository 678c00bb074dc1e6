"""What a reply adds and what it repeats: quoted originals told from new text, line by line in linear time."""

import re
from itertools import pairwise, takewhile

from tools.mail import limits

# How each language introduces a quotation: "On … wrote:", with the verb before or after the name.
_VERBS = (
    r"(?:\b(?:wrote|writes|schrieb|a écrit|escribió|ha scritto|escreveu|schreef|skrev|kirjoitti|"
    r"написала?|написа|пишет?|napisał(?:a|\(a\))?|pisze|napsala?|napísal(?:a|\(a\))?|napisala?|napisao(?:/la)?|"
    r"írta|yazdı|đã viết|menulis|a scris|va escriure|έγραψε|kirjutas|rakstīja|rašė|כתב(?:ה|/ה)?|كتب)(?!\w)|"
    r"เขียนว่า|写道|寫道|が書きました|は書きました|の(?:メッセージ|メール)|님이 작성)"
)
_VERB = re.compile(_VERBS, re.IGNORECASE)
_ENDS_WITH_VERB = re.compile(_VERBS + r"[-*_\s]{0,10}\Z", re.IGNORECASE)
_VERB_CHARS = 40  # the longest verb with what may follow it, and more
_LEAD = re.compile(
    r"(?:on|at|am|le|el|il|op|em|den|på|pe|in data|w dniu|dnia|dne)(?:\s|\Z)|[在於于]|"
    r"\d{1,4}[./年년-]|\d{1,2}\.?\s[^\W\d_]{3,12}|[^\W\d_]{1,12}[.,]{0,2}\s{1,2}(?:den\s)?\d{1,2}\b",
    re.IGNORECASE,
)
_WHEN = re.compile(r"\b(?:19|20)\d\d\b|\d{1,2}[:.h]\d{2}\b|[年년]")
_DAY = re.compile(r"(?:19|20)\d\d|[年년]|\d[./-]\d{1,2}[./-]\d\d")
# With an address in brackets a line needs no verb: "26.06.2014, 14:41, Ann <ann@example.com>:".
_BRACKETED_ADDRESS = re.compile(r"[<(\[][^\s<>@]{1,64}@[^\s<>@]{1,255}[>)\]]")
# Nor does the older form of Gmail, which has no colon either: "2013/7/20 Ann <ann@example.com>".
_DATED = re.compile(r"(?:19|20)\d\d([/-])\d{1,2}\1\d{1,2}\s[^<>]{1,80}<[^\s<>@]{1,64}@[^\s<>@]{1,255}>\Z")
# "Ann <ann@example.com> wrote:"
_SOMEBODY = re.compile(rf"[^<>@:]{{0,60}}<[^\s<>@]{{1,64}}@[^\s<>@]{{1,255}}>,?\s{_VERBS}\s?[:：]\Z", re.IGNORECASE)
_MARKS = "\u200e\u200f\u202a\u202b\u202c\u2066\u2067\u2068\u2069"  # which stand around a line of Hebrew or Arabic
_COLONS = (":", "：")
_SIGNS = (">", "-", "_", "=", "*")
_TELLING = (*_COLONS, *_SIGNS, "@")
"""A text without any of these quotes nothing: they begin what is quoted, or stand in the line that introduces it."""
_ATTRIBUTION_LINES = 4
_HEADER_LINES = 10
_BLANKS_BELOW = 10
_RULE = re.compile(r"[-_=*─—\s]{3,}\Z")

_ORIGINALS = (
    "original message|original e-?mail|original appointment|reply message|original|ursprüngliche nachricht|"
    "ursprüngliche e-?mail|originalnachricht|message d['’]origine|message original|mensaje original|"
    "messaggio originale|mensagem original|oorspronkelijk bericht|origineel bericht|ursprungligt meddelande|"
    "originalmeddelande|oprindelig besked|oprindelig meddelelse|opprinnelig melding|alkuperäinen viesti|"
    "oryginalna wiadomość|wiadomość oryginalna|исходное сообщение|původní zpráva|"
    "pôvodná správa|eredeti üzenet|mesajul? original|"
    "orijinal (?:mesaj|ileti)|αρχικό μήνυμα|вихідне повідомлення|оригинално съобщение|"
    "izvorna poruka|pesan asli|thư gốc|הודעה מקורית|الرسالة الأصلية|"
    "원본 (?:메시지|메일)|原始邮件|原始郵件|元のメッセージ"
)
_ORIGINAL = re.compile(rf"[-_=\s]{{2,}}(?:{_ORIGINALS})\s?[-_=\s]{{2,}}\Z", re.IGNORECASE)
_FORWARDS = (
    "forwarded message|forwarded by|weitergeleitete nachricht|message transféré|mensaje reenviado|messaggio inoltrato|"
    "mensagem encaminhada|doorgestuurd bericht|vidarebefordrat meddelande|videresendt besked|videresendt melding|"
    "välitetty viesti|przekazana wiadomość|пересылаемое сообщение|пересланное сообщение|přeposlaná zpráva|"
    "továbbított üzenet|iletilen (?:mesaj|ileti)|mesaj redirecționat|προωθημένο μήνυμα|переслане повідомлення|"
    "전달된 (?:메시지|메일)|转发的邮件|転送メッセージ"
)
_FORWARDED = re.compile(rf"[-_=\s]{{2,}}(?:{_FORWARDS})\b|begin forwarded message:\Z", re.IGNORECASE)

# The header block that Outlook and others put above an original, and which field each label names.
_LABELS = {
    "from": "from|von|de|da|van|från|fra|lähettäjä|od|от|от кого|від|feladó|expéditeur|mittente|remitente|de la|kimden|"
    "από|מאת|من|dari|từ|จาก|보낸 사람|发件人|寄件者|寄件人|差出人",
    "sent": "sent|date|gesendet|datum|envoyé|envoyé le|message du|enviado|enviado el|enviada em|fecha|inviato|data|"
    "verzonden|skickat|sendt|dato|lähetetty|wysłano|отправлено|дата|надіслано|изпратено|elküldve|dátum|odesláno|"
    "odoslané|poslano|trimis|gönderildi|gönderilme|tarih|στάλθηκε|ημερομηνία|נשלח|תאריך|تاريخ|تم الإرسال|dikirim|"
    "tanggal|gửi|ngày|ส่ง|วันที่|보낸 날짜|날짜|发送时间|日期|寄件日期|傳送日期|送信日時|日付",
    "to": "to|an|à|para|a|per|naar|aan|till|til|vastaanottaja|do|кому|до|címzett|destinataire|destinatario|komu|za|"
    "către|kime|προς|אל|إلى|kepada|đến|tới|ถึง|받는 사람|收件人|收件者|宛先",
    "subject": "subject|betreff|objet|sujet|asunto|oggetto|assunto|onderwerp|ämne|emne|aihe|temat|тема|относно|tárgy|"
    "předmět|predmet|zadeva|subiect|konu|θέμα|נושא|الموضوع|perihal|subjek|chủ đề|เรื่อง|제목|主题|主題|主旨|件名",
}
_FIELD_OF = {label: field for field, labels in _LABELS.items() for label in labels.split("|")}
_LABEL = re.compile(r"([^\W\d_][^:：]{0,20}?)\s?[:：]")
_LABEL_CHARS = 23  # as many as it can match


def split_quotation(text: str) -> tuple[str, str]:
    """What is new in a body and what it quotes; every line that is not blank is in one of them, in its order.

    Answers between quoted lines are new. A body that is all quotation is new, and so is a forwarded mail: its reader
    has not seen it.
    """
    if not any(sign in text for sign in _TELLING):
        return _without_blank_ends(text), ""
    lines = text.split("\n")
    flags = _quoted_flags(lines)
    new = "\n".join([line for line, quoted in zip(lines, flags, strict=True) if not quoted])
    if not new or new.isspace():
        return _without_blank_ends(text), ""
    quoted = "\n".join([line for line, quoted in zip(lines, flags, strict=True) if quoted])
    return _without_blank_ends(new), _without_blank_ends(quoted)


def _quoted_flags(lines: list[str]) -> list[bool]:
    """For each line whether it is quotation. Lines past the limit follow the last one looked at."""
    seen = [line[: limits.QUOTE_LINE_CHARS].strip().strip(_MARKS) for line in lines[: limits.QUOTE_LINES]]
    ends = (at for at, (line, below) in enumerate(pairwise([*seen, ""])) if line and _may_end_attribution(line, below))
    attributed = {max(end - back, 0) for end in ends for back in range(_ATTRIBUTION_LINES)}
    flags: list[bool] = []
    while (at := len(flags)) < len(seen):
        line = seen[at]
        if not line:
            flags.append(flags[-1:] == [True])
        elif line.startswith(">"):
            flags.append(True)
        elif at not in attributed and not line.startswith(_SIGNS) and ":" not in line and "：" not in line:
            flags.append(False)  # as most lines; none of what follows begins like this
        elif _FORWARDED.match(line):
            return flags + [False] * (len(lines) - at)
        elif _ORIGINAL.match(line.strip("*_")) or _is_header_block(seen, at):
            return _rest_quoted(seen, flags, len(lines))
        elif at in attributed and (count := _attribution_lines(seen, at)):
            if _below(seen, at + count).startswith(">"):
                flags += [True] * count
            elif _is_certain(seen[at : at + count]):
                return _rest_quoted(seen, flags, len(lines))
            else:
                flags.append(False)
        else:
            flags.append(False)
    return flags + flags[-1:] * (len(lines) - len(flags))


def _rest_quoted(seen: list[str], flags: list[bool], total: int) -> list[bool]:
    """Everything from here on is quotation, with the rule drawn above it."""
    start = above = len(flags)
    while above and not seen[above - 1]:
        above -= 1
    if above and _RULE.match(seen[above - 1]):
        start = above - 1
    return flags[:start] + [True] * (total - start)


def _may_end_attribution(line: str, below: str) -> bool:
    """Whether an attribution can end with this line: most lines are none, and this is cheaper than to look closer."""
    return line.rstrip("*_").endswith(_COLONS) or (not below and _ends_with_verb(line)) or bool(_DATED.match(line))


def _ends_with_verb(line: str) -> bool:
    if line.endswith((".", ",", "!", "?")):  # as most paragraphs do, and no verb
        return False
    return _ENDS_WITH_VERB.search(line, max(len(line) - _VERB_CHARS, 0)) is not None


def _attribution_lines(seen: list[str], at: int) -> int:
    """How many lines from `at` on make one "On … wrote:", which mailers wrap anywhere; 0 when they make none."""
    first = seen[at].strip("-*_ ")
    led = _LEAD.match(first)
    if not (led or _WHEN.search(first) or "@" in first):
        return 0
    if _DATED.match(first):
        return 1
    joined = ""
    for count, line in enumerate(seen[at : at + _ATTRIBUTION_LINES], 1):
        if not line or (line.startswith(">") and line.lstrip("> ") not in _COLONS):
            return 0
        if count > 1 and not led and _LEAD.match(line) and _WHEN.search(line) and not _VERB.search(joined):
            return 0  # it begins here, and what stands above it is text
        joined += " " + line
        if line.rstrip("*_").endswith(_COLONS):
            known = _introduces(joined.strip("-*_ ")) or _names_what_follows(joined, seen, at + count)
            return count if known else 0
        if _ends_with_verb(line) and not any(seen[at + count : at + count + 1]):
            return count if "@" in joined and _introduces(joined.strip("-*_ ")) else 0
    return 0


def _is_certain(lines: list[str]) -> bool:
    """Whether all below is quotation though nothing marks it: a program names an address, or a day of a year.

    "On Monday at 10:00 the team wrote:" is a person's sentence, and what follows it is new.
    """
    joined = " ".join(lines)
    return "@" in joined or _DAY.search(joined) is not None


def _names_what_follows(line: str, seen: list[str], at: int) -> bool:
    """Whether marked lines follow, and the line says whose they are: less is asked of it then."""
    return _below(seen, at).startswith(">") and ("@" in line or _VERB.search(line) is not None)


def _below(seen: list[str], at: int) -> str:
    return next(filter(None, seen[at : at + _BLANKS_BELOW]), "")


def _introduces(line: str) -> bool:
    when = _WHEN.search(line) is not None
    if when and _BRACKETED_ADDRESS.search(line):
        return True
    if not _VERB.search(line):
        return False
    return (
        _SOMEBODY.match(line) is not None
        or (when and "@" in line)
        or ((when or "@" in line) and _LEAD.match(line) is not None)
    )


def _is_header_block(seen: list[str], at: int) -> bool:
    """Whether a block of From, Sent, To and Subject lines begins here.

    A subject or an address must be in it: "From: Berlin, To: Paris, Date: …" is a journey.
    """
    if _field_of(seen[at]) is None:
        return False
    block = list(takewhile(bool, seen[at : at + _HEADER_LINES]))
    fields = {_field_of(line) for line in block} - {None}
    return "from" in fields and len(fields) >= 3 and ("subject" in fields or any("@" in line for line in block))


def _field_of(line: str) -> str | None:
    line = line.lstrip("*_ ")[:_LABEL_CHARS]
    label = _LABEL.match(line) if ":" in line or "：" in line else None
    return _FIELD_OF.get(label.group(1).strip("*_ ").lower()) if label else None


def _without_blank_ends(text: str) -> str:
    """The text without the blank lines at either end of it."""
    first = text.rfind("\n", 0, len(text) - len(text.lstrip())) + 1
    last = text.find("\n", len(text.rstrip()))
    return text[first : last if last >= 0 else None] if text and not text.isspace() else ""
