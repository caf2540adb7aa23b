"""The settings of section ``tabwright``: one frozen object, with what each value must be.

``settings_reader`` reads them, ``settings_layers`` says where they come from. What is marked as
guarded decides where code is sent and what is loaded or executed, and is the user's alone to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar, cast

from tabwright.core.message import Message, verbatim
from tabwright.trust import VARIABLE_EXPECTED, is_variable

SECTION = "tabwright"
DEFAULT_MODEL = "qwen2.5-coder-0.5b"

Check = Callable[[object], bool]
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Spec:
    """What a value must be: a test, and the words for it in a warning.

    ``is_secret``: a wrong value may be a key, which no warning repeats.
    """

    check: Check
    expected: Message
    is_secret: bool = False


def _option(
    name: str, default: _Value, check: Check, expected: Message, *, guarded: bool = False
) -> _Value:
    spec = Spec(check, expected)
    return field(default=default, metadata={"name": name, "spec": spec, "guarded": guarded})


def _variable(name: str) -> str:
    """The name of an environment variable, or "" for none."""
    spec = Spec(lambda value: value == "" or is_variable(value), VARIABLE_EXPECTED, is_secret=True)
    return field(default="", metadata={"name": name, "spec": spec, "guarded": False})


def _table(name: str, *, guarded: bool = False) -> dict[str, object]:
    """Marks a field that is a table of settings; ``guarded`` holds for all that is in it."""
    return {"name": name, "guarded": guarded}


def _number(low: float, high: float, *, whole: bool = True) -> tuple[Check, Message]:
    kinds: tuple[type, ...] = (int,) if whole else (int, float)

    def check(value: object) -> bool:
        return (
            isinstance(value, kinds)
            and not isinstance(value, bool)
            and low <= cast(float, value) <= high
        )

    ends = f"{low:g}", f"{high:g}"
    if whole:
        return check, Message("a whole number from {0} to {1}", *ends)
    return check, Message("a number from {0} to {1}", *ends)


def _choice(*values: str) -> tuple[Check, Message]:
    shown = [verbatim(repr(value)) for value in values]
    return (lambda value: value in values), reduce(_either, shown)


def _either(left: Message, right: Message) -> Message:
    return Message("{0} or {1}", left, right)


def _or_auto(spec: tuple[Check, Message]) -> tuple[Check, Message]:
    check, expected = spec
    return (lambda value: value == "auto" or check(value)), _either(verbatim("'auto'"), expected)


def _is_switches(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(key, str) and isinstance(on, bool) for key, on in value.items()
    )


def _is_texts(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(text, str) for text in value)


_SWITCH: tuple[Check, Message] = (lambda value: isinstance(value, bool)), Message("true or false")
_TEXT: tuple[Check, Message] = (lambda value: isinstance(value, str)), Message("a text")
_NAME: tuple[Check, Message] = (
    (lambda value: isinstance(value, str) and bool(value.strip())),
    Message("a text that is not empty"),
)


def _is_full_path(value: object) -> bool:
    if not isinstance(value, str):
        return False
    # A relative one would be looked up in the folder that the editor works in: the workspace.
    return not value or value.startswith("~") or Path(value).is_absolute()


_FULL_PATH: tuple[Check, Message] = _is_full_path, Message("a full path, or one that begins with ~")


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
    key_environment: str = _variable("keyEnvironment")
    template: str = _option("template", "", *_TEXT)
    timeout_seconds: float = _option("timeoutSeconds", 10, *_number(0.1, 600, whole=False))


@dataclass(frozen=True)
class Privacy:
    """``tabwright.privacy``: globs of files that no model may see, besides those built in.

    A workspace can put more into ``deny``, which only keeps more files out.
    """

    deny: tuple[str, ...] = _option("deny", (), _is_texts, Message("a list of texts"))
    respect_gitignore: bool = _option("respectGitignore", True, *_SWITCH)
    added: tuple[str, ...] = ()  # what a workspace puts into deny


@dataclass(frozen=True)
class Actions:
    """``tabwright.actions``: candidates asked for, within what time, and of which model.

    ``model`` "" takes the actions model where it is on this machine, else the completion model.
    """

    candidates: int = _option("candidates", 25, *_number(1, 64))
    timeout_seconds: float = _option("timeoutSeconds", 60, *_number(1, 3600, whole=False))
    model: str = _option("model", "", *_TEXT, guarded=True)


@dataclass(frozen=True)
class CheckSettings:
    """``tabwright.checks``: what is done to check a candidate; each tool has so many seconds.

    ``runExamples`` runs code that a model wrote, in a sandbox. Where the machine cannot contain
    it, examples are not run: on macOS and Windows, and on Linux with neither Landlock nor user
    namespaces. ``tabwright doctor`` tells.
    """

    run_examples: bool = _option("runExamples", False, *_SWITCH, guarded=True)
    tools: bool = _option("tools", True, *_SWITCH, guarded=True)
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
    model: str = _option("model", DEFAULT_MODEL, *_NAME, guarded=True)
    models_directory: str = _option("modelsDirectory", "", *_FULL_PATH, guarded=True)
    languages: Mapping[str, bool] = field(
        default_factory=lambda: MappingProxyType({"*": True}),
        metadata={
            "name": "languages",
            "spec": Spec(_is_switches, Message("an object of language ids and true or false")),
        },
    )
    completion: Completion = field(default=Completion(), metadata=_table("completion"))
    context: Context = field(default=Context(), metadata=_table("context"))
    engine: EngineSettings = field(
        default=EngineSettings(), metadata=_table("engine", guarded=True)
    )
    remote: Remote = field(default=Remote(), metadata=_table("remote", guarded=True))
    privacy: Privacy = field(default=Privacy(), metadata=_table("privacy", guarded=True))
    actions: Actions = field(default=Actions(), metadata=_table("actions"))
    checks: CheckSettings = field(default=CheckSettings(), metadata=_table("checks"))
    diagnostics: Diagnostics = field(default=Diagnostics(), metadata=_table("diagnostics"))
    statistics: StatisticsSettings = field(
        default=StatisticsSettings(), metadata=_table("statistics")
    )
    log: Log = field(default=Log(), metadata=_table("log", guarded=True))

    def is_on(self, language_id: str) -> bool:
        """Whether completions and actions are wanted for a language."""
        default = self.languages.get("*", True)
        return self.enabled and self.languages.get(language_id, default)
