"""Crafted requests to a real engine: its other users still get their answers, memory goes back."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.engine_process import EngineProcess, running
from support.tiny import make_tiny_qwen2

from tabwright.engine.backends import Backend, BackendOptions
from tabwright.engine.decoding.vocabulary import Part, Vocabulary
from tabwright.engine.registry import Registry
from tabwright.models.store import ModelInvalid

CONTEXT = 32_768
MEGABYTE = 1_000_000
# The machine of a test may be busy; before, others waited 22 s on one that was not.
MOST_WAIT_S = 3.0
ORDINARY = {"prompt": "x = 1\n", "max_tokens": 2, "lane": "newest", "session": "other"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model with the context of a real one."""
    folder = make_tiny_qwen2(tmp_path_factory.mktemp("tiny") / "model")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config["max_position_embeddings"] = CONTEXT
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return folder


@pytest.fixture(scope="module")
def engine(model: Path) -> Iterator[EngineProcess]:
    with running("--model", str(model), tcp=False) as found:
        assert ask(found, ORDINARY)[0] == 200
        yield found


def ask(engine: EngineProcess, body: dict[str, Any]) -> tuple[int, Any]:
    return engine.ask("POST", "/v1/completions", body=json.dumps(body).encode())


def code(answer: Any) -> str:
    return str(answer["error"]["code"])


ATTACKS: dict[str, dict[str, Any]] = {
    "15 MB of one letter": {"prompt": "a" * 15 * MEGABYTE},
    "3 MB of one letter": {"prompt": "a" * 3 * MEGABYTE},
    "3 MB of blanks": {"parts": [{"text": " " * 3 * MEGABYTE}]},
    "400 kB of blanks, which might fit": {"parts": [{"text": " " * 400_000}]},
    "400 kB of one letter": {"parts": [{"text": "a" * 400_000}]},
    "many special tokens in words": {"prompt": "<|im_start|>" * 40_000},
    "many parts": {"parts": [{"text": "a"}] * 100_000},
    "a long prediction": {"prompt": "x", "prediction": {"content": "ab " * MEGABYTE}},
    "long texts to avoid": {"prompt": "x", "avoid": ["a" * 200_000] * 16, "max_tokens": 4},
    "many texts to avoid": {"prompt": "x", "avoid": ["a"] * 100_000},
    "many stop texts": {"prompt": "x", "stop": ["a" * 30] * 60_000},
    "long stop texts": {"prompt": "x", "stop": [" " * 50_000 + "x"] * 50, "max_tokens": 64},
    "a suffix of blanks": {"prompt": "x", "suffix_stop": " " * MEGABYTE + "x", "max_tokens": 64},
    "answers without end": {"prompt": "x", "n": 16, "max_tokens": 8192},
}


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.timing
def test_a_crafted_request_does_not_hold_up_the_others(engine: EngineProcess, name: str) -> None:
    body = ATTACKS[name] | {"lane": "newest", "session": "attacker"}
    body.setdefault("max_tokens", 1)
    answers: list[tuple[int, Any]] = []
    attack = threading.Thread(target=lambda: answers.append(ask(engine, body)))
    attack.start()
    waits: list[float] = []
    try:
        while attack.is_alive() and len(waits) < 20:
            started = time.monotonic()
            status, answer = ask(engine, ORDINARY)
            waits.append(time.monotonic() - started)
            assert status == 200, answer
    finally:
        attack.join(100)

    assert answers, "the attacker was not answered"
    status, answer = answers[0]
    assert status == 200 or code(answer) in ("prompt_too_long", "too_large", "bad_request"), answer
    assert max(waits, default=0.0) < MOST_WAIT_S


def test_memory_goes_back(engine: EngineProcess) -> None:
    process = psutil.Process(engine.process.pid)
    before = process.memory_info().rss
    for name in ("15 MB of one letter", "3 MB of one letter", "400 kB of one letter"):
        ask(engine, ATTACKS[name] | {"max_tokens": 1})
    time.sleep(0.5)

    assert process.memory_info().rss - before < 150 * MEGABYTE


def test_a_prompt_far_too_long_is_not_tokenised(engine: EngineProcess) -> None:
    status, answer = ask(engine, {"prompt": "a" * 17 * CONTEXT, "max_tokens": 1})

    assert (status, code(answer)) == (400, "prompt_too_long")
    assert "does not fit the model's context" in answer["error"]["message"]


TEXTS = [
    "def f(x):\n    return x + 1\n\n\n" * 2_000,
    "a" * 30_000,
    " " * 30_000,
    "\n" * 30_000,
    "x\n\n\ny  \n \n" * 4_000,
    "<|im_start|>user\n" * 2_000,
    "中文 字\n" * 5_000,
    "\ud800\n" * 9_000,
]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: repr(text[:12]))
def test_a_long_text_is_tokenised_in_pieces_alike(model: Path, text: str) -> None:
    vocabulary = Vocabulary.load(model)
    pieces = list(vocabulary._pieces(text))

    assert "".join(pieces) == text
    assert max(map(len, pieces)) <= 8_192
    if "\n" in text and "\n\n" not in text:  # cut at line ends, the tokens are the same
        assert vocabulary.encode([Part(text)]) == vocabulary._encode_piece(text)


def test_every_spelling_of_a_path_is_one_model(model: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(model, target_is_directory=True)
    (tmp_path / "second").symlink_to(link, target_is_directory=True)
    name = model.name
    spellings = [
        str(model),
        f"{model}/",
        f"{model}//",
        f"{model}/.",
        f"{model}/../{name}",
        f"{model.parent}//{name}",
        f"{model.parent}/./{name}",
        f"/{model}",
        f"{model.parent}/../{model.parent.name}/{name}",
        str(link),
        f"{link}/",
        str(tmp_path / "second"),
    ]
    loads: list[Path] = []

    def loader(folder: Path, options: BackendOptions) -> Backend:
        from tabwright.engine.backends.torch.model import TorchModel

        loads.append(folder)
        return TorchModel.load(folder, options)

    registry = Registry(BackendOptions(precision="float32", device="cpu"), loader)
    backends = {id(registry.ready(spelling)[0]) for spelling in spellings}

    assert len(loads) == len(backends) == len(registry.entries()) == 1


def test_models_in_memory_are_bounded(tmp_path: Path) -> None:
    folders = [make_tiny_qwen2(tmp_path / f"model{number}") for number in range(12)]

    class Loaded:
        bytes_per_token = 1

    registry = Registry(BackendOptions(), lambda folder, options: Loaded())  # type: ignore[arg-type, return-value]
    for folder in folders:
        registry.ready(str(folder))

    assert sum(entry.backend is not None for entry in registry.entries()) <= 2
    assert len(registry.entries()) <= 9


def test_two_requests_at_once_make_one_entry(model: Path) -> None:
    registry = Registry(BackendOptions(), lambda folder, options: pytest.fail("not loaded"))
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(id(registry.describe(str(model)))))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(found)) == 1 and len(found) == 8


def test_a_folder_without_a_tokenizer_is_reported(tmp_path: Path) -> None:
    folder = make_tiny_qwen2(tmp_path / "model")
    (folder / "tokenizer.json").write_text("{}", "utf-8")
    registry = Registry(BackendOptions(), lambda folder, options: pytest.fail("not loaded"))

    with pytest.raises(ModelInvalid, match="is not whole"):
        registry.describe(os.fspath(folder))
