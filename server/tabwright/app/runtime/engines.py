"""From settings to an engine, and its coming up: started, loaded, ready, or the reason why not."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass

from tabwright.app.runtime import log
from tabwright.app.runtime.client import Bar
from tabwright.app.runtime.waiting import supersede, unless
from tabwright.app.settings.settings import Settings
from tabwright.client.engine import (
    MODEL_MISSING,
    Answer,
    Engine,
    EngineError,
    OnText,
    Request,
)
from tabwright.core.message import Message
from tabwright.core.prompting.prompt import Prompt
from tabwright.core.task import ModelInfo

logger = logging.getLogger(__name__)

STARTING, LOADING, READY, MISSING, FAILED = (
    Message("starting"),
    Message("loading"),
    Message("ready"),
    Message("no model"),
    Message("failed"),
)
_RETRY_S = 5.0
_WARM_TEXT = "def "
_TELL_S = 0.5
_STATUS_S = 1.0

MakeEngine = Callable[[Settings, Callable[[], Message | None]], Engine]
"""Makes an engine of settings; the second says why nothing may be sent to a remote one."""


@dataclass(frozen=True)
class Failure:
    """Why the engine is not ready; ``kind`` is the ``problem`` of an EngineError."""

    kind: str
    message: Message


class BrokenEngine:
    """Stands in for an engine that the settings do not describe well enough to make."""

    def __init__(self, message: Message) -> None:
        """Answer everything with ``message``."""
        self._message = message

    async def generate(self, request: Request, on_text: OnText | None = None) -> Answer:
        """Raise EngineError."""
        raise EngineError(self._message)

    async def model_info(self, name: str) -> ModelInfo:
        """Raise EngineError."""
        raise EngineError(self._message)

    async def status(self) -> dict[str, object]:
        """Raise EngineError."""
        raise EngineError(self._message)

    async def aclose(self) -> None:
        """Nothing is open."""


class Runtime:
    """One engine and one model, brought up in the background and again after a failure."""

    def __init__(self, engine: Engine, model: str, *, remote: bool) -> None:
        """Nothing is started before ``warm``."""
        self.engine = engine
        self.model = model
        self.remote = remote
        self.state = STARTING
        self.failure: Failure | None = None
        self._info: ModelInfo | None = None
        self._warming: asyncio.Task[None] | None = None
        self._superseded: asyncio.Future[None] | None = None  # done when a newer request waits
        self._tried_at = float("-inf")

    @property
    def ready(self) -> bool:
        """Whether questions are answered without a load before them."""
        return self.state == READY

    def warm(self, *, again: bool = False) -> asyncio.Task[None]:
        """Bring the engine up; while that runs, and for 5 s after a failure, nothing new starts.

        ``again`` does not wait those 5 s. The task never raises: look at ``state``.
        """
        now = asyncio.get_running_loop().time()
        running = self._warming
        if running is not None and (
            not running.done() or self.ready or (now - self._tried_at < _RETRY_S and not again)
        ):
            return running
        self._tried_at = now
        self._warming = asyncio.create_task(self._warm())
        return self._warming

    async def until_warm(self, most_s: float | None) -> None:
        """Wait until the engine is up or failed, so long at most.

        Raises Superseded once somebody else waits: nobody looks at an older place any more.
        """
        supersede(self._superseded)
        superseded = self._superseded = asyncio.get_running_loop().create_future()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(most_s):
                await unless(superseded, asyncio.shield(self.warm()))

    async def model_info(self) -> ModelInfo:
        """Return the model's name, family and context length; cached. Raises EngineError."""
        if self._info is None:
            self._info = await self.engine.model_info(self.model)
        return self._info

    def model_removed(self, message: Message) -> None:
        """Note that the model is no longer there, although it was before."""
        self.state, self._info = MISSING, None
        self.failure = Failure(MODEL_MISSING, message)

    async def aclose(self) -> None:
        """Give up the load, and close the connections."""
        if self._warming is not None:
            self._warming.cancel()
        await self.engine.aclose()

    async def _warm(self) -> None:
        self.state, self.failure = STARTING, None
        try:
            await self.model_info()
            if not self.remote:
                self.state = LOADING
                warm = Request(self.model, Prompt((_WARM_TEXT,)), 0, heal=False, lane="background")
                await self.engine.generate(warm)
        except EngineError as error:
            self.state = MISSING if error.problem == MODEL_MISSING else FAILED
            self.failure = Failure(error.problem, error.message)
        except Exception as error:  # noqa: BLE001 - the task promises not to raise
            log.failure("the engine could not be brought up", error)
            self.state = FAILED
            message = Message("the engine could not be started: {0}", error)
            self.failure = Failure("unavailable", message)
        else:
            self.state = READY
        logger.info("model %s: %s", self.model, self.state)


def make_engine(settings: Settings, refusal: Callable[[], Message | None]) -> Engine:
    """The engine that the settings name: a remote one with a url, else the local process.

    ``refusal`` is asked before anything is sent to a remote one.
    """
    remote, local = settings.remote, settings.engine
    if remote.url:
        from tabwright.client.remote.engine import RemoteEngine, RemoteOptions

        return RemoteEngine(
            RemoteOptions(
                url=remote.url,
                model=remote.model,
                key_environment=remote.key_environment,
                template=remote.template,
                timeout_s=remote.timeout_seconds,
            ),
            refusal=refusal,
        )
    from tabwright.client.local.engine import LocalEngine, LocalOptions

    return LocalEngine(
        LocalOptions(
            idle_exit_s=local.idle_minutes * 60,
            threads=local.threads if isinstance(local.threads, int) else 0,
            precision=local.precision,
            device=local.device,
            backend=local.backend,
        )
    )


async def show_state(bar: Bar, runtime: Runtime) -> None:
    """Show a runtime's state in a progress bar until cancelled."""
    while True:
        bar.report(runtime.state)
        await asyncio.sleep(_TELL_S)


async def about(runtime: Runtime | None, model: str) -> dict[str, object]:
    """Return state, model, problem and the engine's own status, waiting at most 1 s for that."""
    if runtime is None:
        return {"state": "off", "model": model, "problem": None, "engine": None}
    failure = runtime.failure
    engine: dict[str, object]
    try:
        async with asyncio.timeout(_STATUS_S):
            engine = await runtime.engine.status()
    except Exception as error:  # noqa: BLE001 - shown in place of the engine's word
        engine = {"problem": str(error) or type(error).__name__}
    return {
        "state": runtime.state,
        "model": runtime.model,
        "problem": failure.message if failure else None,
        "engine": engine,
    }
