"""The settings of section ``tabwright``: one frozen object; a bad value warns and falls back."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import reduce
from types import MappingProxyType
from typing import Any, TypeVar, cast

from tabwright.lsp.words import Said

SECTION = "tabwright"
DEFAULT_MODEL = "qwen2.5-coder-0.5b"

Check = Callable[[object], bool]
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class _Spec:
    """What a value must be: a test, and the words for it in a warning."""

    check: Check
    expected: str


def _option(name: str, default: _Value, check: Check, expected: str) -> _Value:
    return field(default=default, metadata={"name": name, "spec": _Spec(check, expected)})


def _number(low: float, high: float, *, whole: bool = True) -> tuple[Check, str]:
    kinds: tuple[type, ...] = (int,) if whole else (int, float)

    def check(value: object) -> bool:
        return (
            isinstance(value, kinds)
            and not isinstance(value, bool)
            and low <= cast(float, value) <= high
        )

    words = "a whole number from {0} to {1}" if whole else "a number from {0} to {1}"
    return check, Said(words, f"{low:g}", f"{high:g}")


def _choice(*values: str) -> tuple[Check, str]:
    return (lambda value: value in values), reduce(_either, map(repr, values))


def _either(left: str, right: str) -> str:
    return Said("{0} or {1}", left, right)


def _or_auto(spec: tuple[Check, str]) -> tuple[Check, str]:
    check, expected = spec
    return (lambda value: value == "auto" or check(value)), _either("'auto'", expected)


def _is_switches(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(key, str) and isinstance(on, bool) for key, on in value.items()
    )


def _is_texts(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(text, str) for text in value)


_SWITCH: tuple[Check, str] = (lambda value: isinstance(value, bool)), "true or false"
_TEXT: tuple[Check, str] = (lambda value: isinstance(value, str)), "a text"
_NAME: tuple[Check, str] = (
    (lambda value: isinstance(value, str) and bool(value.strip())),
    "a text that is not empty",
)


_PRECISIONS = ("auto", "int4", "mixed", "int8", "bfloat16", "float32")


@dataclass(frozen=True)
class Completion:
    """``tabwright.completion``: how much to ask for and when; ``menu``: the completion menu too.

    ``ahead``: whether to compute what nobody waits for yet; "auto": not on battery, and not of an
    engine elsewhere.
    """

    debounce_ms: str | int = _option("debounceMs", "auto", *_or_auto(_number(0, 10_000)))
    max_tokens: int = _option("maxTokens", 192, *_number(1, 1024))
    multiline: str = _option("multiline", "auto", *_choice("auto", "always", "never"))
    candidates: int = _option("candidates", 3, *_number(1, 10))
    menu: str = _option("menu", "auto", *_choice("auto", "always", "never"))
    ahead: str = _option("ahead", "auto", *_choice("auto", "always", "never"))


@dataclass(frozen=True)
class Context:
    """``tabwright.context``: how much of the code the model sees, in characters."""

    prefix_characters: int = _option("prefixCharacters", 4000, *_number(100, 200_000))
    suffix_characters: int = _option("suffixCharacters", 1500, *_number(0, 100_000))
    open_files: bool = _option("openFiles", True, *_SWITCH)


@dataclass(frozen=True)
class EngineSettings:
    """``tabwright.engine``: the local engine process."""

    idle_minutes: float = _option("idleMinutes", 15, *_number(0, 100_000, whole=False))
    threads: str | int = _option("threads", "auto", *_or_auto(_number(1, 1024)))
    precision: str = _option("precision", "auto", *_choice(*_PRECISIONS))
    device: str = _option("device", "auto", *_choice("auto", "cpu", "cuda", "mps"))
    backend: str = _option("backend", "auto", *_choice("auto", "numba", "openvino", "torch"))


@dataclass(frozen=True)
class Remote:
    """``tabwright.remote``: an engine elsewhere; unused while ``url`` is empty."""

    url: str = _option("url", "", *_TEXT)
    model: str = _option("model", "", *_TEXT)
    key_environment: str = _option("keyEnvironment", "", *_TEXT)
    template: str = _option("template", "", *_TEXT)
    timeout_seconds: float = _option("timeoutSeconds", 10, *_number(0.1, 600, whole=False))


@dataclass(frozen=True)
class Privacy:
    """``tabwright.privacy``: globs of files that no model may see, besides those built in."""

    deny: tuple[str, ...] = _option("deny", (), _is_texts, "a list of texts")
    respect_gitignore: bool = _option("respectGitignore", True, *_SWITCH)


@dataclass(frozen=True)
class Actions:
    """``tabwright.actions``: candidates asked for, within what time, and of which model.

    ``model`` "" takes the actions model where it is on this machine, else the completion model.
    """

    candidates: int = _option("candidates", 25, *_number(1, 64))
    timeout_seconds: float = _option("timeoutSeconds", 60, *_number(1, 3600, whole=False))
    model: str = _option("model", "", *_TEXT)


@dataclass(frozen=True)
class Checks:
    """``tabwright.checks``: what is done to check a candidate; each tool has so many seconds."""

    run_examples: bool = _option("runExamples", False, *_SWITCH)
    tools: bool = _option("tools", True, *_SWITCH)
    timeout_seconds: float = _option("timeoutSeconds", 10, *_number(0.1, 600, whole=False))


@dataclass(frozen=True)
class Diagnostics:
    """``tabwright.diagnostics``: what the server reports itself."""

    syntax: bool = _option("syntax", False, *_SWITCH)


@dataclass(frozen=True)
class StatisticsSettings:
    """``tabwright.statistics``: whether to count, on this machine, what becomes of suggestions."""

    enabled: bool = _option("enabled", True, *_SWITCH)


@dataclass(frozen=True)
class Log:
    """``tabwright.log``: what goes into the server's log file; user code only at ``debug``."""

    level: str = _option("level", "info", *_choice("debug", "info", "warning", "error"))


