"""What text says that wants to steer the assistant that reads it: the rules, each with the words that betray it."""

from tools.mail.steering import Rule, rule

_DROP = r"\b(?:ignor(?:e|ing)|disregard(?:ing)?|forget|overrid(?:e|ing)|bypass(?:ing)?|erase|neglect)"
_ORDERS = (
    r"(?:instructions?|prompts?|guidelines?|directives?|programming|guardrails?|safeguards?|system rules)(?![^\W_])"
)
_OLD = (
    r"(?:previous|prior|above|earlier|preceding|existing|initial|original|former|system|all|any|your|safety|old|"
    r"other)"
)
_WHO = r"(?:ai|llm|large language model|language model|chat ?bot|chatgpt|gpt|copilot|claude|gemini)"
_SELF = r"(?:users?|owner|operator|overseer|supervisor|human|principal|mailbox owner|account holder)"
_CREDENTIAL = (
    r"(?:passwords?|passcodes?|passphrases?|api keys?|access tokens?|secret keys?|private keys?|credentials?|seed "
    r"phrase|(?:verification|one time|two factor|2fa|mfa|login|security) (?:codes?|passwords?)|otps?|environment "
    r"variables|session cookies?|recovery codes?)\b"
)
_ANSWER = r"your (?:\w+ )?(?:response|answer|reply|replies|output|summary|message)s?\b"
_PIECE = (
    r"(?:a|an|the|some|one|any|this|that) (?:\w+ ){0,3}?(?:sentence|phrase|words?|link|statement|paragraph|headline|"
    r"tip|reminder|recommendation|suggestion|plea|reason|comment|appeal|advertisement|promotion|mention|reference|"
    r"hint|announcement|statistics?|facts?|claim|quote|rumou?r|offer)"
)
_CHANGE = (
    r"\b(?:modify|rewrite|augment|enhance|adjust|alter|integrate|append|embed|weave|insert|inject|incorporate|tweak)"
)
_SPELLING = (
    r"(?:letters?|vowels?|consonants?|characters?|spaces?|spacing|symbols?|typos?|misspell(?:ed|ings?)?|words?|"
    r"numbers?|anagram\w*|cipher|encod\w+|emojis?|punctuation|alphanumeric\w*|homophon\w*|base\w\w|morse|binary|"
    r"reverse\w*|backwards?)\b"
)
_PLEASE = r"^(?:please )?(?:(?:can|could|would|will) you )?(?:please )?"
_OUTSIDE = r"(?:[^\s@]{1,64}+@\S|https?:|this (?:address|url|link)|the following (?:address|url|link))"
_MAILBOX = (
    r"(?:inbox|mailbox|(?:contact|customer|client|member|subscriber|employee) (?:list|data|database|records)|address "
    r"book|conversation history|chat history|message history|mail history|(?:all|every|each|any)(?: of)?(?: (?:the|"
    r"my|your|his|her|their|user s|recent|other|previous))? (?:\w+ )?(?:e ?mails?|mails?|messages?|contacts|"
    r"conversations?|threads?|attachments?))\b"
)

_ORDERED = (
    "ignore ignoring disregard disregarding forget override overriding bypass bypassing erase neglect not don stop "
    "never longer new your these following my this & instruction instructions prompt prompts guideline guidelines "
    "directive directives objective orders programming guardrail guardrails safeguard safeguards rule rules message "
    "told said above before previously learned instructed know"
)
_ANSWERED = (
    "response responses answer answers reply replies output summary summaries message vowel vowels consonant "
    "consonants letter letters & modify rewrite augment enhance adjust alter integrate append embed weave insert "
    "inject incorporate tweak include add put place attach replace convert substitute swap exchange in write provide "
    "give render format deliver present phrase encode encrypt reverse translate remove group scramble shuffle jumble "
    "misspell introduce use combine express spell anagram rearrange shift invert flip apply mention reply respond"
)
_ERRANDS = (
    "write compose draft generate create provide develop tell translate explain describe summarize summarise break "
    "outline show give what how & story poem essay speech haiku limerick song joke function script program query "
    "letter following word phrase sentence text theory process lifecycle cycle plot concept functions causes "
    "photosynthesis works work findings advancements example equivalent capital differences difference "
    "english french german spanish italian japanese chinese russian solve say"
)

