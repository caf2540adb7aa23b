"""No key inside a source file reaches a remote engine, and none is lost in an edit."""

from __future__ import annotations

import base64
import json
import random
import string
import sysconfig
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import scripted_engine
from support.editor import Home, editing
from support.scripted_engine import ScriptedEngine

from tabwright.client.engine import Answer, Request, Usage
from tabwright.client.remote.engine import RemoteEngine, RemoteOptions
from tabwright.client.remote.hiding import MANGLED, RestoredAnswer, hidden
from tabwright.core.prompting.context import Document, Window
from tabwright.core.prompting.families import FAMILIES, family_by_name
from tabwright.core.prompting.prompt import Prompt, infill
from tabwright.core.safety.key_shapes import find_keys

_CHANCE = random.Random(13)
_BOTH = string.ascii_letters + string.digits


def some(count: int, letters: str = _BOTH) -> str:
    """Characters by chance, with a digit and both cases among them where the letters have them."""
    made = [_CHANCE.choice(letters) for _ in range(count)]
    for number, kind in enumerate((string.digits, string.ascii_lowercase, string.ascii_uppercase)):
        both = [letter for letter in letters if letter in kind]
        if both and number < count:
            made[number] = _CHANCE.choice(both)
    return "".join(made)


HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + string.digits
BODY = base64.b64encode(_CHANCE.randbytes(800)).decode()
PEM_LINES = [BODY[at : at + 64] for at in range(0, len(BODY), 64)]


def token(*parts: object) -> str:
    return "".join(map(str, parts))


