"""The same rules in other languages: the phrases that matter most, for text in Latin letters and beyond."""

from tools.mail.steering import Rule, rule

_DROPPING = {
    "de": r"(?:ignorier\w*|vergiss|vergessen sie|missacht\w*|ubergeh\w*|uberschreib\w*)",
    "fr": r"(?:ignor(?:e[rz]?|ons)|oubli(?:e[rz]?|ons)|(?:tiens|tenez) pas compte)",
    "es": r"(?:ignor\w*|olvid\w*|descarta\w*|omit\w*|no tengas en cuenta)",
    "it": r"(?:ignora\w*|dimentica\w*|trascura\w*|non tenere conto)",
    "pt": r"(?:ignor\w*|esquec\w*|desconsider\w*)",
    "nl": r"(?:negeer|vergeet|sla)",
}
_ORDERS = {
    "de": r"(?:anweisung(?:en)?|instruktion(?:en)?|befehle?|vorgaben|aufforderung(?:en)?|systemprompts?|regeln)",
    "fr": r"(?:instructions?|consignes?|directives?|ordres|invites?)",
    "es": r"(?:instruccion(?:es)?|indicacion(?:es)?|ordenes|directrices|prompts?|reglas)",
    "it": r"(?:istruzion[ei]|indicazion[ei]|direttiv[ae]|ordini|comandi|regole)",
    "pt": r"(?:instruc(?:ao|oes)|orientac(?:ao|oes)|ordens|diretrizes|comandos|regras)",
    "nl": r"(?:instructies?|aanwijzing(?:en)?|opdracht(?:en)?|bevelen|richtlijnen|regels)",
}
_EARLIER = {
    "de": r"(?:(?:vorherig|bisherig|fruher|obig|vorig|vorangegang|samtlich|dein|all)\w*)",
    "fr": r"(?:toutes|precedent\w*|anterieur\w*|initial\w*|tes)",
    "es": r"(?:todas?|anterior\w*|previ\w*|tus)",
    "it": r"(?:tutt[ei]|precedent\w*|inizial\w*|tue)",
    "pt": r"(?:todas?|anterior\w*|previ\w*|tuas)",
    "nl": r"(?:alle|eerdere|vorige|voorgaande|bovenstaande|je)",
}
_DROP_ORDERS = tuple(
    rf"\b{drop}(?:…{_EARLIER[tongue]}…{_ORDERS[tongue]}|…{_ORDERS[tongue]}…{_EARLIER[tongue]})\b"
    for tongue, drop in _DROPPING.items()
)
_OVERRIDE = "It tells its reader to drop the instructions it has."
_CONCEAL = "It wants something kept from the people in charge."
_COLLECT = "It asks for the mailbox's content to be sent elsewhere."

LANGUAGES: tuple[Rule, ...] = (
    rule(
        "override_instructions",
        3,
        _OVERRIDE,
        "anweisung anweisungen instruktion instruktionen befehl befehle vorgaben aufforderung aufforderungen "
        "systemprompt systemprompts regeln instruction instructions consigne consignes directive directives ordres "
        "invite invites instruccion instrucciones indicacion indicaciones ordenes directrices prompt prompts reglas "
        "istruzione istruzioni indicazione indicazioni direttiva direttive ordini comandi regole instrucao "
        "instrucoes orientacao orientacoes ordens diretrizes comandos regras instructie instructies aanwijzing "
        "aanwijzingen opdracht opdrachten bevelen richtlijnen regels",
        *_DROP_ORDERS,
    ),
    rule(
        "concealment",
        2,
        _CONCEAL,
        "benutzer nutzer utilisateur usuario utente gebruiker",
        r"\b(?:sag|sage|sagen sie|teile|informiere|erwahne|zeige)…(?:nicht|nichts|kein\w*)…(?:benutzer|nutzer)\w*\b",
        r"\b(?:sag|sage|sagen sie|informiere|erwahne)…(?:benutzer|nutzer)\w*…(?:nicht|nichts)\b",
        r"\bohne…(?:benutzer|nutzer)\w*…(?:informieren|benachrichtigen|fragen|wissen)\b",
        r"\b(?:ne (?:dis|dites|parle|parlez|mentionne|mentionnez|previens|informe|informez)) (?:pas|"
        r"rien)…utilisateur\b",
        r"\bsans (?:en )?(?:informer|prevenir|avertir)…utilisateur\b",
        r"\bno (?:le )?(?:digas|diga|menciones|informes|reveles)…usuario\b",
        r"\bsin (?:informar|avisar|decir)…usuario\b",
        r"\bnon (?:dire|informare|menzionare|rivelare)…utente\b",
        r"\bsenza (?:informare|avvisare|dire)…utente\b",
        r"\bnao (?:diga|informe|mencione|revele|conte)…usuario\b",
        r"\bsem (?:informar|avisar)…usuario\b",
        r"\b(?:vertel|zeg|informeer|noem)…gebruiker…(?:niet|niets)\b",
        r"\bzonder…gebruiker…(?:informeren|weten|vertellen)\b",
    ),
    rule(
        "mass_forward",
        2,
        _COLLECT,
        "alle samtliche tous toutes todos todas tutti tutte & @",
        r"\b(?:leite|leiten sie|sende|senden sie|schicke)…(?:alle|samtliche)…(?:e ?mails?|nachrichten|mails|"
        r"kontakte)\b[^.!?]{0,60}?@",
        r"\b(?:transfere[rz]?|transmet(?:s|tez)|envoie[rz]?|envoyez)…(?:tous|toutes)…(?:e ?mails?|courriels?|"
        r"messages|contacts)\b[^.!?]{0,60}?@",
        r"\b(?:reenvia\w*|envia\w*|encaminh\w*)…(?:todos|todas)…(?:correos?|e ?mails?|mensajes|mensagens|contactos|"
        r"contatos)\b[^.!?]{0,60}?@",
        r"\b(?:inoltra\w*|invia\w*)…(?:tutti|tutte)…(?:e ?mail|messaggi|contatti)\b[^.!?]{0,60}?@",
        r"\b(?:stuur|doorsturen)…alle…(?:e ?mails?|berichten|contacten)\b[^.!?]{0,60}?@",
    ),
    rule(
        "credential_request",
        2,
        "It asks for a password, a key or a code.",
        "passwort kennwort passworter zugangsdaten schlussel passe identifiants contrasena contrasenas clave claves "
        "credenciales password credenziali senha senhas credenciais wachtwoord wachtwoorden inloggegevens",
        r"\b(?:sende|schicke|nenne|verrate|gib|teile)…(?:passwort\w*|kennwort\w*|zugangsdaten|api schlussel)\b",
        r"\b(?:envoie[rz]?|envoyez|donne[rz]?|communique[rz]?|revele[rz]?)…(?:mots? de passe|identifiants)\b",
        r"\b(?:envia\w*|dime|proporciona\w*|revela\w*|comparte)…(?:contrasenas?|claves?|credenciales)\b",
        r"\b(?:invia\w*|rivela\w*|fornisci)…(?:le |la )(?:password|credenziali)\b",
        r"\b(?:envie|revele|forneca|informe)…(?:senhas?|credenciais)\b",
        r"\b(?:stuur|geef|deel|onthul)…(?:wachtwoord(?:en)?|inloggegevens)\b",
        negated=True,
    ),
)