ENGLISH: tuple[Rule, ...] = (
    rule(
        "override_instructions",
        3,
        "It tells its reader to drop the instructions it has.",
        _ORDERED,
        rf"{_DROP}…{_OLD}…{_ORDERS}",
        rf"{_DROP} {_OLD} (?:\w+ )?{_ORDERS}",
        rf"{_DROP} (?:everything|all|anything|what|whatever) (?:(?:that|which|you|i|was|were|has|have|been|written) "
        rf"){{0,5}}(?:told|said|stated|above|before|previously|learned|instructed|know)\b",
        rf"\b(?:do not|don t|stop|never|no longer) (?:follow|obey|comply with|adhere to)(?:ing)? (?:the |your |any |"
        rf"all ){_OLD} (?:\w+ )?{_ORDERS}",
        r"\bnew (?:system |core |primary )?(?:instructions?|directives?|prompt) ?:",
        r"\byour new (?:instructions?|directives?|objective|orders) (?:is|are)\b",
        r"\b(?:strictly )?(?:adhere|comply|stick) (?:to|with) the following instructions?\b",
        r"\b(?:these|the following|my|this|new) (?:instructions?|rules?|message|prompt|directives?) "
        r"(?:now )?(?:overrides?|supersedes?|replaces?|takes? (?:precedence|priority) over)\b",
    ),
    rule(
        "role_marker",
        3,
        "It imitates the marks that set a model's own instructions apart.",
        "im_start im_end system user assistant inst sys instructions information important developer endoftext "
        "begin_of_text eot_id start_header_id end_header_id",
        r"<\|(?:im_|system|user|assistant|endof|begin_of|eot_|start_header|end_header)",
        r"\[/?inst\]",
        r"<</?sys>>",
        r"</?(?:system|system[_-]\w{1,20}|assistant|developer|instructions|information|important)>",
        r"\[(?:system|assistant|developer)(?: \w+){0,2}\]",
        r"{{#?(?:system|assistant|user|instructions?)\b",
    ),
    rule(
        "role_marker",
        2,
        "A line begins as if the system or the assistant spoke.",
        "system assistant developer human",
        r"^[^\w\n]{0,6}(?:system|assistant|developer)(?: ?(?:prompt|message|instructions?|override|notice|update|"
        r"note|command|alert))?[^\w\n]{0,3}:[^\n]{0,80}\b(?:you|your|ignore|disregard|must|assistant|user|sure|"
        r"forward|send)\b",
        r"^[^\w\n]{0,6}system (?:prompt|override|instructions?|command)s?\b[^\n]{0,3}(?::|\n|$)",
        r"^human:[^\n]{0,500}\n{1,4}assistant:",
    ),
    rule(
        "persona",
        3,
        "It gives its reader another role.",
        "dan ai llm gpt chatgpt model assistant hacker mode unrestricted jailbroken bound free administrator chatbot "
        "copilot claude gemini & now act pretend enter enable activate switch go",
        rf"\byou are now (?:in )?(?:(?:developer|debug|admin|god|maintenance|unrestricted) mode|dan\b|(?:an? |the )?"
        rf"(?:\w+ ){{0,3}}?(?:{_WHO}|assistant|unrestricted|jailbroken|hacker)\b|free from|no longer bound)",
        rf"\b(?:act as|pretend (?:to be|you are|that you are)) (?:if you (?:are|were) )?(?:an? |my |the )?(?:\w+ "
        rf"){{0,3}}?(?:{_WHO}|assistant|dan|hacker|system administrator|root)\b",
        r"\b(?:enter|enable|activate|switch to|go into) (?:\w+ )?(?:developer|debug|god|admin|maintenance|"
        r"unrestricted|jailbreak) mode\b",
    ),
    rule(
        "persona",
        3,
        "It gives its reader another role.",
        "now & must shall are will",
        r"from now on you (?:must|are (?:to|an?)|shall|will (?:act|respond|answer|behave|obey|follow|only|always))\b",
    ),
    rule(
        "addressed_to_model",
        2,
        "It speaks to the program that reads mail, not to a person.",
        "ai llm language chat chatbot chatgpt gpt claude gemini copilot assistant automated llama mistral user & you "
        "note message attention instruction instructions memo notice directive important reminder dear hello hi hey "
        "reading processing summarizing summarising handling please forward send reply delete do",
        rf"\b(?:if|when|while|since) (?:you are|you re|this is (?:being )?(?:read|processed|summari[sz]ed) by) "
        rf"(?:an? |the )?(?:\w+ )?(?:{_WHO}|assistant|automated (?:agent|system|assistant))\b",
        rf"\b(?:attention|note|message|instructions?|memo|notice|directive|important|reminder) (?:(?:for|to) )?"
        rf"(?:an? |the |any |all |every )?(?:{_WHO}|automated) (?:assistants?|agents?|models?|systems?|readers?|"
        rf"bots?)\b",
        rf"\b(?:dear|hello|hi|hey) (?:{_WHO} (?:assistant|agent|model)|ai\b|llm\b|chatgpt|copilot|(?:email|virtual|"
        rf"digital) assistant)",
        r"\bto you (?:claude|gpt|chatgpt|gemini|copilot|llama|mistral|assistant|ai (?:language )?(?:model|"
        r"assistant))\b",
        rf"\b(?:as (?:an? |the |your )?(?:\w+ )?(?:{_WHO}|ai) (?:assistant|agent|model)) (?:\w+ ){{0,2}}?(?:you|"
        rf"your|please)\b",
        r"^(?:assistant|ai|copilot|chatbot|chatgpt),[^\n]{0,40}?\b(?:please|you|forward|send|reply|delete|do)\b",
        r"\bthe user (?:wants|asked|has asked|would like|needs|instructed|authori[sz]ed|has authori[sz]ed) you to\b",
        r"\b(?:ai|llm|automated) (?:assistants?|agents?|models?|readers?) (?:reading|processing|summari[sz]ing|"
        r"handling) this\b",
    ),
    rule(
        "task_detour",
        3,
        "It puts a task of its own before the reader's.",
        "task request question email mail message thread document instructions user & before solve complete finish "
        "after once instead end when while & you new instead summarizing summarising processing analyzing analysing "
        "translating classifying triaging",
        r"\bbefore you (?:can )?(?:solve|complete|answer|finish|continue|proceed|respond|summari[sz]e)…(?:task|"
        r"request|question|email)\b…(?:do|must|need|first|please|follow)",
        r"\b(?:solve|complete|finish) the (?:original |initial |user )?task (?:that )?(?:i|the user) gave you\b",
        r"\b(?:after|once) (?:that|this|you (?:have )?(?:do|done|did|complete[d]?|finish(?:ed)?)[^.!?]{0,30}?) you "
        r"can (?:solve|continue|proceed|go on|return)…(?:original|initial|user|previous) (?:task|request|question)\b",
        r"\bend of (?:the )?(?:e ?mail|document|context|user input|input)\b[^\n]{0,40}?\bnew (?:task|instructions?|"
        r"request)\b",
        r"\b(?:when|while|before|after) (?:you are )?(?:summari[sz]ing|processing|analy[sz]ing|translating|"
        r"classifying|triaging) (?:this|the) (?:e ?mail|message|mail|thread|document) (?:please )?(?:also "
        r")?(?:state|say|include|mention|add|write|always|you must|make sure|do not|don t|omit|recommend|forward|"
        r"send|reply)\b",
        r"\binstead of (?:answering|summari[sz]ing|replying|responding|completing|doing)…(?:task|email|message|"
        r"request|question|user)\b",
    ),
    rule(
        "concealment",
        2,
        "It wants something kept from the people in charge.",
        "tell telling inform informing mention mentioning notify notifying alert alerting reveal revealing disclose "
        "disclosing show showing acknowledge quote repeat summarize hide conceal keep without & user users owner "
        "operator overseer supervisor human principal holder instruction instructions prompt note part paragraph "
        "section hidden",
        rf"\b(?:do not|don t|never|without|avoid) (?:ever )?(?:tell|inform|mention|notify|alert|reveal|disclose|"
        rf"show)(?:ing)?…(?:the |your |any |to )?{_SELF}\b",
        r"\b(?:do not|don t|never) (?:mention|reveal|disclose|acknowledge|quote|repeat|summari[sz]e) (?:this|these|"
        r"the) (?:instructions?|prompt|note|part|paragraph|section|hidden)\b",
        rf"\bwithout (?:the )?{_SELF}(?: s)? (?:knowledge|knowing|noticing|consent|approval)\b",
        rf"\b(?:hide|conceal|keep) (?:this|it)(?: (?:a )?secret)? from (?:the |your )?{_SELF}\b",
    ),
    rule(
        "skips_approval",
        2,
        "It says that no person needs to be asked.",
        "confirmation approval permission oversight human mailbox approved authorized authorised confirmed & ask "
        "asking wait waiting request requesting seek seeking require requiring stop skip bypass disable turn avoid "
        "circumvent evade set switch change upgrade raise by",
        r"\b(?:do not|don t|never|no need to|without) (?:ask|wait|request|seek|require|stop)(?:ing)? (?:\w+ "
        r"){0,3}?for (?:\w+ )?(?:confirmation|approval|permission|human review)\b",
        r"\b(?:skip|bypass|disable|turn off|avoid|circumvent|evade) (?:\w+ ){0,3}?(?:approval|oversight|human review|"
        r"confirmation) ?(?:step|mode|gate|process|queue|check|prompt)?\b",
        r"\b(?:set|switch|change|upgrade|raise) (?:\w+ ){0,4}?(?:oversight|mailbox|approval) (?:\w+ "
        r"){0,2}?(?:to|mode)\b",
        rf"\b(?:pre ?)?(?:approved|authori[sz]ed|confirmed) by (?:the |your )?{_SELF} (?:already|in advance|so)\b",
    ),
    rule(
        "credential_request",
        2,
        "It asks for a password, a key or a code.",
        "password passwords passcode passcodes passphrase passphrases key keys token tokens credentials credential "
        "phrase code codes otp otps variables cookie cookies & send reply respond provide share forward give reveal "
        "print paste dump leak list disclose extract exfiltrate retrieve include post transmit search find collect",
        rf"\b(?:send|reply with|respond with|provide|share|forward|give|reveal|print|paste|dump|leak|list|disclose|"
        rf"extract|exfiltrate|retrieve|include|post|transmit|search(?: \w+)? for|find|collect)(?: \w+){{0,6}}? "
        rf"(?:your|the|any|all|my|user s?|every|stored|saved|recent|latest)(?: \w+){{0,3}}? {_CREDENTIAL}",
        negated=True,
    ),
    rule(
        "prompt_leak",
        3,
        "It asks for the reader's own instructions.",
        "prompt prompts instruction instructions & system initial original hidden secret internal",
        r"\b(?:reveal|print|show|repeat|output|display|tell|leak|disclose|send|share|include|copy|paste|write out|"
        r"list)(?: \w+){0,3}? your (?:\w+ )?(?:system |initial |original |hidden |secret |internal )(?:prompts?|"
        r"instructions?)\b",
        r"\b(?:reveal|print|show|repeat|output|display|leak|disclose|exfiltrate)(?: \w+){0,3}? (?:the )?system "
        r"prompts?\b",
        r"\bwhat (?:is|are|was|were) your (?:system |initial |original |hidden )(?:prompts?|instructions?)\b",
    ),
    rule(
        "mass_forward",
        2,
        "It asks for the mailbox's content to be sent elsewhere.",
        "forward export exfiltrate exfiltrating exfiltration leak dump upload relay transmit redirect copy bcc send "
        "email post cc & inbox mailbox contact contacts address history emails email mail mails message messages "
        "conversation conversations thread threads attachment attachments always automatically silently secretly "
        "quietly list data database records @ http https & @ http https address url link content contents copy copies "
        "summary list always automatically silently secretly quietly exfiltrate exfiltrating exfiltration",
        rf"\b(?:forward|export|exfiltrate|leak|dump|upload|relay|transmit|redirect|copy|bcc)(?: "
        rf"\w+){{0,5}}? {_MAILBOX}[^.!?]{{0,60}}?\bto\b[^.!?]{{0,40}}?{_OUTSIDE}",
        rf"\b(?:send|email|post)(?: \w+){{0,3}}? (?:the )?(?:contents? of |copy of |copies of |summary of |list of "
        rf")(?:\w+ ){{0,3}}?{_MAILBOX}[^.!?]{{0,60}}?\bto\b",
        r"\b(?:always|automatically|silently|secretly|quietly) (?:bcc|cc|forward|copy|send)\b",
        r"\bexfiltrat(?:e|ing|ion)\b[^.!?]{0,80}?(?:@|https?:)",
    ),
    rule(
        "planted_errand",
        1,
        "It asks for a mail to somebody else with a given text.",
        "send write compose forward & @",
        r"\b(?:send|write|compose) (?:an? |another |the following )?(?:e ?mail|message|mail) to "
        r"[^\s@]{1,64}+@[^\n]{1,80}?\b(?:with|saying|containing|that says|and (?:include|say|tell|ask))\b",
        r"\b(?:send|forward) (?:\w+ ){1,6}?to [^\s@]{1,64}+@\S{1,80}+ (?:immediately|now|right away|at once|then|"
        r"and)\b",
    ),
    rule(
        "tool_call",
        3,
        "It imitates a call of a tool.",
        "name tool function action tool_name function_name recipient_name & arguments args parameters params input "
        "kwargs",
        r"[\"'](?:tool_name|tool|function|function_name|name|recipient_name|action)[\"'] ?: ?[\"'](?:\w{1,30}[._-])?"
        r"(?:send|forward|delete|reply|read|create|update|transfer|search|execute|run|apply|request|list|get)",
    ),
    rule(
        "tool_call",
        3,
        "It imitates a call of a tool.",
        "tool_call tool_calls function_call function_calls tool_use invoke",
        r"</?(?:\w{1,20}:)?(?:function_calls?|tool_calls?|tool_use|invoke)[\s>]",
    ),
    rule(
        "tool_call",
        3,
        "It names a tool to be called.",
        "tool function api command send_email forward_email delete_email send_emails delete_emails send_message "
        "delete_messages read_email read_emails send_mail reply_email create_webhook apply_upgrade & call invoke use "
        "run execute trigger calling invoking using",
        r"\b(?:call|invok|us|run|execut|trigger)(?:e|ing)? (?:the |your |a )?[`'\"]?"
        r"(?:\w{1,30}_\w{1,30}|\w{1,30}email) ?[`'\"]? (?:tool|function)\b",
        r"\b(?:call|invok|us|execut|trigger)(?:e|ing)? (?:the |your )?[`'\"]?"
        r"(?:send|forward|delete|reply|read|create|apply|update)_\w{2,30}\b",
        r"\b(?:send|forward|delete|reply_to|read)_(?:e?mails?|messages?)\(",
    ),
    rule(
        "destructive_request",
        2,
        "It asks for mail or records to be destroyed.",
        "delete erase wipe purge destroy trash & all every each entire whole",
        r"\b(?:delete|erase|wipe|purge|destroy|trash)(?: \w+){0,2}? (?:all|every|each|the entire|the whole)(?: "
        r"(?!cop)\w+){0,3}? (?:e ?mails?|mails?|messages?|files|inbox|mailbox|contacts|records|backups?|events|"
        r"threads?|folders?)\b(?! (?:copies|from (?:your|any) (?:system|computer|device)))",
        negated=True,
    ),
    rule(
        "answer_steering",
        2,
        "It says what its reader's answer shall hold, or in what form it shall be.",
        _ANSWERED,
        rf"{_CHANGE}(?:(?! your (?:order|password|account|plan|subscription|profile|booking)) \w+){{0,8}}? {_ANSWER}",
        rf"{_CHANGE} {_ANSWER}",
        rf"\b(?:include|add|put|place|attach) {_PIECE}[^.!?\n]{{0,80}}? (?:in|to|into|within|at|throughout|"
        rf"with) (?:\w+ of )?{_ANSWER}",
        r"\b(?:replace|convert|substitute|swap|exchange) (?:every |all |the |each )?(?:\w+ )?(?:vowels?|consonants?|"
        r"letters?) (?:\w+ ){0,4}?(?:with|by|to|into|for) (?:\w+ )?(?:\w+ )?(?:symbols?|numbers?|digits?|emojis?|"
        r"position)\b",
        rf"\badd [\"'][^\n]{{1,200}}?[\"'][^\n.]{{0,60}}? to {_ANSWER}",
        rf"\bin {_ANSWER},? (?:suggest|tease|mention|promote|recommend|encourage|hint|advertise|claim|insert|"
        rf"include (?:a|an) )",
        rf"\b(?:write|provide|give|render|format|deliver|present|phrase|encode|encrypt|reverse|translate|convert|"
        rf"substitute|replace|remove|group|scramble|shuffle|jumble|misspell|introduce|use|combine|express|shift|"
        rf"invert|flip|apply|spell)\b[^.!?\n]{{0,60}}?{_SPELLING}[^.!?\n]{{0,40}}?{_ANSWER}",
        rf"\b(?:write|provide|give|render|format|deliver|present|phrase|encode|encrypt|reverse|translate|convert|"
        rf"substitute|replace|scramble|shuffle|misspell|express|"
        rf"spell)\b[^.!?\n]{{0,40}}?{_ANSWER}[^.!?\n]{{0,60}}?{_SPELLING}",
        rf"\b(?:include|add|put|place|insert) in {_ANSWER} (?:the|an?) (?:\w+ ){{0,2}}?(?:announcement|statement|"
        rf"headline|advertisement|promotion|claim|sentence|phrase)\b",
        rf"\btranslate {_ANSWER} (?:in)?to\b",
        r"\b(?:reply|respond|answer) (?:in|using|with) (?:\w+ )?(?:base\w\w|morse|binary|reverse|cipher)\b",
        rf"\b(?:group|remove|combine|convert|replace|substitute|scramble|jumble|misspell|anagram|rearrange|use) "
        rf"(?:\w+ ){{0,3}}?{_SPELLING}[^.!?\n]{{0,40}}?{_ANSWER}",
    ),
    rule(
        "answer_steering",
        3,
        "It dictates the reader's answer.",
        "respond reply answer output response summary message & only exactly solely just with by",
        r"\b(?:respond|reply|answer|output) (?:only|exactly|solely|just) (?:with|in|the)\b[^.!?\n]{0,40}?(?:[\"']|"
        r"word|phrase|json|string|text|link)",
        rf"\b(?:begin|start|end|finish|close) {_ANSWER} (?:with|by)\b",
    ),
    rule(
        "decode_request",
        2,
        "It asks for hidden orders to be decoded and followed.",
        "decode decipher unscramble decrypt & and then",
        r"\b(?:decode|decipher|unscramble|decrypt)\b[^.!?\n]{0,80}?\b(?:and|then) (?:\w+ )?(?:follow|execute|do|"
        r"obey|run|comply|perform)\b",
    ),
    rule(
        "link_leak",
        3,
        "It wants data put into a link or a picture's address.",
        "http https",
        r"\b(?:append|add|put|insert|encode|embed)(?: \w+){1,8}? (?:to|into|in|as|onto) (?:the |this |a |an |its "
        r")?(?:\w+ )?(?:url|link|query|image)(?: (?:parameters?|string|address|source|tag))?(?: (?:of|"
        r"at))?[^.!?\w\n]{1,4}https?:",
        r"!\[[^\]\n]{0,80}\]\(https?://[^\s)]{1,300}[?&/=](?:\{|%7b|\[|<|\$)[a-z_]",
    ),
    rule(
        "false_authority",
        2,
        "It claims to speak for those who made or run the reader.",
        "openai anthropic google your & message notice instruction instructions order directive update announcement "
        "command am m this we & openai anthropic deepmind developer developers creator creators operator "
        "administrator maker makers principal",
        r"\b(?:message|notice|instructions?|order|directive|update|announcement|command) from (?:openai|anthropic|"
        r"google deepmind|your (?:developers?|creators?|operator|system administrator|makers?|principal))\b",
        r"\b(?:i am|i m|this is|we are) your (?:developers?|creators?|operator|makers?|system administrator|"
        r"principal)\b",
    ),
    rule(
        "errand_for_assistant",
        2,
        "It sets a task as one sets it to an assistant, not to a correspondent.",
        "script command recipe sentiment mood tone trend trends insights book movie film podcast & write create "
        "generate provide give show share determine classify analyze analyse identify detect rate help recommend "
        "suggest",
        rf"{_PLEASE}(?:write|create|generate|provide|give me|show me|share) an? (?:\w+ ){{0,2}}?(?:script|command|"
        rf"recipe) (?:to|for|that|which)\b",
        rf"{_PLEASE}(?:help me with|give me|find me) a recipe\b",
        rf"{_PLEASE}(?:determine|classify|analy[sz]e|identify|detect|rate) the (?:\w+ )?(?:sentiment|mood|tone|"
        rf"trends?) (?:of|in)\b",
        rf"{_PLEASE}provide (?:\w+ )?insights? (?:in)?to\b",
        rf"{_PLEASE}(?:recommend|suggest) (?:me )?(?:an?|some) (?:\w+ ){{0,2}}?(?:books?|movies?|films?|podcasts?|"
        rf"recipes?)\b",
    ),
    rule(
        "errand_for_assistant",
        2,
        "It sets a task as one sets it to an assistant, not to a correspondent.",
        _ERRANDS,
        r"^(?:please )?(?:write|compose|draft|generate|create|provide|develop|tell)(?: me)? (?:a|an|the) (?:\w+ "
        r"){0,3}?(?:story|poem|essay|speech|haiku|limerick|song|joke|(?:python|javascript|sql) (?:\w+ )?(?:function|"
        r"script|program|query)|introduction (?:for|to) an? essay|letter to a)\b",
        r"^(?:please )?translate the (?:following|word|phrase|sentence|text)\b",
        r"^(?:please )?(?:explain|describe|summari[sz]e|break down|outline) (?:the|how) (?:\w+ ){0,3}?(?:theory|"
        r"process|life ?cycle|plot|concept|main functions|primary functions|causes|photosynthesis|works?|findings|"
        r"advancements?)\b",
        r"^(?:can you show me|provide|give me|show me) (?:a|an|the) (?:\w+ ){0,3}?(?:function|example of how|"
        r"equivalent)\b",
        r"^what (?:is|are|s|were) (?:the )?(?:capital of|main causes of|primary (?:functions|differences)|"
        r"differences? between|[\"'][^\"'\n]{1,40}[\"'] in (?:english|french|german|spanish|italian|japanese|chinese|"
        r"russian)\b)",
        r"^how (?:do|can|would) (?:i|you|we) (?:solve|say [\"'])",
    ),
)