# Made up here and never whole in this file, so that nobody takes them for real ones.
KEYS = {
    "AWS key id": token("AK", "IA", some(16, UPPER)),
    "AWS session key id": token("AS", "IA", some(16, UPPER)),
    "GitHub token": token("gh", "p_", some(36)),
    "GitHub app token": token("gh", "s_", some(36)),
    "GitHub fine-grained": token("github", "_pat_", some(22), "_", some(59)),
    "GitLab token": token("gl", "pat-", some(20)),
    "GitLab runner": token("gl", "rt-", some(20)),
    "Slack bot": token("xo", "xb-", some(12, string.digits), "-", some(24)),
    "Slack app": token("xa", "pp-1-", some(11, UPPER), "-", some(13, string.digits), "-", some(32)),
    "Stripe live": token("sk", "_live_", some(24)),
    "Stripe restricted": token("rk", "_live_", some(24)),
    "Stripe test": token("sk", "_test_", some(24)),
    "Stripe webhook": token("whsec", "_", some(32)),
    "Twilio": token("S", "K", some(32, HEX)),
    "SendGrid": token("S", "G.", some(22), ".", some(43)),
    "Mailgun": token("key", "-", some(32, HEX)),
    "Mailchimp": token(some(32, HEX), "-us", 12),
    "npm": token("np", "m_", some(36)),
    "PyPI": token("py", "pi-AgEIcHlwaS5vcmc", some(80)),
    "RubyGems": token("ruby", "gems_", some(48, HEX)),
    "crates.io": token("ci", "o", some(32)),
    "Docker": token("dck", "r_pat_", some(27)),
    "OpenAI": token("s", "k-", some(48)),
    "OpenAI project": token("s", "k-proj-", some(60)),
    "Anthropic": token("s", "k-ant-api03-", some(90)),
    "Hugging Face": token("h", "f_", some(34)),
    "Groq": token("gs", "k_", some(52)),
    "Google": token("AI", "za", some(35)),
    "Google OAuth": token("GOC", "SPX-", some(28)),
    "Google access": token("ya", "29.", some(60)),
    "Azure AD": token(some(3), "8", "Q~", some(34)),
    "DigitalOcean": token("do", "p_v1_", some(64, HEX)),
    "Databricks": token("da", "pi", some(32, HEX)),
    "Shopify": token("shp", "at_", some(32, HEX)),
    "Square": token("sq", "0csp-", some(43)),
    "New Relic": token("NR", "AK-", some(27, UPPER)),
    "Vault": token("hv", "s.", some(90)),
    "Terraform": token(some(14), ".atlas", "v1.", some(60)),
    "Atlassian": token("ATA", "TT3", some(180)),
    "Telegram": token(some(9, string.digits), ":A", "A", some(33)),
    "Discord": token("M", some(23), ".", some(6), ".", some(27)),
    "Linear": token("lin", "_api_", some(40)),
    "Grafana": token("gl", "sa_", some(32), "_", some(8, HEX)),
    "Postman": token("PM", "AK-", some(24, HEX), "-", some(34, HEX)),
    "age": token("AGE-", "SECRET-KEY-1", some(58, UPPER)),
    "JWT": token("ey", "J", some(40), ".", "ey", "J", some(60), ".", some(43)),
}  # fmt: skip
# Where a password is known only by what stands before it: (line with {}, password).
NAMED = [
    ('password = "{}"', "hunter2!"),
    ('password = "{}"', "letmein"),
    ("DB_PASSWORD = '{}'", "Tr0ub4dor&3"),
    ('"password": "{}",', "s3cr3t-pass"),
    ("  password: '{}'", "Winter2024"),
    ("password: {}", "Winter2024!"),
    ("export DB_PASSWORD={}", "pw!12345"),
    ("api_key = `{}`", "a1b2c3d4e5f6a7b8"),
    ('apiKey: "{}",', "9f8e7d6c5b4a39281706"),
    ('const authToken: string = "{}";', "tok-9f8e7d6c5b4a"),
    ('client_secret => "{}"', "q9w8e7r6t5"),
    ('String secretKey = "{}";', "Zm9vYmFyMTIz"),
    ('secret := "{}"', "go-s3cret-1"),
    ('conn.password("{}")', "p4ssw0rd!x"),
    ('os.environ["SECRET_KEY"] = "{}"', "dj4ng0-1ns3cure"),
    ('env("API_TOKEN", "{}")', "abc123def456"),
    ('aws_secret_access_key = "{}"', some(40)),
    ("aws_secret_access_key={}", some(39) + "/"),
    ('url = "postgres://app:{}@db.example.com/x"', "pa55word"),
    ("mongodb+srv://root:{}@cluster0.example.net", "mongo-pass"),
    ('headers = {{"Authorization": "Bearer {}"}}', "abcdef1234567890"),
    ('curl -H "Authorization: Basic {}"', "dXNlcjpwYXNz" + "MTIz"),
    ("//registry.npmjs.org/:_authToken={}", "0a1b2c3d-0a1b-4c5d-8e9f-0a1b2c3d4e5f"),
    ("AccountKey={};", some(86) + "=="),
]
ORDINARY = [
    'password = input("Password: ")',
    'password = os.environ["DB_PASSWORD"]',
    'parser.add_argument("--password", help="the password")',
    "password: str",
    "def login(self, username: str, password: str) -> bool:",
    'token = "access_token"',
    'token_type = "Bearer"',
    'TOKEN_URL = "https://example.com/oauth2/token1"',
    'password_field = "Password1"',
    '"password": "{{ vault_password }}"',
    'password = "${DB_PASSWORD}"',
    'password = "<your-password-1>"',
    "token = tokens[index1]",
    "self.token = token2",
    "next_token = tokenizer.next_token1()",
    'sha256 = "' + some(64, HEX) + '"',
    "commit " + some(40, HEX),
    'uuid = "0a1b2c3d-0a1b-4c5d-8e9f-0a1b2c3d4e5f"',
    "integrity: sha512-" + some(86) + "==",
    'url = "https://example.com:8080/a@b"',
    '<input type="password" name="password">',
    "sk-folding-cube-animation-wrapper",
    "task-management-dashboard-component-1",
    "data:image/png;base64," + some(200),
]


def masked(text: str) -> str:
    """What of a text goes out."""
    request, _ = hidden(Request("m", Prompt((text,)), 8))
    return request.prompt.flat()


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("line", ['x = "{}"', "KEY={}", "  - {}", "# {} is old", "f({});"])
def test_keys_of_services_are_hidden(name: str, line: str) -> None:
    key = KEYS[name]
    sent = masked(f"a = 1\n{line.format(key)}\nb = 2\n")
    assert key not in sent and sent.startswith("a = 1\n") and sent.endswith("\nb = 2\n")
    assert key[8:] not in sent and sent.count("\n") == 3


@pytest.mark.parametrize(("line", "password"), NAMED)
def test_a_value_assigned_to_a_secret_name_is_hidden(line: str, password: str) -> None:
    sent = masked(f"x\n{line.format(password)}\ny")
    assert password not in sent
    before, after = line.format("\0").split("\0")
    assert before in sent and after in sent


