"""Where settings come from, which of them win, and that a mistyped one is never passed over."""

import errno
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from server.carriers import names_of
from server.opening import opened
from server.secret import load_secret
from server.settings import MASK, Settings, SettingsError


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("GATEPOST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))


def test_flags_then_variables_then_file_then_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gatepost.toml").write_text("http_port = 1\nsmtp_port = 1\nrelay_port = 1\n", encoding="utf-8")
    monkeypatch.setenv("GATEPOST_HTTP_PORT", "2")
    monkeypatch.setenv("GATEPOST_SMTP_PORT", "2")
    settings = Settings.load(data=tmp_path, http_port=3, smtp_port=None)
    assert (settings.http_port, settings.smtp_port, settings.relay_port, settings.direct_port) == (3, 2, 1, 25)


def test_the_file_is_the_one_named_or_the_one_in_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "share" / "gatepost"
    folder.mkdir(parents=True)
    for path, port in ((folder / "gatepost.toml", 11), (tmp_path / "one.toml", 12), (tmp_path / "two.toml", 13)):
        path.write_text(f"http_port = {port}\n", encoding="utf-8")
    assert Settings.load().http_port == 11
    monkeypatch.setenv("GATEPOST_CONFIG", str(tmp_path / "one.toml"))
    assert Settings.load().http_port == 12
    assert Settings.load(tmp_path / "two.toml").http_port == 13


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no settings file"):
        Settings.load(tmp_path / "missing.toml")


@pytest.mark.parametrize(
    ("variable", "nearest"),
    [
        ("GATEPOST_SMPT_PORT", "GATEPOST_SMTP_PORT"),
        ("GATEPOST_BASEURL", "GATEPOST_BASE_URL"),
        ("GATEPOST_KEYS", "GATEPOST_KEY"),
    ],
)
def test_an_unknown_variable_is_refused_with_the_nearest(
    variable: str, nearest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "1")
    with pytest.raises(SettingsError, match=f"{variable} .*{nearest}"):
        Settings.load(data=tmp_path)


@pytest.mark.parametrize("variable", ["GATEPOST_TEST_POSTGRES", "GATEPOST_CORPORA", "GATEPOST_URL", "GATEPOST_KEY"])
def test_variables_that_are_no_settings_are_left_alone(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "anything")
    assert Settings.load(data=tmp_path).route == "capture"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("htp_port = 1", "htp_port is not a setting; the nearest is http_port"),
        ("[http]\nport = 1", "http is not a setting"),
        ("http_port = ", "gatepost.toml"),
        ('http_port = "many"', "http_port"),
        ("http_port = 65536", "http_port"),
        ('base_url = "mail.example.com"', "https://mail.example.com"),
        ('base_url = "https://example.com/mail"', "https://mail.example.com"),
        ('base_url = "https://me:hunter2@example.com"', "https://mail.example.com"),
        ('hostname = "mail example"', "hostname"),
        ('relay_host = "smtp://mail.example.com"', "relay_host"),
        ('[web]\nproxies = ["10.0.0.0/8", "ten"]', "The setting web.proxies.1 cannot be used"),
        ('database_url = "mysql://db.example.com/x"', "postgresql://"),
        ('route = "pigeon"', "capture"),
        ('route = "relay"', "relay_host"),
        ('relay_user = "me"', "relay_password"),
        ('submission_plain = true\nsubmission_host = "127.0.0.1,::"', "submission_plain is for"),
        ('tls_cert = "cert.pem"', "tls_key"),
        ("approval_hours = 0", "approval_hours"),
        ('hostname = "mail example"', "This server's name in the SMTP banner"),
        ('hostname = "mail.example.com:25"', "a port has a setting of its own"),
        ('relay_host = "smtp.example.com:587"', "a port has a setting of its own"),
        ('resolver = "127.0.0.1"', "such as 127.0.0.1:53 or [::1]:53"),
        ('resolver = "localhost:53"', "such as 127.0.0.1:53 or [::1]:53"),
        ('resolver = "999.1.1.1:53"', "such as 127.0.0.1:53 or [::1]:53"),
        ('resolver = "127.0.0.1:99999"', "such as 127.0.0.1:53 or [::1]:53"),
        ('resolver = "127.0.0.1:0"', "such as 127.0.0.1:53 or [::1]:53"),
        ('base_url = "https://mail.example.com:99999"', "https://mail.example.com"),
        ('base_url = "https://[mail]"', "https://mail.example.com"),
        ('[spam]\nspamd = "127.0.0.1:99999"', "such as 127.0.0.1:783"),
        ('[spam]\nspamd = "127.0.0.1"', "The setting spam.spamd does not have the form it needs: SpamAssassin's spamd"),
        ('[spam]\nrspamd_url = "http://127.0.0.1:99999"', "http://127.0.0.1:11333"),
        ('regions_denied = ["north"]', "Regions that no mail is taken from"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "gatepost.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        Settings.load(data=tmp_path)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("text", "host"),
    [("127.0.0.1:53", "127.0.0.1"), ("[::1]:53", "::1"), ("::1:53", "::1"), ("[fe80::1]:53", "fe80::1")],
)
def test_a_resolver_is_asked_at_its_address(text: str, host: str, tmp_path: Path) -> None:
    names = names_of(Settings.load(data=tmp_path, resolver=text))
    assert (names._resolver.nameservers, names._resolver.port) == ([host], 53)


@pytest.mark.parametrize("host", ["smtp.example.com", "192.0.2.1", "2001:db8::1"])
def test_a_smart_host_is_a_name_or_an_address(host: str, tmp_path: Path) -> None:
    assert Settings.load(data=tmp_path, route="relay", relay_host=host).relay_host == host


def test_no_new_secret_is_made_beside_a_database(tmp_path: Path) -> None:
    """It would look like the one that was lost, and open nothing."""
    (tmp_path / "gatepost.db").write_bytes(b"SQLite format 3")
    with pytest.raises(SettingsError, match="Put back the secret that belongs to it"):
        load_secret(Settings.load(data=tmp_path))
    assert not (tmp_path / "secret").exists()


@pytest.mark.parametrize("text", ["n0t~coded", "c2hvcnQ="])
def test_a_secret_that_is_none_is_told_what_to_do(text: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="openssl rand -base64 32") as caught:
        load_secret(Settings.load(data=tmp_path, secret=text))
    assert text not in str(caught.value)


def test_a_file_in_a_folder_that_is_closed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(_: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "is_file", closed)
    with pytest.raises(SettingsError, match=f"The settings file {tmp_path}/x.toml cannot be read: Permission denied"):
        Settings.load(tmp_path / "x.toml")


def test_a_table_that_is_no_json_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEPOST_LIMITS", "mailbox_per_day = 5")
    with pytest.raises(SettingsError, match=r'"limits".* a table is JSON'):
        Settings.load(data=tmp_path)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "gatepost.toml").write_bytes(b"footer = '\xff'")
    with pytest.raises(SettingsError, match=r"gatepost\.toml"):
        Settings.load(data=tmp_path)


