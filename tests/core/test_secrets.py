"""No password in what is said, recorded, kept or shown."""

from __future__ import annotations

import os
import re
import string
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import URL

from study.core import secrets, stores
from study.core.addresses import is_masked, with_password_of
from study.core.errors import ConfigError
from study.core.secrets import mask, mask_all, mask_those_of

ROOT = Path(__file__).parents[2]
PASSWORDS = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="*"), min_size=1).map(
    lambda text: f"S3{text}cr3t"
)
ONE_LINE = "".join(letter for letter in string.printable if letter.isprintable())
PLACES = st.sampled_from(
    ["{}", "storage.url={}", "+tracking.uri={}", "is no study in {}", "'storage.url={}'", '["{}"]']
)


@given(PASSWORDS, PLACES)
def test_a_password_is_masked_and_the_rest_of_its_address_stays(password: str, place: str) -> None:
    url = URL.create("postgresql+psycopg2", "me", password, "host", 5433, "db", {"sslmode": "require"})
    whole = place.format(url.render_as_string(hide_password=False))
    assert mask(whole) == place.format(url.render_as_string(hide_password=True))
    assert mask(mask(whole)) == mask(whole)


@given(st.text(ONE_LINE).filter(lambda raw: not re.search(r"\s\S*:/", raw)))
def test_a_password_that_should_have_been_quoted_is_masked_too(raw: str) -> None:
    assert mask(f"storage.url=postgresql://me:S3{raw}cr3t@host/db") == "storage.url=postgresql://me:***@host/db"


@given(st.lists(PASSWORDS, min_size=2, max_size=4))
def test_of_several_addresses_on_a_line_each_is_masked(passwords: list[str]) -> None:
    urls = [URL.create("mysql", "me", password, f"host{i}", 1) for i, password in enumerate(passwords)]
    line = " ".join(f"key{i}={url.render_as_string(hide_password=False)}" for i, url in enumerate(urls))
    assert mask(line) == " ".join(f"key{i}={url.render_as_string(hide_password=True)}" for i, url in enumerate(urls))


@pytest.mark.parametrize(
    "line",
    [
        "sqlite:////tmp/a b/study.db", "postgresql://me@host:5432/db", "http://127.0.0.1:5000/#/x by me@host", "",
        "http://[::1]:5000", "engine.tokens=4096", "method.targets=.*attention.*query", "https://host:443, me@host",
        "file:///a/b", "postgresql://me:***@host/db is refused (user \"me@host\")",
    ],
)  # fmt: skip
def test_what_holds_no_password_stays_as_it_is(line: str) -> None:
    assert mask(line) == line


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("postgresql:///db?user=me&password=S3cret&x=1", "postgresql:///db?user=me&password=***&x=1"),
        ("mssql+pyodbc:///?odbc_connect=UID%3Dme%3BPWD%3DS3cret", "mssql+pyodbc:///?odbc_connect=***"),
        ("invalid dsn: host=h password=S3cret dbname=d", "invalid dsn: host=h password=*** dbname=d"),
        ("+tracking.token=S3cret", "+tracking.token=***"),
        ("POSTGRESQL://me:S3cret@h/d", "POSTGRESQL://me:***@h/d"),
        ("postgresql://me@server:S3cret@h/d", "postgresql://me@server:***@h/d"),
        ("http://:S3cret@h:5000", "http://:***@h:5000"),
    ],
)
def test_passwords_in_other_places_are_masked(line: str, masked: str) -> None:
    assert mask(line) == masked


def test_what_is_kept_of_a_configuration_is_masked_at_any_depth() -> None:
    value = {"storage": {"url": "mysql://me:S3cret@h/d"}, "some": [("http://me:S3cret@h",), 3, None], "engine": {}}
    tracking = {"_target_": "mine.Tracker", "token": "S3cret", "password": None, "limit": 0.5}
    assert mask_all({**value, "tracking": tracking}) == {
        "storage": {"url": "mysql://me:***@h/d"}, "some": [["http://me:***@h"], 3, None], "engine": {},
        "tracking": {**tracking, "token": "***"},
    }  # fmt: skip


