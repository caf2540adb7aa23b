"""Lanes, cancelling and failures, with a scripted generator in place of the decode loop's model."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tabwright.core.message import Message
from tabwright.engine.backends import Backend, BackendError, BackendOptions
from tabwright.engine.backends.torch.model import TorchModel
from tabwright.engine.decoding.decode import GenerationRequest
from tabwright.engine.decoding.sequence import Delta
from tabwright.engine.decoding.vocabulary import Part
from tabwright.engine.registry import Registry
from tabwright.engine.worker import Job, Lane, Worker
from tabwright.models.store import ModelMissing


class Watched:
    """A job with its pieces and its end."""

    def __init__(self, model: str, lane: Lane, session: str, tokens: int, done: list[str]) -> None:
        self.deltas: list[Delta] = []
        self.failure: BaseException | None = None
        self.ended = threading.Event()
        self.began = threading.Event()
        self.name = f"{lane}-{session}"
        self._done = done
        request = GenerationRequest([Part("x = 1\n" * 40)], tokens)
        self.job = Job(model, request, self._delta, self._end, lane=lane, session=session)

    def _delta(self, delta: Delta) -> None:
        self.deltas.append(delta)
        self.began.set()

    def _end(self, failure: BaseException | None) -> None:
        self.failure = failure
        self._done.append(self.name)
        self.ended.set()

    @property
    def reason(self) -> str | None:
        return self.deltas[-1].stop_reason if self.deltas else None


Submit = Callable[..., Watched]


@pytest.fixture
def worker(tiny_qwen2: Path, qwen2: TorchModel) -> Iterator[Worker]:
    def loader(folder: Path, options: BackendOptions) -> Backend:
        return qwen2

    worker = Worker(Registry(BackendOptions(), loader))
    worker.start()
    yield worker
    worker.stop()


@pytest.fixture
def submit(worker: Worker, tiny_qwen2: Path) -> Submit:
    done: list[str] = []

    def run(
        lane: Lane = "newest", session: str = "", tokens: int = 300, model: str = ""
    ) -> Watched:
        watched = Watched(model or str(tiny_qwen2), lane, session, tokens, done)
        worker.submit(watched.job)
        return watched

    return run


def test_a_newer_request_of_the_session_supersedes_the_older(submit: Submit) -> None:
    old = submit(session="a")
    assert old.began.wait(10)
    new = submit(session="a", tokens=3)
    assert new.ended.wait(10)
    assert old.ended.wait(10)
    assert old.reason == "superseded"
    assert new.failure is None


def test_other_sessions_and_lanes_are_left_alone(submit: Submit) -> None:
    action = submit("actions", "a", tokens=60)
    assert action.began.wait(10)
    key = submit("newest", "a", tokens=3)
    assert key.ended.wait(10)
    assert not action.ended.is_set()
    assert action.ended.wait(20)
    assert action.reason != "superseded"


def test_a_request_supersedes_the_look_ahead_of_its_session(submit: Submit) -> None:
    mine, others = (submit("background", name, tokens=300) for name in ("a", "b"))
    assert mine.began.wait(10)
    key = submit("newest", "a", tokens=3)
    assert key.ended.wait(10)
    assert mine.ended.wait(10)
    assert mine.reason == "superseded"
    assert others.ended.wait(20)
    assert others.reason != "superseded"


def test_no_session_starves_another(submit: Submit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tabwright.engine.worker._MAX_WAIT_S", 0.05)
    waiting = submit("newest", "a", tokens=40)
    for key in range(3000):
        submit("newest", f"b{key % 2}", tokens=30)
        if waiting.ended.wait(0.01):
            break
    assert waiting.ended.is_set()
    assert waiting.reason != "superseded"


@pytest.mark.parametrize("lane", ["actions", "background"])
def test_continuous_keystrokes_do_not_starve_another_lane(
    submit: Submit, monkeypatch: pytest.MonkeyPatch, lane: Lane
) -> None:
    monkeypatch.setattr("tabwright.engine.worker._MAX_WAIT_S", 0.05)
    monkeypatch.setattr("tabwright.engine.worker._MIN_BETWEEN_TURNS_S", 0.05)
    keys = [submit("newest", f"k{key}", tokens=100) for key in range(3)]
    waiting = submit(lane, "a", tokens=3)
    for key in range(3, 2000):
        if waiting.ended.wait(0.01):
            break
        keys = [each for each in keys if not each.ended.is_set()]
        while len(keys) < 3:  # there is always a key to answer
            keys.append(submit("newest", f"k{key}", tokens=100))
    assert waiting.ended.is_set()
    assert waiting.failure is None


@pytest.mark.timing
def test_cancelling_ends_within_a_step(submit: Submit, worker: Worker) -> None:
    watched = submit()
    assert watched.began.wait(10)
    watched.job.cancelled.set()
    started = time.perf_counter()
    assert watched.ended.wait(5)
    assert time.perf_counter() - started < 0.5
    assert watched.reason == "cancelled"
    assert watched.deltas[-1].finish_reason == "cancelled"


def test_a_missing_model_is_a_failure_of_the_request_alone(submit: Submit) -> None:
    bad = submit(model="qwen2.5-coder-1.5b-nowhere/x")
    assert bad.ended.wait(5)
    assert isinstance(bad.failure, ModelMissing)
    good = submit(tokens=2)
    assert good.ended.wait(10)
    assert good.failure is None


def test_a_model_that_cannot_be_loaded_is_tried_again(tiny_qwen2: Path, qwen2: TorchModel) -> None:
    tries: list[int] = []

    def loader(folder: Path, options: BackendOptions) -> Backend:
        tries.append(1)
        if len(tries) == 1:
            raise BackendError(Message("out of memory"))
        return qwen2

    worker = Worker(Registry(BackendOptions(), loader))
    worker.start()
    done: list[str] = []
    first = Watched(str(tiny_qwen2), "newest", "", 2, done)
    worker.submit(first.job)
    assert first.ended.wait(5)
    assert "out of memory" in str(first.failure)
    second = Watched(str(tiny_qwen2), "newest", "", 2, done)
    worker.submit(second.job)
    assert second.ended.wait(5)
    assert second.failure is None


def test_stopping_answers_every_job(submit: Submit, worker: Worker) -> None:
    jobs = [submit("actions", str(n)) for n in range(3)]
    worker.stop()
    assert all(job.ended.is_set() for job in jobs)