@pytest.mark.parametrize("url", ["mysql://me:hunter2@db.example.com/x", "postgresql://me:hunter2/3@db.example.com/x"])
def test_a_refused_value_is_not_repeated(url: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load(data=tmp_path, database_url=url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hunter2@db.example.com/gatepost",
        "postgresql://:hunter2@db.example.com/gatepost",
        "postgresql://db.example.com/gatepost?user=me&password=hunter2",
    ],
)
def test_what_is_shown_holds_no_secret(url: str, tmp_path: Path) -> None:
    settings = Settings.load(
        data=tmp_path, database_url=url, secret="hunter2", relay_user="me", relay_password="hunter2"
    )
    shown = settings.masked()
    assert "hunter2" not in str(shown)
    assert shown.keys() == Settings.model_fields.keys()
    assert "db.example.com/gatepost" in str(shown["database_url"])
    assert shown["secret"] == shown["relay_password"] == MASK


def test_a_url_without_password_is_shown_as_it_is(tmp_path: Path) -> None:
    url = "postgresql://me@db.example.com:5433/gatepost?sslmode=require"
    assert Settings.load(data=tmp_path, database_url=url).masked()["database_url"] == url


def test_the_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    settings = Settings.load(data=tmp_path / "new")
    first = load_secret(settings)
    path = tmp_path / "new" / "secret"
    assert load_secret(settings).key == first.key
    assert len(first.key) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_the_secret_of_the_settings_wins_and_makes_no_file(tmp_path: Path) -> None:
    settings = Settings.load(data=tmp_path, secret="QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU=")
    assert load_secret(settings).key == b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
    assert not (tmp_path / "secret").exists()


@pytest.mark.parametrize("text", ["", "AAAA", "not base64!", "é" * 44])
def test_a_damaged_secret_is_refused_and_kept(text: str, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError):
        load_secret(Settings.load(data=tmp_path))
    assert path.read_text(encoding="utf-8") == text


def test_of_many_that_start_at_once_all_get_one_secret(tmp_path: Path) -> None:
    settings = Settings.load(data=tmp_path)
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: load_secret(settings).key, range(32)))
    assert len(keys) == 1


POSTGRESQL = "postgresql://gatepost@127.0.0.1/gatepost"


@pytest.mark.parametrize("given", ["web, delivery", ["web", "delivery"]])
def test_roles_are_a_list_or_words_between_commas(given: object, tmp_path: Path) -> None:
    assert Settings.load(data=tmp_path, database_url=POSTGRESQL, roles=given).roles == ("web", "delivery")


def test_roles_come_from_a_variable_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEPOST_ROLES", "delivery,housekeeping")
    assert Settings.load(data=tmp_path, database_url=POSTGRESQL).roles == ("delivery", "housekeeping")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"roles": "web"}, "on SQLite one process does all of the work"),
        ({"roles": "web,mail", "database_url": POSTGRESQL}, "roles.1 .*'web', 'inbound'"),
        ({"roles": "", "database_url": POSTGRESQL}, "roles"),
        ({"roles": "submission", "database_url": POSTGRESQL}, "needs submission_port"),
    ],
)
def test_roles_that_cannot_be_are_refused(given: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=said):
        Settings.load(data=tmp_path, **given)


@pytest.mark.parametrize(("setting", "defers"), [("accept", False), ("defer", True)])
async def test_mail_waits_for_the_dns_if_the_settings_say_so(tmp_path: Path, setting: str, defers: bool) -> None:
    async with opened(Settings.load(None, data=tmp_path, inbound={"dmarc_temperror": setting})) as context:
        assert context.site.defer_unknown is defers


def test_links_go_to_the_port_that_is_listened_on_unless_told_otherwise(tmp_path: Path) -> None:
    assert Settings.load(data=tmp_path).base_url == "http://127.0.0.1:8025"
    assert Settings.load(data=tmp_path, http_port=9000).base_url == "http://127.0.0.1:9000"
    told = Settings.load(data=tmp_path, http_port=9000, base_url="https://mail.example.com/")
    assert told.base_url == "https://mail.example.com"
    with pytest.raises(SettingsError, match="http_port"):
        Settings.load(data=tmp_path, http_port="nine")