BEYOND_STEMS = frozenset(
    {
        "игнорир",
        "забуд",
        "обращай",
        "пользовател",
        "перешл",
        "отправь",
        "теперь",
        "парол",
        "忽略",
        "无视",
        "無視",
        "忽視",
        "忘记",
        "忘れ",
        "理会",
        "不要遵",
        "用户",
        "用戶",
        "使用者",
        "ユーザー",
        "转发",
        "轉發",
        "发送",
        "轉寄",
        "転送",
        "送信",
        "现在",
        "現在",
        "あなたは今",
        "密码",
        "密碼",
        "パスワード",
        "指示",
        "命令",
    }
)
"""Without any of these no rule of `BEYOND_LATIN` finds anything: not every script has words between spaces."""

BEYOND_LATIN: tuple[Rule, ...] = (
    rule(
        "override_instructions",
        3,
        _OVERRIDE,
        "",
        r"(?:игнорир\w{0,8}|забуд\w{0,4}|не обращай\w{0,3} внимания на)…(?:инструкци\w{0,3}|указани\w{0,3}|"
        r"команд\w{0,3}|правил\w{0,2})",
        r"(?:忽略|无视|無視|忽視|忘记|忘記|不要理会|不要遵[循守])[^。！？\n]{0,16}(?:指令|指示|提示|规则|規則|"
        r"命令|说明)",
        r"(?:指示|命令|プロンプト|ルール|指令)[^。！？\n]{0,8}(?:無視|忘れ)",
        r"(?:以前|これまで|上記|前)の[^。！？\n]{0,10}(?:指示|命令|プロンプト)[^。！？\n]{0,12}(?:無視|忘れ|従わ)",
    ),
    rule(
        "concealment",
        2,
        _CONCEAL,
        "",
        r"(?:не (?:говори|сообщай|рассказывай|упоминай|показывай)\w{0,3}|без ведома)…пользовател\w{0,3}",
        r"(?:不要|别|請勿|请勿|勿)[^。！？\n]{0,8}(?:告诉|告訴|告知|通知|透露)[^。！？\n]{0,8}(?:用户|用戶|使用者)",
        r"ユーザー[^。！？\n]{0,10}(?:言わない|知らせない|伝えない|教えない|気づかれ)",
    ),
    rule(
        "mass_forward",
        2,
        _COLLECT,
        "",
        r"(?:перешли|отправь)\w{0,3}…все…(?:письма|сообщения|контакты)",
        r"(?:转发|轉發|轉寄|发送|發送)[^。！？\n]{0,12}(?:所有|全部)[^。！？\n]{0,8}(?:邮件|郵件|电子邮件|消息|"
        r"联系人)",
        r"(?:所有|全部)[^。！？\n]{0,8}(?:邮件|郵件|电子邮件|消息|联系人)[^。！？\n]{0,8}(?:转发|轉發|轉寄|发送|"
        r"發送)",
        r"(?:すべて|全て|全部)の(?:メール|連絡先|メッセージ)[^。！？\n]{0,40}(?:転送|送信|送って)",
    ),
    rule(
        "persona",
        3,
        "It gives its reader another role.",
        "",
        r"(?:ты теперь|теперь ты)…(?:ассистент|бот|ии|помощник)\w{0,2}",
        r"(?:你现在是|你現在是|从现在起[，,]?你|從現在起[，,]?你)",
        r"あなたは今(?:から|後)?[^。！？\n]{0,20}(?:です|として)",
    ),
    rule(
        "credential_request",
        2,
        "It asks for a password, a key or a code.",
        "",
        r"(?:отправь|пришли|сообщи|назови)\w{0,3}…парол\w{0,3}",
        r"(?:发送|發送|告诉|提供|透露)[^。！？\n]{0,12}(?:密码|密碼)",
        r"パスワードを[^。！？\n]{0,10}(?:送信|送って|教えて)",
        negated=True,
    ),
)
