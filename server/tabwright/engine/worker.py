"""The worker: the one thread that runs the models, one step of one job at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from tabwright.engine.decoding.decode import GenerationRequest, GenerationUsage, generate
from tabwright.engine.decoding.sequence import Delta
from tabwright.engine.registry import Registry

Lane = Literal["newest", "actions", "background"]
_MAX_WAIT_S = 2.0  # then a job of a lower lane gets one step before newer keystrokes
_MIN_BETWEEN_TURNS_S = 0.5  # between two such steps
LANES: tuple[Lane, ...] = ("newest", "actions", "background")
log = logging.getLogger(__name__)


@dataclass
class Job:
    """One request and its state. The callbacks run on the worker's thread and must not block."""

    model: str
    request: GenerationRequest
    on_delta: Callable[[Delta], None]
    on_end: Callable[[BaseException | None], None]
    lane: Lane = "newest"
    session: str = ""
    usage: GenerationUsage = field(default_factory=GenerationUsage)
    cancelled: threading.Event = field(default_factory=threading.Event)
    superseded: bool = False
    _steps: Iterator[Delta] | None = None
    _queued_at: float = field(default_factory=time.perf_counter)
    _last_step_at: float = field(default_factory=time.perf_counter)


class Worker:
    """Runs jobs by lane: the newest keystroke first, then actions in order, then background work.

    It chooses a job before every step, so a keystroke waits for at most one step of an action.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._jobs: list[Job] = []
        self._wake = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)
        self.active: Job | None = None
        self.served = 0
        self.steps = 0
        self._extra_step_at = float("-inf")
        self.tokens_computed = 0
        self.last_used = time.monotonic()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Queue a job. In lane "newest" it supersedes the older jobs of its session, not actions.

        What a superseded job has computed stays in the cache, and the new job starts from it.
        """
        with self._wake:
            if job.lane == "newest" and job.session:
                for other in self._jobs:
                    if other.lane != "actions" and other.session == job.session:
                        other.superseded = True
                        other.cancelled.set()
            self._jobs.append(job)
            self.last_used = time.monotonic()
            self._wake.notify()

    def progress(self) -> dict[str, object]:
        """Return the numbers by which a watchdog detects a hang; they only grow.

        ``steps`` that are done; ``loading``, whether a step loads a model; ``cpu_s``, the CPU
        seconds of all threads except the calling one, which do not grow in a deadlock.
        """
        loading = any(entry.state == "loading" for entry in self._registry.entries())
        others = time.process_time() - time.thread_time()
        return {"steps": self.steps, "loading": loading, "cpu_s": round(others, 4)}

    def queued(self) -> int:
        """Return the number of jobs that are not finished."""
        return len(self._jobs)

    def stop(self, timeout: float = 5.0) -> None:
        """Stop after the current step; every job is answered as cancelled."""
        with self._wake:
            self._stopping = True
            for job in self._jobs:
                job.cancelled.set()
            self._wake.notify()
        self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._jobs and not self._stopping:
                    self._wake.wait()
                if not self._jobs:
                    return
                job = self._next()
            self.active = job
            has_more = self._step(job)
            job._last_step_at = time.perf_counter()
            if not has_more:
                with self._wake:
                    self._jobs.remove(job)
                    self.served += 1
                    self.last_used = time.monotonic()
            self.steps += 1
            self.active = None

    def _next(self) -> Job:
        """Choose the next job: cancelled jobs first, since they cost nothing, then by lane.

        Lane "newest" is last in, first out, unless the oldest job has waited too long. A job of
        another lane gets one step when it had none for two seconds: continuous typing must not
        block an action, or a model load that another window waits for.
        """
        for job in self._jobs:
            if job.cancelled.is_set():
                return job
        now = time.perf_counter()
        if now - self._extra_step_at > _MIN_BETWEEN_TURNS_S:
            for job in self._jobs:
                if job.lane != "newest" and now - job._last_step_at > _MAX_WAIT_S:
                    self._extra_step_at = now
                    return job
        for lane in LANES:
            waiting = [job for job in self._jobs if job.lane == lane]
            if waiting:
                starved = time.perf_counter() - waiting[0]._queued_at > _MAX_WAIT_S
                return waiting[-1] if lane == "newest" and not starved else waiting[0]
        raise AssertionError("no job in any lane")

    def _step(self, job: Job) -> bool:
        """Run one step of a job; return whether the job has further steps."""
        failure: BaseException | None = None
        try:
            if job.cancelled.is_set():
                self._cancel(job)
            else:
                if job._steps is None:
                    job.usage.queue_ms = (time.perf_counter() - job._queued_at) * 1000
                    backend, cache, entry = self._registry.ready(job.model)
                    job._steps = generate(
                        backend,
                        entry.vocabulary,
                        cache,
                        job.request,
                        job.usage,
                        entry.draft_statistics,
                    )
                delta = next(job._steps)
                if delta.text or delta.finish_reason:
                    job.on_delta(delta)
                return True
        except StopIteration:
            pass
        except Exception as error:
            log.warning("a request failed: %s", type(error).__name__, exc_info=error)
            failure = error
        self.tokens_computed += job.usage.computed_tokens + job.usage.completion_tokens
        job.on_end(failure)
        return False

    def _cancel(self, job: Job) -> None:
        if isinstance(job._steps, Iterator) and hasattr(job._steps, "close"):
            job._steps.close()
        reason = "superseded" if job.superseded else "cancelled"
        for index in range(job.request.n):
            job.on_delta(Delta(index, "", "cancelled", reason))
