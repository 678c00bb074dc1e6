"""What a reply adds and what it repeats: quoted originals told from new text, line by line in linear time."""

import re

from tools.mail import limits

# How each language introduces a quotation: "On … wrote:", with the verb before or after the name.
_VERB = re.compile(
    r"\b(?:wrote|writes|schrieb|a écrit|écrivait|escribió|escribio|ha scritto|escreveu|schreef|skrev|kirjoitti|"
    r"написала?|пишет|писала?|napisał\(?a?\)?|pisze|napsala?|írta)\b|写道|寫道|书写|さんが書きました|さんは書きました|のメッセージ",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"(?:on|am|le|el|il|op|em|den|på|pe|in data|w dniu|dnia|dne|a data|no dia|vào|em data)\s|[在於于]|"
    r"\d{1,4}[./年-]|[^\W\d_]{1,12}[.,]{0,2}\s{1,2}(?:den\s)?\d{1,2}\b",
    re.IGNORECASE,
)
_WHEN = re.compile(r"\b(?:19|20)\d\d\b|\d{1,2}[:.h]\d{2}\b|年")
# With an address at its very end a line needs no verb: "26.06.2014, 14:41, Ann <ann@example.com>:".
_ENDS_WITH_ADDRESS = re.compile(r"@[^\s<>@]{1,255}[>)\]\"]{1,4}\s?[:：]\Z")

_ORIGINAL = re.compile(
    r"[-_=\s>]{2,}(?:original (?:message|e-?mail|appointment)|reply message|ursprüngliche (?:nachricht|e-?mail)|"
    r"originalnachricht|message d['’]origine|message original|mensaje original|messaggio originale|mensagem original|"
    r"oorspronkelijk bericht|origineel bericht|ursprungligt meddelande|originalmeddelande|oprindelig (?:besked|meddelelse)|"
    r"opprinnelig (?:melding|e-?post)|alkuperäinen viesti|oryginalna wiadomość|wiadomość oryginalna|"
    r"исходное сообщение|пересланное сообщение|原始邮件|原始郵件|元のメッセージ|original)\s?[-_=\s]{2,}\Z",
    re.IGNORECASE,
)
_FORWARDED = re.compile(
    r"[-_=\s]{2,}(?:forwarded (?:message|by)|weitergeleitete nachricht|message transféré|mensaje reenviado|"
    r"messaggio inoltrato|mensagem encaminhada|doorgestuurd bericht|vidarebefordrat meddelande|videresendt (?:besked|melding)|"
    r"välitetty viesti|przekazana wiadomość|пересылаемое сообщение|转发的邮件|転送メッセージ)|begin forwarded message:\Z|"
    r"anfang der weitergeleiteten",
    re.IGNORECASE,
)

# The header block Outlook and others put above an original; which field each word names.
_LABELS = {
    "from": "from von de da van från fra lähettäjä od от feladó 发件人 寄件者 寄件人 差出人",
    "sent": "sent date gesendet datum envoyé|envoyé le|date enviado|enviado el|enviada em|fecha inviato data verzonden "
    "skickat sendt dato lähetetty wysłano|wysłane отправлено|дата elküldve 发送时间 日期 寄件日期 傳送日期 送信日時 日付",
    "to": "to an à para|para a per naar aan till til vastaanottaja do кому címzett 收件人 收件者 宛先 cc kopie копия",
    "subject": "subject betreff objet asunto oggetto assunto onderwerp ämne emne aihe temat тема tárgy 主题 主題 主旨 件名",
}
_FIELD_OF = {
    label: field for field, words in _LABELS.items() for word in words.split() for label in word.replace("_", " ").split("|")
}