@pytest.mark.parametrize("line", ORDINARY)
def test_ordinary_lines_are_left(line: str) -> None:
    assert masked(f"{line}\n") == f"{line}\n"


KINDS = ("RSA ", "EC ", "OPENSSH ", "DSA ", "ENCRYPTED ", "", "PGP ")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cut", ["whole", "no end", "no begin", "middle"])
@pytest.mark.parametrize("around", ["{}", '    "{}\\n"', "# {}", "  {}", "'{}' +"])
def test_private_keys_are_hidden_whatever_part_is_there(kind: str, cut: str, around: str) -> None:
    block = " BLOCK" if kind == "PGP " else ""
    begin, end = (f"-----{word} {kind}PRIVATE KEY{block}-----" for word in ("BEGIN", "END"))
    lines = [*PEM_LINES[:-1], PEM_LINES[-1]]
    lines = lines[3:9] if cut == "middle" else lines
    lines = [begin, *lines] if cut in ("whole", "no end") else lines
    lines = [*lines, end] if cut in ("whole", "no begin") else lines
    text = "\n".join(around.format(line) for line in lines)
    sent = masked(f"def f():\n{text}\n")
    assert not any(line in sent for line in lines if not line.startswith("-----") and len(line) > 8)
    assert sent.count("\n") == text.count("\n") + 2


def test_a_private_key_on_one_line() -> None:
    text = json.dumps({"private_key": "-----BEGIN PRIVATE KEY-----\n" + "\n".join(PEM_LINES)})
    assert not any(line in masked(text) for line in PEM_LINES)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
@pytest.mark.parametrize("cut", range(1, 40, 4))
def test_every_part_of_a_prompt_is_searched_and_a_key_at_the_cursor(family: Any, cut: int) -> None:
    key = KEYS["GitHub token"]
    window = Window(
        f'x = "{key[:cut]}', f'{key[cut:]}"\n', (Document("b.py", "python", f'y = "{key}"\n'),)
    )
    prompt = infill(family, window, path="a.py", language_id="python")
    request, made = hidden(Request("m", prompt, 8, suffix_stop=f'{key}"\n', prediction=key))
    sent = request.prompt.flat() + request.suffix_stop + request.prediction
    assert made.keys and key not in sent
    assert key[: max(cut, 4)] not in sent and key[min(cut, len(key) - 4) :] not in sent


AT_CURSOR = [
    ('password = "{}', '"\n'),  # typed between quotes that the editor put
    ('password = "{}', "\n"),  # typed before the quote is closed
    ("config = {{'api_key': '{}", "', 'b': 2}}\n"),
    ('password = "', '{}"\n'),
    ("password = ", '"{}"\n'),
    ("pass", 'word = "{}"\n'),
    ("DB_PASSWORD=", "{}\n"),
    ('url = "postgres://me:{}', '@host/db"\n'),
    ('url = "postgres://me:', '{}@host/db"\n'),
    ('x = 1\n"Authorization": "Bearer ', '{}"\n'),
    ("hooks.slack.com/services/", "{}\n"),
]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
@pytest.mark.parametrize(("before", "after"), AT_CURSOR)
def test_a_key_beside_the_cursor_is_hidden(family: Any, before: str, after: str) -> None:
    """Its name, or the quote that ends it, stands in the other part of the prompt."""
    key = "hunter2-Abc!9xyzQ" if "Bearer" not in before and "hooks" not in before else some(20)
    window = Window(before.format(key), after.format(key))
    prompt = infill(family, window, path="a.py", language_id="python")
    request, made = hidden(Request("m", prompt, 8, stop=(f'{key}"',), suffix_stop=f'{key}"'))
    sent = request.prompt.flat() + request.suffix_stop + "".join(request.stop)
    assert made.keys and key not in sent and key[6:] not in sent
    assert made.restored(request.prompt.flat()) == prompt.flat()


@pytest.mark.parametrize("cut", range(1, 17, 3))
def test_a_password_that_the_cursor_cuts_anywhere_is_hidden(cut: int) -> None:
    key = "hun!ter2/Abc#9xyz"
    request, _ = hidden(Request("m", Prompt((f'password = "{key[:cut]}', f'{key[cut:]}"\n')), 8))
    left, right = request.prompt.parts
    assert isinstance(left, str) and isinstance(right, str)
    assert not left.endswith(key[:cut]) and not right.startswith(key[cut:])