def test_an_error_that_quotes_a_piece_of_a_misread_password_quotes_nothing() -> None:
    said = mask_those_of("postgresql://me:fi/rst@second@h/d", 'could not translate host name "second@h", port "rst"')
    assert said == 'could not translate host name "***@h", port "***"'


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:S3cret@127.0.0.1:1/db", "postgresql://me:S3cret#x@127.0.0.1:1/db",
        "postgresql://me:S3cret@127.0.0.1:port/db", "http://me:S3cret/S3cret@127.0.0.1:1", "postgresql://me:S3cret@",
        "oracle://me:S3cret@h/db", "postgresql://me:S3cret@S3cret@127.0.0.1:1/db", "http://me:S3cret@127.0.0.1:port",
        "postgresql:/me:S3cret@h/db", "mysql://me:S3cret@127.0.0.1:1/db",
    ],
)  # fmt: skip
def test_no_error_about_an_address_says_its_password(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        stores.check("storage.url", url, stores.OPTUNA)
    error = caught.value
    assert "S3cret" not in f"{error} {error.value} {error.rule} {error.remedy}"


def test_a_traceback_that_nobody_expected_holds_no_password() -> None:
    code = (
        "import threading; from study.core import secrets; secrets.guard_tracebacks()\n"
        "def fail(): raise ValueError('postgresql://me:%s@h/d' % ('S3' + 'cret'))\n"
        "thread = threading.Thread(target=fail); thread.start(); thread.join(); fail()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 1
    assert done.stderr.count("ValueError: postgresql://me:***@h/d") == 2
    assert "S3cret" not in done.stderr


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="the system shows no arguments in files")
def test_nobody_sees_a_password_in_the_list_of_processes() -> None:
    code = (
        "import sys; from study.core import secrets; secrets.hide_arguments()\n"
        "print(open('/proc/self/cmdline').read().split(chr(0))[3:]); print(sys.argv[1:])"
    )
    arguments = ["é=ü", "storage.url=postgresql://me:S3créts@h/d", "+tracking.token=S3cret", "study.trials=3"]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=ROOT, check=True,
        env={**os.environ, "PYTHONUTF8": "1"},
    )  # fmt: skip
    shown, known = map(eval, done.stdout.splitlines())
    assert shown == ["é=ü", "storage.url=postgresql://me:********@h/d", "+tracking.token=******", "study.trials=3", ""]
    assert known == arguments


def test_what_is_printed_while_output_is_masked_appears_at_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    with secrets.masking_output():
        print("url: postgresql://me:S3cret@h/d")
        print("mysql://me:S3cret@h", file=sys.stderr)
    assert tuple(capsys.readouterr()) == ("url: postgresql://me:***@h/d\n", "mysql://me:***@h\n")


@pytest.mark.parametrize(
    ("other", "completed"),
    [
        ("postgresql://me:S3%40cret@h:5433/optuna", "postgresql://me:S3%40cret@h:5433/mlflow"),
        ("postgresql://me:S3cret@other:5433/optuna", "postgresql://me:***@h:5433/mlflow"),
        ("postgresql://you:S3cret@h:5433/optuna", "postgresql://me:***@h:5433/mlflow"),
        ("postgresql://me:***@h:5433/optuna", "postgresql://me:***@h:5433/mlflow"),
        ("sqlite:///study.db", "postgresql://me:***@h:5433/mlflow"),
        (None, "postgresql://me:***@h:5433/mlflow"),
    ],
)
def test_a_kept_address_takes_the_password_of_another_for_the_same_user_of_the_same_server(
    other: str | None, completed: str
) -> None:
    kept = "postgresql://me:***@h:5433/mlflow"
    assert with_password_of(kept, (other,)) == completed
    assert is_masked(completed) == (completed == kept)
    assert with_password_of("sqlite:///mlflow.db", (other,)) == "sqlite:///mlflow.db"
