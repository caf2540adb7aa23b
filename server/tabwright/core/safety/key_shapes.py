"""Find keys and passwords in a text by their formats.

The formats are those that services publish for their keys, and assignments to names such as
``password``. Randomness is not measured, because that mistakes hashes for keys. Every pattern
matches within one line and has bounded repetitions, so that the time is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from tabwright.core.safety.private_keys import may_hold_private_key, private_key_lines
from tabwright.core.text import Span


@dataclass(frozen=True)
class Key:
    """A key in a text: its span and its kind ("GitHub token")."""

    span: Span
    kind: str


# They also match shorter keys: one may be cut off at the window's end, or be half typed.
_SERVICES: tuple[tuple[str, str], ...] = (
    ("AWS key", r"(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{8,16}(?![A-Za-z0-9])"),
    ("GitHub token", r"gh[pousr]_[A-Za-z0-9]{10,255}|github_pat_[A-Za-z0-9_]{10,255}"),
    (
        "GitLab token",
        r"gl(?:pat|dt|ft|soat|rt|cbt|imt|ptt|agent|oas|ffct|wt)-[A-Za-z0-9_-]{10,255}"
        r"|GR1348941[A-Za-z0-9_-]{10,50}",
    ),
    ("Slack token", r"xox[abeoprsc]-[A-Za-z0-9-]{10,255}|xapp-[A-Za-z0-9-]{10,255}"),
    ("Slack webhook", r"hooks\.slack\.com/(?:services|workflows)/([A-Za-z0-9_/+-]{10,200})"),
    ("Discord webhook", r"discord(?:app)?\.com/api/webhooks/(\d{10,25}/[A-Za-z0-9_-]{20,100})"),
    ("Discord token", r"[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{20,40}"),
    ("Telegram token", r"\d{8,10}:AA[A-Za-z0-9_-]{30,35}"),
    ("Stripe key", r"[rsp]k_(?:live|test)_[A-Za-z0-9]{8,200}|whsec_[A-Za-z0-9+/]{16,100}"),
    ("Twilio key", r"(?:SK|AC)[0-9a-f]{32}(?![0-9a-z])"),
    ("SendGrid key", r"SG\.[A-Za-z0-9_-]{10,40}\.[A-Za-z0-9_-]{10,80}"),
    ("Mailgun key", r"key-[0-9a-f]{32}(?![0-9a-z])"),
    ("Mailchimp key", r"[0-9a-f]{32}-us\d{1,2}(?!\d)"),
    ("npm token", r"npm_[A-Za-z0-9]{20,60}|_authToken=([A-Za-z0-9._~+/=-]{8,200})"),
    ("PyPI token", r"pypi-Ag[A-Za-z0-9_-]{16,500}"),
    ("RubyGems key", r"rubygems_[0-9a-f]{20,64}"),
    ("crates.io token", r"cio[A-Za-z0-9]{32}(?![A-Za-z0-9])"),
    ("Docker token", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{10,100}"),
    ("AI service key", r"(?:sk|xai|gsk|pplx|r8|hf|rpa|nvapi)[-_](?=[A-Za-z_-]{0,40}\d)"
     r"[A-Za-z0-9_-]{20,250}"),
    ("Google key", r"AIza[A-Za-z0-9_-]{20,35}|GOCSPX-[A-Za-z0-9_-]{20,40}"
     r"|ya29\.[A-Za-z0-9_-]{20,400}"),
    ("Azure key", r"(?:AccountKey|SharedAccessKey)=([A-Za-z0-9+/=]{20,120})"
     r"|[A-Za-z0-9_~.-]{3}8Q~[A-Za-z0-9_~.-]{31,34}|[?&]sig=([A-Za-z0-9%+/=]{30,100})"),
    ("DigitalOcean token", r"do[opr]_v1_[0-9a-f]{20,64}"),
    ("Databricks token", r"dapi[0-9a-f]{32}(?![0-9a-z])"),
    ("Shopify token", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{20,40}"),
    ("Square token", r"sq0[a-z]{3}-[A-Za-z0-9_-]{20,50}|EAAA[A-Za-z0-9_-]{56,64}"),
    ("New Relic key", r"NRAK-[A-Z0-9]{20,40}"),
    ("Vault token", r"hv[sbr]\.[A-Za-z0-9_-]{20,200}"),
    ("Terraform token", r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{20,100}"),
    ("Atlassian token", r"ATATT3[A-Za-z0-9_=-]{20,250}|ATCTT3[A-Za-z0-9_=-]{20,250}"),
    ("service token", r"(?:lin_api|lin_oauth|ntn|glsa|sbp|nfp|pscale_(?:tkn|pw|oauth)|PMAK|sntrys"
     r"|sntryu|HRKU|dp\.(?:pt|st|ct|sa)|figd|dt0c01|tvly)"
     r"[-_.](?=[A-Za-z_.-]{0,40}\d)[A-Za-z0-9_.-]{20,250}"),
    ("Artifactory key", r"AKC[A-Za-z0-9]{20,120}(?![A-Za-z0-9])"),
    ("age key", r"AGE-SECRET-KEY-1[A-Z0-9]{20,80}"),
    ("JSON web token", r"eyJ[A-Za-z0-9_-]{8,2000}\.[A-Za-z0-9_-]{8,4000}"
     r"(?:\.[A-Za-z0-9_-]{0,2000})?"),
)  # fmt: skip
_SERVICE = re.compile(
    r"(?<![A-Za-z0-9_])(?:"
    + "|".join(f"(?P<k{number}>{shape})" for number, (_, shape) in enumerate(_SERVICES))
    + ")"
)
# The groups of each kind: the whole match first, then those that hold the key alone.
_GROUPS = tuple(
    (kind, range(at, at + re.compile(shape).groups + 1))
    for (kind, shape), at in zip(_SERVICES, _SERVICE.groupindex.values(), strict=True)
)
# A necessary condition of all patterns here, which quickly excludes most lines.
_HINT = re.compile(r"[A-Za-z0-9]{8}|(?i:pass|pwd|secret|token|key|credential|authorization|://)")
_URL = re.compile(
    r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s:/@'\"`<>{}]{0,100}"
    r":([^\s/@'\"`<>{}$]{3,200})@"
)
_HEADER = re.compile(
    r"(?i:authorization)['\"]?\s{0,3}[:=,]\s{0,3}[fbr]?['\"`]?(?i:bearer|basic|token|digest)\s{1,3}"
    r"([A-Za-z0-9._~+/=-]{12,500})"
)
_NAMED = re.compile(
    r"(?i:(?P<password>pass(?:word|wd|phrase|code)?|pwd|secret)|token|(?:api|access|auth|account"
    r"|service|db|database|client|encryption|signing|private|shared|session|app|admin|user)[-_. ]?"
    r"key|credentials?|conn(?:ection)?[-_]?str(?:ing)?)(?P<end>[A-Za-z0-9_-]{0,30})"
    r"(?:['\"]?\])?['\"]?(?:\s{0,3}:\s{0,3}[A-Za-z_][\w.\[\]<>?| &]{0,40})?"
    r"\s{0,20}(?P<sign>:=|=>|={1,3}|:|,|\(|!==?)\s{0,20}@?[fbrLu]?(?P<quote>['\"`])"
    r"(?P<value>[^'\"`\s]{5,400})(?P=quote)"
)
_PLAIN = re.compile(
    r"\s{0,40}(?:export\s|set\s|-\s|ENV\s)?\s{0,3}['\"]?[\w.-]{0,60}?"
    r"(?i:pass(?:word|wd|phrase)?|pwd|secret|token|api[-_.]?key|access[-_.]?key|private[-_.]?key"
    r"|credentials?)[\w-]{0,30}['\"]?\s{0,20}[=:]\s{0,20}"
    r"(?P<value>[A-Za-z0-9!@#%^&*_+/=.~?-]{6,400})\s{0,40}\Z"
)
_AWS = re.compile(
    r"(?i:aws|secret)[^\n]{0,60}?(?<![A-Za-z0-9/+=])([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"
)
# Ends of names that describe a secret but do not contain one.
_DESCRIBES_SECRET = re.compile(
    r"(?i)[-_]?(?:type|name|url|uri|file|path|dir|id|ids|header|field|env|var|kind|label|length|len"
    r"|regex|pattern|hint|prefix|suffix|count|policy|class|error|message|msg|title|placeholder|form"
    r"|page|route|endpoint|provider|format|encoding|algorithm|method|scheme|template|expiry|ttl)s?\Z"
)
_WORDS = re.compile(r"[A-Za-z]+(?:[ ._/:-][A-Za-z]+)*[:.!?]?\Z")
_WORD = re.compile(r"[a-z]{5,40}\Z")
_PLACEHOLDER = re.compile(r"[${}<>%*]|\.\.\.|x{4}|X{4}")
_NAME = re.compile(r"[A-Za-z_][\w.]*\Z")
_DIGIT = re.compile(r"\d")
_DUMMY_VALUES = frozenset({
    "password", "passwd", "passphrase", "secret", "token", "string", "hidden", "input", "required",
    "optional", "true", "false", "null", "none", "undefined", "example", "changeme", "default",
    "boolean", "number", "object", "integer", "bytes", "field", "value", "bearer", "basic", "plain",
    "label", "description", "title", "username", "email", "login", "user", "admin", "error",
    "invalid", "missing", "unknown", "redacted", "placeholder",
})  # fmt: skip
MAX_PIECE_CHARS = 4_000  # characters of a line that are searched at once
_OVERLAP = 500


def find_keys(text: str) -> tuple[Key, ...]:
    """Return all keys in a text, in order, without overlaps; each is within one line."""
    found: list[Key] = []
    lines = text.split("\n")
    blocks = private_key_lines(lines) if may_hold_private_key(text) else {}
    start = 0
    for number, line in enumerate(lines):
        span = blocks.get(number)
        if span is not None:
            found.append(Key(Span(start + span[0], start + span[1]), "private key"))
        elif len(line) > 7:
            found += [
                Key(Span(start + begin, start + end), kind)
                for begin, end, kind in _keys_in_line(line)
            ]
        start += len(line) + 1
    return tuple(found)


@lru_cache(maxsize=8192)
def _keys_in_line(line: str) -> tuple[tuple[int, int, str], ...]:
    if _HINT.search(line) is None:
        return ()
    found: list[tuple[int, int, str]] = []
    for begin in range(0, len(line), MAX_PIECE_CHARS - _OVERLAP):
        piece = line[begin : begin + MAX_PIECE_CHARS]
        found += [(begin + start, begin + end, kind) for start, end, kind in _candidates(piece)]
    found.sort(key=lambda one: (one[0], -one[1]))
    separate: list[tuple[int, int, str]] = []
    for one in found:
        if not separate or one[0] >= separate[-1][1]:
            separate.append(one)
    return tuple(separate)


def _candidates(line: str) -> Iterator[tuple[int, int, str]]:
    for match in _SERVICE.finditer(line):
        kind, groups = next(each for each in _GROUPS if match[each[1][0]] is not None)
        inner = next((group for group in groups[1:] if match[group] is not None), groups[0])
        yield (*match.span(inner), kind)
    if "://" in line:
        for match in _URL.finditer(line):
            yield (*match.span(1), "password in an address")
    for match in _HEADER.finditer(line):
        if _DIGIT.search(match[1]) or not (match[1].islower() or match[1].isupper()):
            yield (*match.span(1), "authorization header")
    for match in _NAMED.finditer(line):
        is_password = bool(match["password"]) and match["sign"] not in (",", "(")
        if not _DESCRIBES_SECRET.search(match["end"]) and _is_value(match["value"], is_password):
            yield (*match.span("value"), "password or token")
    plain = _PLAIN.match(line)
    if plain is not None and _is_plain_value(plain["value"]):
        yield (*plain.span("value"), "password or token")
    for match in _AWS.finditer(line):
        if _DIGIT.search(match[1]) and not match[1].islower():
            yield (*match.span(1), "AWS key")


def _is_value(value: str, is_password: bool) -> bool:
    """Tell whether a quoted value of a name such as ``password`` looks like a real secret."""
    if _PLACEHOLDER.search(value) or value.lower() in _DUMMY_VALUES:
        return False
    if is_password and _WORD.match(value):
        return True
    return _WORDS.match(value) is None and (_DIGIT.search(value) is not None or len(value) >= 8)


def _is_plain_value(value: str) -> bool:
    """Tell whether an unquoted value looks like a real secret and not like a variable's name."""
    if _PLACEHOLDER.search(value) or not _DIGIT.search(value) or value.isdigit():
        return False
    return _NAME.match(value) is None or len(value) >= 20