@pytest.mark.parametrize("text", ['x = "', "print('hello ", 'password = "', "f(token, ", "", "# a"])
def test_ordinary_text_at_the_cursor_is_left(text: str) -> None:
    for rest in ('"\n', "\n", "", "')\n"):
        request, made = hidden(Request("m", Prompt((text, rest)), 8))
        assert request.prompt.parts == (text, rest) and not made.keys


def test_a_placeholder_is_stable_and_reveals_nothing() -> None:
    key = KEYS["OpenAI"]
    first, second = masked(f"a = '{key}'\n"), masked(f"b = 1\na = '{key}'\nc = '{KEYS['npm']}'\n")
    name = first.split("'")[1]
    assert name in second and len(name) == 19
    assert masked(name) == name and masked(f"a = '{KEYS['npm']}'") != first


def restored(text: str, request: Request) -> tuple[str, str, str]:
    """Of an answer that comes in pieces: the text as told, that at the end, and why it ended."""
    _, made = hidden(request)
    told: list[str] = []
    restoring = RestoredAnswer(made, lambda _, piece: told.append(piece))
    names = list(made.keys)
    whole = text.format(*names)
    for at in range(0, len(whole), 3):
        restoring.add(0, whole[at : at + 3])
    answer = restoring.answer(Answer((whole,), ("stop",), Usage()))
    return "".join(told), answer.texts[0], answer.finish[0]


def test_the_answer_has_the_keys_again() -> None:
    one, two = KEYS["OpenAI"], KEYS["npm"]
    request = Request("m", Prompt((f"a = '{one}'\nb = '{two}'\n",)), 8)
    for text in ("c = '{0}' + '{1}'\nR = RED", "{1}{0}", "nothing", "'{0}'\n", "REDACTED"):
        told, whole, ended = restored(text, request)
        assert told == whole == text.format(one, two) and ended == "stop"


def test_a_changed_name_is_refused() -> None:
    request = Request("m", Prompt((f"a = '{KEYS['OpenAI']}'\n",)), 8)
    for text in ("a = 'REDACTED_ABC'", "x\na = '{0}X'", "y = REDACTED_"):
        told, whole, ended = restored(text, request)
        assert whole == "" and ended == MANGLED and "REDACTED" not in told
    own = Request("m", Prompt((f"a = '{KEYS['OpenAI']}'\nb = 'REDACTED_BY_US'\n",)), 8)
    assert restored("b = 'REDACTED_BY_US'", own)[1:] == ("b = 'REDACTED_BY_US'", "stop")


@pytest.mark.parametrize("change", [str.lower, str.title, lambda name: name.replace("_", " ")])
def test_a_name_that_is_written_otherwise_is_refused(change: Any) -> None:
    request = Request("m", Prompt((f"a = '{KEYS['OpenAI']}'\n",)), 8)
    _, made = hidden(request)
    (name,) = made.keys
    told, whole, ended = restored(f"b = '{change(name)}'\n", request)
    assert whole == "" and ended == MANGLED
    assert name[9:] not in told.upper() or " " in change(name)  # what is told is not the answer yet


@pytest.mark.parametrize("length", [3, 8, 9, 12, 18])
def test_no_piece_of_a_name_is_left_where_an_answer_is_cut_off(length: int) -> None:
    _, made = hidden(Request("m", Prompt((f"a = '{KEYS['OpenAI']}'\n",)), 8))
    (name,) = made.keys
    for text, kept in ((f"b = '{name[:length]}", "b = '"), (f"b = '{name}", None)):
        told: list[str] = []
        restoring = RestoredAnswer(made, lambda _, piece: told.append(piece))  # noqa: B023
        restoring.add(0, text)
        answer = restoring.answer(Answer((text,), ("length",), Usage()))
        assert answer.texts[0] == "".join(told) == (kept or f"b = '{KEYS['OpenAI']}")
        assert answer.finish == ("length",)


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="ab \n'\"=:RED_A", max_size=60), st.integers(0, 60))
def test_hiding_and_restoring_give_the_text_again(text: str, at: int) -> None:
    whole = text[:at] + f"\nkey = '{KEYS['Stripe live']}'\n" + text[at:]
    request, made = hidden(Request("m", Prompt((whole,)), 8))
    sent = request.prompt.parts[0]
    assert isinstance(sent, str) and made.restored(sent) == whole
    assert sent.count("\n") == whole.count("\n")


