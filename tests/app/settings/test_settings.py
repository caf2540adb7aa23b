"""Whatever a client sends as settings: usable parts are taken, the rest warns, nothing raises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabwright.app.settings.reader import parse
from tabwright.app.settings.settings import Settings

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)
KEYS = st.sampled_from(
    ["tabwright", "enabled", "languages", "completion", "completion.maxTokens", "engine", "privacy"]
)


@given(st.one_of(JSON, st.dictionaries(KEYS, JSON)))
def test_parse_never_raises(data: object) -> None:
    found, warnings = parse(data)
    assert isinstance(found, Settings)
    hash(found.completion)
    assert all(isinstance(warning, str) for warning in warnings)


@pytest.mark.parametrize("data", [None, {}, [], {"tabwright": {}}, {"tabwright": []}])
def test_no_settings_give_the_defaults_without_warnings(data: object) -> None:
    assert parse(data) == (Settings(), ())


NESTED = {"model": "m", "completion": {"maxTokens": 8, "multiline": "never"}}


@pytest.mark.parametrize(
    "data",
    [
        NESTED,
        {"tabwright": NESTED},
        {"model": "m", "completion.maxTokens": 8, "completion.multiline": "never"},
        {"tabwright.model": "m", "tabwright.completion": NESTED["completion"]},
        {
            "tabwright.model": "m",
            "tabwright.completion.maxTokens": 8,
            "tabwright.completion.multiline": "never",
        },
    ],
)
def test_all_spellings_mean_the_same(data: object) -> None:
    found, warnings = parse(data)
    assert warnings == ()
    assert (found.model, found.completion.max_tokens) == ("m", 8)
    assert found.completion.multiline == "never"


@pytest.mark.parametrize(
    ("data", "warning"),
    [
        ({"enabled": "yes"}, "tabwright.enabled: expected true or false, got 'yes'; using True"),
        ({"modell": "x"}, "tabwright.modell is not a setting; did you mean tabwright.model?"),
        ({"completion": {"maxToken": 1}}, "did you mean tabwright.completion.maxTokens?"),
        ({"completion": {"maxTokens": True}}, "expected a whole number from 1 to 1024, got True"),
        ({"completion": {"maxTokens": 0}}, "got 0; using 192"),
        ({"completion": 5}, "tabwright.completion: expected an object, got 5"),
        ({"completion": {"multiline": []}}, "expected 'auto' or 'always' or 'never', got []"),
        ({"engine": {"threads": "many"}}, "expected 'auto' or a whole number"),
        ({"languages": {"python": "on"}}, "an object of language ids and true or false"),
        (
            {"privacy": {"deny": "*.env"}},
            "expected a list of texts, got '*.env'; using the default",
        ),
        ({"model": " "}, "expected a text that is not empty"),
        ({"actions": {"candidates": 0}}, "expected a whole number from 1 to 64, got 0; using 25"),
        ({"actions": {"timeoutSeconds": "long"}}, "got 'long'; using 60"),
        ({"checks": {"runExamples": "yes"}}, "expected true or false, got 'yes'; using False"),
        ({"diagnostics": True}, "tabwright.diagnostics: expected an object, got True"),
        ({"remote": {"timeoutSeconds": float("nan")}}, "expected a number from 0.1 to 600"),
        ([1], "expected an object, got [1]"),
        ("x" * 500, "expected an object"),
    ],
)
def test_unusable_settings_warn_and_fall_back(data: object, warning: str) -> None:
    found, warnings = parse(data)
    assert found == Settings()
    assert len(warnings) == 1 and warning in warnings[0] and len(warnings[0]) < 250


def test_one_bad_value_leaves_the_others() -> None:
    found, warnings = parse({"enabled": 3, "model": "m", "engine": {"threads": 2, "device": "x"}})
    assert (found.model, found.engine.threads, found.engine.device) == ("m", 2, "auto")
    assert len(warnings) == 2


def test_languages_are_switched_one_by_one() -> None:
    found, _ = parse({"languages": {"*": False, "python": True}})
    assert found.is_on("python") and not found.is_on("go")
    found, _ = parse({"enabled": False, "languages": {"python": True}})
    assert not found.is_on("python")
    assert Settings().is_on("anything")


@pytest.mark.parametrize("key", ["sk-abc123", "two words", ["sk-abc123"], "A" * 201])
def test_a_key_in_place_of_its_variable_is_not_repeated(key: object) -> None:
    found, (warning,) = parse({"remote": {"url": "http://h", "keyEnvironment": key}})
    assert found.remote.key_environment == ""
    assert "expected the name of an environment variable, not the key itself" in warning
    assert "sk-" not in warning and "AAA" not in warning and "words" not in warning