@dataclass(frozen=True)
class Settings:
    """All settings; every field has a default that works."""

    enabled: bool = _option("enabled", True, *_SWITCH)
    model: str = _option("model", DEFAULT_MODEL, *_NAME)
    models_directory: str = _option("modelsDirectory", "", *_TEXT)
    languages: Mapping[str, bool] = field(
        default_factory=lambda: MappingProxyType({"*": True}),
        metadata={
            "name": "languages",
            "spec": _Spec(_is_switches, "an object of language ids and true or false"),
        },
    )
    completion: Completion = field(default=Completion(), metadata={"name": "completion"})
    context: Context = field(default=Context(), metadata={"name": "context"})
    engine: EngineSettings = field(default=EngineSettings(), metadata={"name": "engine"})
    remote: Remote = field(default=Remote(), metadata={"name": "remote"})
    privacy: Privacy = field(default=Privacy(), metadata={"name": "privacy"})
    actions: Actions = field(default=Actions(), metadata={"name": "actions"})
    checks: Checks = field(default=Checks(), metadata={"name": "checks"})
    diagnostics: Diagnostics = field(default=Diagnostics(), metadata={"name": "diagnostics"})
    statistics: StatisticsSettings = field(
        default=StatisticsSettings(), metadata={"name": "statistics"}
    )
    log: Log = field(default=Log(), metadata={"name": "log"})

    def is_on(self, language_id: str) -> bool:
        """Whether completions and actions are wanted for a language."""
        default = self.languages.get("*", True)
        return self.enabled and self.languages.get(language_id, default)


def parse(data: object) -> tuple[Settings, tuple[str, ...]]:
    """The settings in what a client sent, and a warning for each part that could not be used.

    Takes the section itself or an object that holds it, nested or with dotted keys. Never raises.
    """
    warnings: list[str] = []
    if data is None or data == []:  # Lua writes an empty object so
        return Settings(), ()
    if not isinstance(data, Mapping):
        words = "{0}: expected an object, got {1}; using defaults"
        return Settings(), (Said(words, SECTION, _shown(data)),)
    section = _undotted(data)
    if section.get(SECTION) == []:
        return Settings(), ()
    if isinstance(section.get(SECTION), Mapping):
        section = _undotted(cast(Mapping[Any, Any], section[SECTION]))
    return _read(Settings(), section, SECTION, warnings), tuple(warnings)


def _read(default: _Value, data: Mapping[str, Any], where: str, warnings: list[str]) -> _Value:
    values: dict[str, Any] = {}
    known = {member.metadata["name"]: member for member in fields(cast(Any, default))}
    for key in sorted(data.keys() - known.keys()):
        close = difflib.get_close_matches(key, known, n=1)
        name = f"{where}.{key}"
        warning = Said("{0} is not a setting", name)
        if close:
            other = f"{where}.{close[0]}"
            warning = Said("{0} is not a setting; did you mean {1}?", name, other)
        warnings.append(warning)
    for name, member in known.items():
        value = data.get(name)
        if value is None:
            continue
        fallback = getattr(default, member.name)
        if is_dataclass(fallback):
            if isinstance(value, Mapping):
                values[member.name] = _read(fallback, _undotted(value), f"{where}.{name}", warnings)
            else:
                words = "{0}: expected an object, got {1}"
                warnings.append(Said(words, f"{where}.{name}", _shown(value)))
            continue
        spec: _Spec = member.metadata["spec"]
        if spec.check(value):
            values[member.name] = _frozen(value)
        else:
            shown = "the default" if fallback in ((), "") else repr(fallback)
            if isinstance(fallback, Mapping):
                shown = "the default"
            words = "{0}: expected {1}, got {2}; using {3}"
            warnings.append(Said(words, f"{where}.{name}", spec.expected, _shown(value), shown))
    return type(default)(**values)


def _undotted(data: Mapping[Any, Any]) -> dict[str, Any]:
    # Some clients send {"completion.maxTokens": 8} for {"completion": {"maxTokens": 8}}.
    found: dict[str, Any] = {}
    for key, value in data.items():
        head, dot, rest = str(key).partition(".")
        if not dot:
            merged = found.get(head)
            both = isinstance(merged, dict) and isinstance(value, Mapping)
            found[head] = {**merged, **value} if both and isinstance(merged, dict) else value
            continue
        inner = found.get(head)
        found[head] = {**(inner if isinstance(inner, Mapping) else {}), rest: value}
    return found


def _frozen(value: object) -> object:
    if isinstance(value, Mapping):
        return MappingProxyType(dict(value))
    return tuple(value) if isinstance(value, list) else value


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