def test_few_ordinary_lines_of_the_standard_library_are_taken_for_keys() -> None:
    """Less than one in 100,000 characters outside of its tests, which hold keys on purpose."""
    root = Path(sysconfig.get_paths()["stdlib"])
    files = [path for path in sorted(root.rglob("*.py")) if "site-packages" not in path.parts]
    files = [path for path in files if not {"test", "tests", "idle_test"} & set(path.parts)][::4]
    found = characters = 0
    for path in files:
        text = path.read_text("utf-8", "replace")
        found += len(find_keys(text))
        characters += len(text)
    assert characters > 500_000 and found <= characters / 100_000, (found, characters)


def test_a_prompt_costs_little_the_second_time() -> None:
    text = "".join(f"def f{n}(a, b):\n    return a + b * {n}\n\n" for n in range(140))[:6000]
    hidden(Request("m", Prompt((text,)), 8))
    started = time.thread_time()
    for _ in range(20):
        hidden(Request("m", Prompt((text,)), 8))
    assert (time.thread_time() - started) / 20 < 0.005


@pytest.mark.parametrize(
    "text",
    ["A" * 100_000, "password" * 12_000, "://a" * 25_000, "eyJ" * 33_000, " " * 100_000,
     "'" * 100_000, "-----BEGIN " * 9000, "A" * 64 + "\n", "secret=" * 14_000, "a.b" * 33_000,
     "://" + "a" * 100_000, "password" + " " * 100_000, "aws" * 33_000, "-" * 100_000,
     ("A" * 64 + "\n") * 1500, "sk-" + "_" * 99_000, "https://:" * 11_000, "authorization: " * 6500,
     '"password"' * 10_000],
)  # fmt: skip
def test_no_text_takes_long(text: str) -> None:
    started = time.thread_time()
    find_keys(text)
    assert time.thread_time() - started < 1.0


@asynccontextmanager
async def remote(*rules: dict[str, Any]) -> AsyncIterator[tuple[RemoteEngine, ScriptedEngine]]:
    script = {"rules": list(rules), "models": {"qwen2.5-coder-0.5b": {}}}
    async with scripted_engine.running(script, tcp=True) as served:
        engine = RemoteEngine(
            RemoteOptions(f"http://127.0.0.1:{served.port}/v1/"), refusal=lambda: None
        )
        try:
            yield engine, served
        finally:
            await engine.aclose()


async def test_no_key_is_in_the_bytes_of_a_request() -> None:
    key = KEYS["Anthropic"]
    family = family_by_name("qwen2.5-coder")
    window = Window(f'client = Client("{key}")\nclient.', f"\n# {key}\n")
    prompt = infill(family, window, path="a.py", language_id="python")
    request = Request("qwen2.5-coder-0.5b", prompt, 8, session="file:///a.py", stop=(key,))
    async with remote({"text": "send()"}) as (engine, served):
        answer = await engine.generate(request)
        assert engine.hidden_keys("file:///a.py") == ("AI service key",)
        sent = json.dumps(served.recorded)
    assert answer.texts == ("send()",)
    assert "client = Client(" in sent and key not in sent and key[20:] not in sent


async def test_why_says_that_keys_were_hidden(home: Home) -> None:
    """The marker is the key in what the remote engine was sent."""
    key = KEYS["Stripe live"]
    script: dict[str, Any] = {"rules": [{"text": "1\n"}], "models": {"qwen2.5-coder-0.5b": {}}}
    async with scripted_engine.running(script, tcp=True) as served:
        options = {"remote": {"url": f"http://127.0.0.1:{served.port}"}}
        async with editing(home, options=options, settings=options, chosen="Allow") as editor:
            await editor.until_ready()
            editor.open(f'KEY = "{key}"\n\n\ndef first_number(values):\n    return \n')
            await editor.texts(4, 11)
            why = await editor.command("why")
        sent = json.dumps(served.recorded)
    assert "first_number" in sent and key not in sent
    assert why["hidden"] == ["Stripe key"] and "Stripe key" in why["detail"]
