"""The signature below a text: told by its delimiter, a mailer's own line, or as a card of contacts; in linear time."""

import re

from tools.mail import limits

_PGP = "-----BEGIN PGP SIGNATURE-----"
_BARE = "--"
_DELIMITER = re.compile(rf"(?:-- ?|{_PGP})\Z")  # RFC 3676 section 4.3 with its space, and many without
_FENCE = "```"
_RULE = re.compile(rf"(?:[_-]{{2,}}|{_PGP})\Z")

# What mail programs write below, in the languages they speak; at the beginning of a line, or at its end.
_BEGINNINGS = (
    r"sent (?:from|with|via|by)|get (?:outlook|bluemail)|download outlook|gesendet (?:von|mit|über)|von meinem|"
    r"diese nachricht wurde von meine|holen sie sich outlook|envoyé (?:de|depuis|à partir|avec|par)|obtenez outlook|"
    r"télécharge[rz] outlook|enviad[oa] (?:desde|con|do|da|de|a partir|pelo)|obtener outlook|obter o outlook|"
    r"inviato (?:da|dal|con|tramite)|(?:scarica|ottieni) outlook|verzonden (?:vanaf|met|via)|verstuurd vanaf|"
    r"skickat från|hämta outlook|sendt (?:fra|med)|hent outlook|lähetetty|hanki outlook|wysłan[eoay] z|"
    r"pobierz aplikację outlook|odesláno z|odoslané z|отправлено (?:с|из)|надіслано з|küldve|trimis de pe|"
    r"στάλθηκε από"
)
_UNSPACED_BEGINNINGS = "发自|發自|寄自|נשלח מ|أُرسلت من|تم الإرسال من"  # a word goes on behind them
_ENDINGS = (
    r"gesendet|gönderildi|verzonden|から送信|에서 보냄|傳送|küldve|downloaden|beziehen|"
    r"(?:iphone|ipad|android|samsung|huawei|galaxy)[^\s<>]{0,12}"
)
_MAILER_LINE = re.compile(rf"(?:(?:{_BEGINNINGS})\b|{_UNSPACED_BEGINNINGS}).{{0,80}}\Z", re.IGNORECASE)
_MAILER_END = re.compile(
    rf"(?:von meinem|vanaf|iphone|ipad|我的|나의|outlook).{{0,60}}(?:{_ENDINGS})\W?\Z", re.IGNORECASE
)
_LINK = re.compile(r"\s?[<(\[]?https?://[^\s<>()\[\]]{1,300}[>)\]]?")
_EXCUSE = re.compile(
    r"[.,;]\s{1,3}(?:please\s)?(?:excuse|pardon|forgive|apologies for|sorry for)\b.{0,60}\Z", re.IGNORECASE
)
_AROUND = str.maketrans("", "", "[]*_<>()")
_SENTENCE = re.compile(r"[,;:?!]|\.\s")

_CONTACTS = (
    re.compile(r"[^\s@]{1,64}@[\w-]{1,63}\.[\w.-]{2,60}"),
    re.compile(r"\(?\+?\d[\d\s()./-]{6,20}\d"),
    re.compile(r"(?:https?://|www\.)[^\s]{3,200}", re.IGNORECASE),
)
_NAME = re.compile(r"[^\W\d_]{3,}")
_CARD_LINES = 12
_CARD_CHARS = 70


def split_signature(text: str, sender: str = "") -> tuple[str, str]:
    """The text above its signature, and the signature with what delimits it; '' where there is none.

    `sender` is the author's name and address: a card of contacts is only a signature if it is the author's. Nothing
    is lost between the two but blank lines. A text that would be all signature has none.
    """
    lines = text.rsplit("\n", limits.SIGNATURE_LINES)
    above = max(len(lines) - limits.SIGNATURE_LINES, 0)
    seen = [line[: limits.QUOTE_LINE_CHARS].rstrip("\r") for line in lines[above:]]
    start = _mailer_start(seen, _delimited_start(seen))
    if start == len(seen):
        start = _card_start(seen, sender)
    if start == len(seen):
        return text.rstrip() or text, ""
    new = "\n".join(lines[: above + start]).rstrip()
    signature = "\n".join(lines[above + start :]).strip()
    return (new, signature) if new.strip() and len(signature) <= limits.SIGNATURE_CHARS else (text, "")


def _delimited_start(seen: list[str]) -> int:
    """Where a signature begins that a line of its own divides from the text; the end where none does."""
    for place, line in enumerate(seen):
        if not line.lstrip().startswith(("-", "_")) or not _RULE.match(line.strip()):
            continue
        if line == _BARE and _BARE in seen[place + 1 :]:
            continue  # dashes that divide a text
        rest = [below for below in seen[place + 1 :] if below.strip()]
        if rest and (_DELIMITER.match(line) or _is_card(rest)):
            fenced = place > 0 and seen[place - 1].strip() == rest[-1].strip() == _FENCE  # the <pre> of a page
            return place - fenced
    return len(seen)


def _mailer_start(seen: list[str], end: int) -> int:
    """Where the mailers' own lines begin that stand right above `end`."""
    start = end
    for place in range(end - 1, max(end - 6, -1), -1):
        line = _EXCUSE.sub("", _LINK.sub("", seen[place])).translate(_AROUND).strip()
        if line and not _is_mailer_line(line):
            break
        if line:
            start = place
    return start


def _is_mailer_line(line: str) -> bool:
    return not _SENTENCE.search(line) and bool(_MAILER_LINE.match(line) or _MAILER_END.match(line))


def _card_start(seen: list[str], sender: str) -> int:
    """Where a card of the author's contacts begins at the end of the text; the end where there is none.

    It is the last paragraph; or, where each line is one, the lines with contacts and the one above them. What a colon
    announces is text.
    """
    end = last = len(seen)
    while last and not seen[last - 1].strip():
        last -= 1
    start = last
    while start and seen[start - 1].strip() and last - start <= _CARD_LINES:
        start -= 1
    if last - start == 1:
        start = _spaced_start(seen, last)
    if next(filter(str.strip, seen[start - 1 :: -1] if start else ()), "").rstrip().endswith((":", "：")):
        return end
    card = [line for line in seen[start:last] if line.strip()]
    return start if _is_card(card) and not _names_of(sender).isdisjoint(_NAME.findall("\n".join(card).lower())) else end


def _names_of(sender: str) -> frozenset[str]:
    """The words of the author's name, and of the address but for its domain, which others share."""
    return frozenset(_NAME.findall(sender.partition("@")[0].lower()))


def _spaced_start(seen: list[str], last: int) -> int:
    start = last
    for place in range(last - 1, max(last - 2 * _CARD_LINES, -1), -1):
        if not seen[place].strip():
            continue
        start = place
        if not _has_contact(seen[place]):
            break
    return start


def _is_card(lines: list[str]) -> bool:
    """Short lines, at least one in three of them with an address, a number or a link."""
    if len(lines) > _CARD_LINES or any(len(line) > _CARD_CHARS for line in lines):
        return False
    found = sum(map(_has_contact, lines))
    return found >= 2 and 3 * found >= len(lines)


def _has_contact(line: str) -> bool:
    return any(kind.search(line) for kind in _CONTACTS)
