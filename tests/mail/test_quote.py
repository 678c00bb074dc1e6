"""Quotation told from new text, in the ways and languages of the usual mailers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cost import cheaply
from tools.mail.quote import split_quotation

ATTRIBUTIONS = [
    "On Mon, 5 Feb 2024 at 10:00, Ann Lee <ann@example.com> wrote:",
    "On Feb 5, 2024, at 10:00 AM, Ann Lee <ann@example.com> wrote:",
    "Am Mo., 5. Feb. 2024 um 10:00 Uhr schrieb Ann Lee <ann@example.com>:",
    "Am 05.02.2024 um 10:00 schrieb Ann Lee:",
    "Le lun. 5 févr. 2024 à 10:00, Ann Lee <ann@example.com> a écrit\u00a0:",
    "El lun, 5 feb 2024 a las 10:00, Ann Lee (<ann@example.com>) escribió:",
    "Il giorno lun 5 feb 2024 alle ore 10:00 Ann Lee <ann@example.com> ha scritto:",
    "Em seg., 5 de fev. de 2024 às 10:00, Ann Lee <ann@example.com> escreveu:",
    "Op ma 5 feb 2024 om 10:00 schreef Ann Lee <ann@example.com>:",
    "Den mån 5 feb. 2024 kl 10:00 skrev Ann Lee <ann@example.com>:",
    "man. 5. feb. 2024 kl. 10:00 skrev Ann Lee <ann@example.com>:",
    "pon., 5 lut 2024 o 10:00 Ann Lee <ann@example.com> napisał(a):",
    "W dniu 5.02.2024 o 10:00, Ann Lee pisze:",
    "пн, 5 февр. 2024 г. в 10:00, Ann Lee <ann@example.com>:",
    "5 февраля 2024 г., 10:00, Ann Lee <ann@example.com> написал:",
    "在 2024年2月5日，10:00，Ann Lee <ann@example.com> 写道：",
    "Ann Lee <ann@example.com> 于2024年2月5日周一 10:00写道：",
    "2024年2月5日(月) 10:00 Ann Lee <ann@example.com>:",
    "2024년 2월 5일 (월) 오전 10:00, Ann Lee <ann@example.com>님이 작성:",
    "5 Şub 2024 Pzt, 10:00 tarihinde Ann Lee <ann@example.com> şunu yazdı:",
    "Vào Th 2, 5 thg 2, 2024 vào lúc 10:00 Ann Lee <ann@example.com> đã viết:",
    "Pada Sen, 5 Feb 2024 10:00, Ann Lee <ann@example.com> menulis:",
    "În lun., 5 feb. 2024 la 10:00, Ann Lee <ann@example.com> a scris:",
    "Στις Δευ 5 Φεβ 2024 στις 10:00 ο χρήστης Ann Lee <ann@example.com> έγραψε:",
    "пн, 5 лют. 2024 р. о 10:00 Ann Lee <ann@example.com> пише:",
    "На пн, 5.02.2024 г. в 10:00 Ann Lee <ann@example.com> написа:",
    "\u202bבתאריך יום ב׳, 5 בפבר׳ 2024 ב-10:00 מאת \u202aAnn\u202c\u200f <\u202aann@example.com\u202c\u200f>:\u202c",
    "في الاثنين، 5 فبراير 2024 10:00 ص Ann Lee <ann@example.com> كتب:",
    "เมื่อ จ. 5 ก.พ. 2024 เวลา 10:00 Ann Lee <ann@example.com> เขียนว่า:",
    "po 5. 2. 2024 o 10:00 Ann Lee <ann@example.com> napísal(a):",
    "V pon., 5. feb. 2024 ob 10:00 je oseba Ann Lee <ann@example.com> napisala:",
    'Op 5 feb. 2024 10:00 schreef "Ann Lee" <ann@example.com> het volgende geschreven:',
    "Ann Lee <ann@example.com> wrote:",
    "2024/2/5 Ann Lee <ann@example.com>",
    "Missatge de Ann Lee <ann@example.com> del dia dl., 5 de febr. 2024 a les 10:00:",
]

HEADER_BLOCKS = [
    "From: Ann Lee <ann@example.com>\nSent: Monday, February 5, 2024 10:00 AM\nTo: Bo\nSubject: Plan",
    "**From:** Ann Lee <ann@example.com>\n**Sent:** Monday\n**To:** Bo\n**Subject:** Plan",
    "Von: Ann Lee <ann@example.com>\nGesendet: Montag, 5. Februar 2024 10:00\nAn: Bo\nBetreff: Plan",
    "De : Ann Lee <ann@example.com>\nEnvoyé : lundi 5 février 2024 10:00\nÀ : Bo\nObjet : Plan",
    "De: Ann Lee <ann@example.com>\nEnviado el: lunes, 5 de febrero de 2024\nPara: Bo\nAsunto: Plan",
    "Da: Ann Lee <ann@example.com>\nInviato: lunedì 5 febbraio 2024\nA: Bo\nOggetto: Plan",
    "De: Ann Lee <ann@example.com>\nEnviada em: segunda-feira, 5 de fevereiro\nPara: Bo\nAssunto: Plan",
    "Van: Ann Lee <ann@example.com>\nVerzonden: maandag 5 februari\nAan: Bo\nOnderwerp: Plan",
    "Från: Ann Lee <ann@example.com>\nSkickat: den 5 februari\nTill: Bo\nÄmne: Plan",
    "Fra: Ann Lee <ann@example.com>\nSendt: 5. februar\nTil: Bo\nEmne: Plan",
    "Od: Ann Lee <ann@example.com>\nWysłano: poniedziałek\nDo: Bo\nTemat: Plan",
    "От: Ann Lee <ann@example.com>\nОтправлено: понедельник\nКому: Bo\nТема: Plan",
    "发件人: Ann Lee <ann@example.com>\n发送时间: 2024年2月5日\n收件人: Bo\n主题: Plan",
    "差出人: Ann Lee <ann@example.com>\n送信日時: 2024年2月5日\n宛先: Bo\n件名: Plan",
    "보낸 사람: Ann Lee <ann@example.com>\n보낸 날짜: 2024년 2월 5일\n받는 사람: Bo\n제목: Plan",
    "Kimden: Ann Lee <ann@example.com>\nGönderildi: 5 Şubat\nKime: Bo\nKonu: Plan",
    "Od: Ann Lee <ann@example.com>\nDatum: 5.2.2024\nKomu: Bo\nPředmět: Plan",
    "Від: Ann Lee <ann@example.com>\nНадіслано: понеділок\nКому: Bo\nТема: Plan",
    "Από: Ann Lee <ann@example.com>\nΣτάλθηκε: Δευτέρα\nΠρος: Bo\nΘέμα: Plan",
    "De la: Ann Lee <ann@example.com>\nTrimis: luni\nCătre: Bo\nSubiect: Plan",
]


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
@pytest.mark.parametrize("original", ["> Hi\n>\n> there", "Hi\n\nthere"])
def test_an_attribution_begins_the_quotation(attribution: str, original: str) -> None:
    new, quoted = split_quotation(f"Yes.\n\n{attribution}\n\n{original}\n")
    assert new == "Yes."
    assert quoted == f"{attribution}\n\n{original}"


@pytest.mark.parametrize("attribution", ATTRIBUTIONS[:8])
def test_an_attribution_may_be_wrapped(attribution: str) -> None:
    words = attribution.split(" ")
    for place in range(2, len(words)):
        wrapped = " ".join(words[:place]) + "\n" + " ".join(words[place:])
        assert split_quotation(f"Yes.\n{wrapped}\n> Hi")[0] == "Yes.", wrapped


@pytest.mark.parametrize(
    "line",
    ["Ann Lee wrote on 5/2/2024:", "Quoting Ann Lee <ann@example.com>:", "In message <a@example.com>, Ann writes:"],
)
def test_above_marked_lines_less_is_asked_of_an_attribution(line: str) -> None:
    assert split_quotation(f"Yes.\n\n{line}\n\n> Hi") == ("Yes.", f"{line}\n\n> Hi")
    assert split_quotation(f"Yes.\n\n{line}\n\nHi")[1] == "", "it may be text"


def test_an_attribution_right_below_a_text_that_names_an_address_takes_none_of_it() -> None:
    text = "The idea of @ann might be it, ask bo@example.com.\nI will let you know."
    attribution = 'Op 5 feb. 2024 10:00 schreef "Ann" <ann@example.com> het\nvolgende geschreven:'
    assert split_quotation(f"{text}\n{attribution}\n\n> Hi") == (text, f"{attribution}\n\n> Hi")


@pytest.mark.parametrize("block", HEADER_BLOCKS)
def test_a_header_block_begins_the_quotation(block: str) -> None:
    new, quoted = split_quotation(f"Yes.\n\n________________________________\n{block}\n\nHi")
    assert new == "Yes."
    assert quoted.startswith("____") and quoted.endswith("Hi")


@pytest.mark.parametrize(
    "separator",
    [
        "-----Original Message-----",
        "*-------- Original Message --------*",
        "----- Ursprüngliche Nachricht -----",
        "-------- Message d'origine --------",
    ],
)
def test_a_separator_begins_the_quotation(separator: str) -> None:
    assert split_quotation(f"Yes.\n\n{separator}\nHi") == ("Yes.", f"{separator}\nHi")


def test_answers_between_quoted_lines_are_new() -> None:
    text = "On 2024-02-05 10:00, Ann <ann@example.com> wrote:\n> one?\n\nYes.\n\n> two?\n\nNo.\n\n-- \nBo"
    new, quoted = split_quotation(text)
    assert new == "Yes.\n\nNo.\n\n-- \nBo"
    assert quoted == "On 2024-02-05 10:00, Ann <ann@example.com> wrote:\n> one?\n\n> two?"


@pytest.mark.parametrize(
    "text",
    [
        "On Monday I wrote: please check.\nThanks",
        "Ann <ann@example.com> wrote: please check.\nDo you agree?",
        "2024/2/5 Ann Lee\nbrings the keys",
        "I met him on 3 May 2024 and he wrote:\na poem",
        "From: Berlin\nTo: Paris\nDate: 5 May 2024\n\nPlease book it.",
        "The call is at 10:00 with bo@example.com:\n- budget\n- people",
        "On 3 May 2024 the contract ends:\nplease renew",
        "Look at this.\n\n---------- Forwarded message ---------\nFrom: Ann <ann@example.com>\nDate: today\n"
        "Subject: Plan\nTo: Bo\n\nHi",
        "> all of it\n> is quoted",
        "Hi,\n\nOn Monday at 10:00 the team wrote:\n\nthree points that I add to",
        "At 9:30 he writes:\nall of it is here",
    ],
)
def test_what_is_no_reply_stays_whole(text: str) -> None:
    assert split_quotation(text) == (text, "")


def test_a_verb_ends_an_attribution_however_long_its_line_is() -> None:
    attribution = f"On 3 Feb 2014 {'Annabel ' * 20}<ann@example.com> va escriure {'_' * 9}"
    assert split_quotation(f"Yes.\n\n{attribution}\n\nThe original.") == ("Yes.", f"{attribution}\n\nThe original.")


@pytest.mark.parametrize("sign", ["", ">", ":"])
def test_only_blank_lines_go_from_the_ends(sign: str) -> None:
    text = f"  Dear Ann{sign}\n \n  thank you  "
    assert split_quotation(f"\n \t\n{text}\n\x0b\n\n") == (text, "")


def test_blank_text_has_neither() -> None:
    assert split_quotation("\n \n") == ("", "")


line = st.one_of(
    st.sampled_from(
        ["", "> quoted", "On 2024-01-01 10:00 ann@example.com wrote:", "-----Original Message-----", "---"]
    ),
    st.sampled_from(["From: ann@example.com", "Sent: today", "To: bo", "Subject: x", "begin forwarded message:", ">:"]),
    st.text(alphabet=st.characters(exclude_characters="\n"), max_size=20),
)


@given(st.lists(line, max_size=30))
def test_no_line_is_lost_or_made_up(lines: list[str]) -> None:
    new, quoted = split_quotation("\n".join(lines))
    kept = [line for line in (new + "\n" + quoted).split("\n") if line.strip()]
    assert sorted(kept) == sorted(line for line in lines if line.strip())


@pytest.mark.parametrize(
    "unit",
    [
        "On 2024 ann@example.com wrote:\n",
        "On " + "a " * 5_000 + "\n",
        "On 2024 @ " + "wrote" * 60 + "\n",
        "From: x\nTo: y\n",
        "> " * 10_000,
        "-" * 300 + "\n",
    ],
)
def test_a_mebibyte_of_traps_takes_linear_time(unit: str) -> None:
    text = unit * (1024 * 1024 // len(unit))
    cheaply(lambda: split_quotation(text), 2)
