"""A remote engine: llama-server, vLLM, Ollama or another server with OpenAI's completions API."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import astuple, dataclass, replace
from functools import partial
from typing import TypeVar
from urllib.parse import urlsplit

from tabwright.client.engine import (
    Answer,
    EngineError,
    EngineUnavailable,
    ModelNotFound,
    NotAllowed,
    OnText,
    Request,
    Usage,
)
from tabwright.client.http import Disconnected, Link, NotConnected, Target, standard_body
from tabwright.client.remote.breaker import Breaker
from tabwright.client.remote.emulate import AllEnded, TrimmedAnswer, with_open_word_cut
from tabwright.client.remote.hiding import RestoredAnswer, hidden
from tabwright.client.stream import Json
from tabwright.core.message import Message, verbatim
from tabwright.core.prompting.families import family_by_name
from tabwright.core.task import ModelInfo

T = TypeVar("T")
MAX_STOPS = 4  # OpenAI's limit; the others are looked for here
QUICK_S = 10.0
DEFAULT_CONTEXT = 8192
LONGEST_CONTEXT = 100_000_000
LONGEST_NAME = 1000
_LONG = 10_000  # characters; the keys of a longer prompt are looked for beside the event loop
_MOST_SESSIONS = 256
_ANOTHER = 0.6  # temperature for an answer that should differ from those before


@dataclass(frozen=True)
class RemoteOptions:
    """Options of a remote engine; its key is read only from the named environment variable.

    ``model`` "" takes the first the engine lists; ``template`` is the name of a model whose
    prompt format to use ("" = the model's own name); ``timeout_s`` limits a whole answer.
    """

    url: str
    model: str = ""
    key_environment: str = ""
    template: str = ""
    timeout_s: float = 30.0


class RemoteEngine:
    """Speaks the completions API with standard fields alone.

    What our own engine does besides is done here: an answer ends where it begins to repeat the
    suffix, and a word begun at the cursor is healed (see ``emulate.cut_open_word``); an answer that
    does not go on with that word comes back empty. At most one request of a lane is under way:
    a newer one ends the older, save that ``actions`` wait for their turn.
    """

    def __init__(
        self,
        options: RemoteOptions,
        *,
        refusal: Callable[[], Message | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Do not connect yet; an invalid address fails with the first request.

        ``refusal`` is called before each request and returns why nothing may be sent, "" when it
        may; the request then raises NotAllowed.
        """
        self._options = options
        self._refusal = refusal
        self._fault = _fault(options.url)
        self._name = Message("the remote engine") if self._fault else _base(options.url)
        target = Target(self._name, url=self._name, connect_s=5.0, total_s=options.timeout_s)
        self._link = Link(target, self._headers, self._scrub)
        quick = replace(target, total_s=min(QUICK_S, options.timeout_s))
        self._quick = Link(quick, self._headers, self._scrub)
        self._breaker = Breaker(clock)
        self._listed: Json | None = None
        self._one_each = False  # the engine refuses several candidates at once
        self._lanes: dict[str, asyncio.Task[Answer]] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._hidden: dict[str, tuple[str, ...]] = {}

    async def generate(self, request: Request, on_text: OnText | None = None) -> Answer:
        """See Engine; ``finish`` is "cancelled" with empty texts when a newer request came.

        All that is sent goes through here: keys in it are replaced, control tokens broken,
        and both put back in the answer, which ends where the engine wrote such a token.
        """
        length = sum(len(part) for part in request.prompt.parts if isinstance(part, str))
        if length > _LONG:
            request, made = await asyncio.to_thread(hidden, request)
        else:
            request, made = hidden(request)
        self._note(request.session, tuple(made.kinds))
        restoring = RestoredAnswer(made, on_text)
        return restoring.answer(await self._in_lane(request, restoring.add))

    def hidden_keys(self, session: str) -> tuple[str, ...]:
        """See HidesKeys."""
        return self._hidden.get(session, ())

    def _note(self, session: str, kinds: tuple[str, ...]) -> None:
        self._hidden.pop(session, None)
        if kinds:
            self._hidden[session] = kinds
        while len(self._hidden) > _MOST_SESSIONS:
            del self._hidden[next(iter(self._hidden))]

    async def _in_lane(self, request: Request, on_text: OnText | None) -> Answer:
        if request.lane == "actions":
            async with self._turns.setdefault(request.lane, asyncio.Lock()):
                return await self._generate(request, on_text)
        older = self._lanes.pop(request.lane, None)
        if older is not None:
            older.cancel()
        task = asyncio.ensure_future(self._generate(request, on_text))
        # Retrieve the exception, so that asyncio does not log it when no caller is left.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._lanes[request.lane] = task
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            own = asyncio.current_task()
            if task.cancelled() and not (own is not None and own.cancelling()):
                return Answer(("",) * request.n, ("cancelled",) * request.n, Usage())
            task.cancel()
            raise
        finally:
            if self._lanes.get(request.lane) is task:
                del self._lanes[request.lane]

    async def model_info(self, name: str) -> ModelInfo:
        """See Engine; the family is chosen by the template's name, else by the model's.

        ``name`` only counts where the settings name no model and the engine lists none.
        """
        listed = await self._first_listed()
        model = self._options.model or str(listed.get("id") or name)[:LONGEST_NAME]
        if not model:
            raise ModelNotFound(
                Message("{0} lists no model; set tabwright.remote.model", self._name)
            )
        family = family_by_name(self._options.template or model)
        return ModelInfo(model, family, _context_length(listed))

    async def status(self) -> dict[str, object]:
        """See Engine: the address, the model, and whether the engine answers."""
        listed = await self._first_listed()
        model = self._options.model or listed.get("id")
        return {"remote": True, "url": self._name, "model": model, "models": [{"id": model}]}

    async def aclose(self) -> None:
        """See Engine; running requests are cancelled."""
        for task in self._lanes.values():
            task.cancel()
        await self._link.aclose()
        await self._quick.aclose()

    async def _generate(self, request: Request, on_text: OnText | None) -> Answer:
        listed = await self._first_listed()
        if not self._options.model and listed.get("id"):
            request = replace(request, model=str(listed["id"]))
        elif self._options.model:
            request = replace(request, model=self._options.model)
        if not request.temperature and not request.avoid:
            request = replace(request, n=1)  # the others would be the same, and some refuse them
        if request.n > 1 and self._one_each:
            return await self._one_by_one(request, on_text)
        if request.avoid:
            request = replace(request, temperature=request.temperature or _ANOTHER)
        asked, cut = with_open_word_cut(request)
        body = standard_body(asked)
        if "stop" in body:
            body["stop"] = body["stop"][:MAX_STOPS]
        body["stream_options"] = {"include_usage": True}
        if listed.get("owned_by") == "llamacpp":
            body["cache_prompt"] = True
        if request.max_tokens == 0:
            body["max_tokens"] = 1  # most refuse a request for nothing
        reading = TrimmedAnswer(request, cut, on_text)
        try:
            answer = await self._guarded(
                lambda: self._link.complete(body, reading.add), again=lambda: not reading.started
            )
        except AllEnded:
            answer = Answer((), (), Usage())
        except ModelNotFound:
            self._listed = None
            raise
        except EngineUnavailable:
            raise
        except EngineError:
            if request.n == 1 or reading.started:
                raise
            # llama-server takes no more candidates than it has slots, and may have one.
            found = await self._one_by_one(request, on_text)
            self._one_each = True
            return found
        return reading.answer(answer)

    async def _one_by_one(self, request: Request, on_text: OnText | None) -> Answer:
        """Request the candidates one after another; only one when greedy, since all are equal."""
        answers = []
        for index in range(request.n if request.temperature else 1):
            tell = None if on_text is None else partial(_told_as, on_text, index)
            one = replace(request, n=1, seed=request.seed + index)
            answers.append(await self._generate(one, tell))
        cost = [astuple(answer.usage) for answer in answers]
        return Answer(
            tuple(text for answer in answers for text in answer.texts),
            tuple(finish for answer in answers for finish in answer.finish),
            Usage(*(sum(column) for column in zip(*cost, strict=True))),
        )

    async def _first_listed(self) -> Json:
        """Return the entry of the model in use from GET /v1/models; {} without such a list."""
        if self._listed is None:
            try:
                data = (await self._guarded(lambda: self._quick.get("/v1/models"))).get("data")
            except (EngineUnavailable, ModelNotFound, NotAllowed):
                raise
            except EngineError:
                if not self._options.model:
                    raise
                data = None
            listed = data if isinstance(data, list) else []
            entries = [one for one in listed if isinstance(one, dict)]
            named = [one for one in entries if one.get("id") == self._options.model]
            found: Json = next(iter(named), {})
            if entries and not (named or self._options.model):
                found = entries[0]
            elif len(entries) == 1 and entries[0].get("owned_by") == "llamacpp":
                found = entries[0]  # llama-server has one model, whatever name is asked for
            self._listed = found
        return self._listed

    async def _guarded(
        self, ask: Callable[[], Awaitable[T]], again: Callable[[], bool] = lambda: True
    ) -> T:
        """Ask, and once more if the connection failed and ``again`` allows; tell the breaker."""
        if self._fault:
            raise EngineError(self._fault)
        if not_allowed := self._refusal():
            raise NotAllowed(verbatim(not_allowed))
        refusal = self._breaker.refusal()
        if refusal is not None:
            raise EngineUnavailable(refusal)
        self._breaker.trying()
        try:
            try:
                found = await ask()
            except (NotConnected, Disconnected):
                if not again():
                    raise
                found = await ask()
        except EngineUnavailable as error:
            self._breaker.failed(error.message)
            raise
        except (EngineError, AllEnded):
            self._breaker.succeeded()  # the engine answers, though with an error
            raise
        except BaseException:
            self._breaker.abandoned()
            raise
        self._breaker.succeeded()
        return found

    def _headers(self) -> Mapping[str, str]:
        name = self._options.key_environment
        if not name:
            return {}
        key = os.environ.get(name, "").strip()
        if not key:
            raise EngineError(
                Message(
                    "the environment variable {0}, which tabwright.remote.keyEnvironment names "
                    "for the key, is not set",
                    name,
                )
            )
        if not (key.isascii() and key.isprintable()):
            raise EngineError(
                Message("the key in the environment variable {0} is not plain ASCII", name)
            )
        return {"Authorization": f"Bearer {key}"}

    def _scrub(self, message: str) -> str:
        key = os.environ.get(self._options.key_environment, "").strip()
        return message.replace(key, "…") if key else message


def _told_as(on_text: OnText, index: int, _: int, text: str) -> None:
    on_text(index, text)


def _fault(url: str) -> Message | None:
    """What is wrong with the address of a remote engine; None when nothing is."""
    try:
        parts = urlsplit(url.strip())
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        return Message(
            "tabwright.remote.url must be an http or https address such as http://localhost:8080"
        )
    if parts.username or parts.password:
        return Message(
            "tabwright.remote.url holds a password; put it into remote.keyEnvironment's variable"
        )
    return None


def _base(url: str) -> str:
    """The address without what the API adds to it: a slash, /v1, /v1/completions."""
    parts = urlsplit(url.strip())
    path = parts.path.rstrip("/").removesuffix("/completions").removesuffix("/v1")
    return f"{parts.scheme}://{parts.netloc}{path}"


def _context_length(listed: Json) -> int:
    """Return the context length that vLLM and llama-server report, else a default."""
    meta = listed.get("meta")
    told = listed.get("max_model_len")
    if told is None and isinstance(meta, dict):
        told = meta.get("n_ctx") or meta.get("n_ctx_train")
    if not isinstance(told, int) or isinstance(told, bool):
        return DEFAULT_CONTEXT
    return told if 0 < told <= LONGEST_CONTEXT else DEFAULT_CONTEXT
