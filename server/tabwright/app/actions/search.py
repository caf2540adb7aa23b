"""One action from its question to a checked suggestion: candidates until one has no fault."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from tabwright.app.actions.candidate_checks import CandidateChecker
from tabwright.app.documents.line_edits import moved
from tabwright.app.runtime import log
from tabwright.app.runtime.waiting import WorkerThreads
from tabwright.assists.registry import Assist
from tabwright.assists.request import ActionRequest
from tabwright.checks.faults import CheckOptions, EditCandidate, Fault
from tabwright.client.engine import Answer, Engine, EngineError, Request
from tabwright.core.action import Action, Proposal
from tabwright.core.message import Message, verbatim
from tabwright.core.postprocess.filters import HIDDEN_CHARACTERS
from tabwright.core.prompting.control_tokens import cut_at_control
from tabwright.core.safety.inert_text import hidden_character_in
from tabwright.core.task import Nothing
from tabwright.core.text import Edit, Span, apply

logger = logging.getLogger(__name__)

T = TypeVar("T")

# A candidate with a fault as heavy as this is not good enough to stop looking.
_WRONG = 10
# The first candidate is decoded greedily, each further one at a higher temperature.
_TEMPERATURES = (0.4, 0.7, 0.9)
_FREELY = 0.8
_SIDE_BY_SIDE = 8  # answers written at once
_MOST_QUESTIONS = 6
_ROOM = 150  # tokens that an answer may have beyond twice as many as one before
_PATIENCE_S = 10.0
_TELL_S = 0.4

ReportProgress = Callable[[Message, float | None], None]
"""Called with the current step, and the progress in percent where that is known."""


@dataclass(frozen=True)
class SearchSetup:
    """The means of a search; ``seconds`` limits the model's time over all candidates."""

    engine: Engine
    model: str
    work: WorkerThreads
    checks: CandidateChecker
    options: CheckOptions
    candidates: int
    seconds: float


async def search(
    assist: Assist, request: ActionRequest, setup: SearchSetup, report: ReportProgress
) -> EditCandidate | Nothing:
    """Return the best of the candidates, or why there is none.

    The next one is asked for only while the last ones have faults and there is time. Raises
    EngineError when the engine fails before there is any.
    """
    return await _Search(assist, request, setup, report).best()


class _Search:
    """The candidates of one action so far."""

    def __init__(
        self, assist: Assist, request: ActionRequest, setup: SearchSetup, report: ReportProgress
    ) -> None:
        self._assist = assist
        self._request = request
        self._before = request.document.text
        self._setup = setup
        self._report = report
        self._until = asyncio.get_running_loop().time() + setup.seconds
        self._found: list[EditCandidate] = []
        self._reasons: list[Message] = []
        self._texts: set[str] = set()
        self._prompts: set[str] = set()
        self._asked = 0
        self._repeats = 0
        self._longest = 0

    async def best(self) -> EditCandidate | Nothing:
        if self._assist.kind == "fix":
            await self._repair()
        if not self._found or self._lightest() >= _WRONG:
            await self._search()
        if self._found:
            return min(self._found, key=lambda found: found.weight)
        return Nothing(self._reasons[0])

    def _lightest(self) -> int:
        return min(found.weight for found in self._found)

    async def _repair(self) -> None:
        """Take a rule's fix as the first candidate: faster and more reliable than any model."""
        action = await self._setup.work(self._assist.prepare, self._request)
        if isinstance(action, Nothing):
            return
        whole = replace(action, span=Span(0, len(action.snapshot.text)))
        candidate = self._candidate(whole, Proposal(self._before))
        options = self._setup.options
        repairing = self._setup.checks.repair(candidate, options)
        text = await _in_time(repairing, options.timeout_s)
        if isinstance(text, str) and text:
            await self._consider(whole, Proposal(text))

    async def _search(self) -> None:
        """Ask for candidates until one is good enough, as far as number and time allow."""
        for question in range(_MOST_QUESTIONS):
            if self._asked >= self._setup.candidates or self._is_late():
                break
            request = replace(self._request, attempt=question)
            action = await self._setup.work(self._assist.prepare, request)
            if isinstance(action, Nothing):
                self._reasons.append(action.reason)
                break
            engine_request = self._engine_request(action)
            self._report(self._with_try(Message("asking the model")), None)
            try:
                async with asyncio.timeout_at(self._until):
                    answer = await self._answer(engine_request)
            except TimeoutError:
                self._reasons.append(
                    Message("the model was not done within {0} s", format(self._setup.seconds, "g"))
                )
                break
            except EngineError as error:
                if not question and not self._found:
                    raise
                logger.info("a further candidate failed: %s", error)
                break
            for ended, text in zip(answer.finish, answer.texts, strict=True):
                await self._take(action, ended, text)
                self._asked += 1
                if self._found and self._lightest() < _WRONG:
                    return

    def _is_late(self) -> bool:
        """Whether it is too late for another question: the second half of the time is for those
        that are under way, or for the first candidate."""
        left = self._until - asyncio.get_running_loop().time()
        return left <= (self._setup.seconds / 2 if self._found else 0)

    def _engine_request(self, action: Action) -> Request:
        """The question; one without a draft is answered several times over after the first."""
        prompt = action.prompt.flat()
        is_new = prompt not in self._prompts
        temperature, count, most = 0.0, 1, action.max_tokens
        if action.draft and not is_new:
            temperature = _TEMPERATURES[min(self._repeats, len(_TEMPERATURES) - 1)]
            self._repeats += 1
        elif self._prompts and not action.draft:
            # Of those to a new question the first is the likeliest.
            temperature = 0.0 if is_new else _FREELY
            count = min(_SIDE_BY_SIDE, self._setup.candidates - self._asked)
            most = min(most, 2 * self._longest + _ROOM) if self._longest else most
        self._prompts.add(prompt)
        return Request(
            model=self._setup.model,
            prompt=action.prompt,
            max_tokens=most,
            stop=action.stop,
            temperature=temperature,
            seed=self._asked,
            n=count,
            lane="actions",
            session=action.snapshot.uri,
            prediction=action.draft,
        )

    async def _answer(self, request: Request) -> Answer:
        loop = asyncio.get_running_loop()
        lines, told_at = 0, loop.time()

        def on_text(index: int, text: str) -> None:
            nonlocal lines, told_at
            lines += text.count("\n") if not index else 0
            if loop.time() - told_at >= _TELL_S:
                told_at = loop.time()
                self._report(self._with_try(Message("{0} lines written", lines + 1)), None)

        answer = await self._setup.engine.generate(request, on_text)
        if request.n == 1:
            self._longest = max(self._longest, answer.usage.completion_tokens)
        return answer

    def _with_try(self, step: Message) -> Message:
        numbered = Message("{0} (try {1} of {2})", step, self._asked + 1, self._setup.candidates)
        return numbered if self._asked else step

    async def _take(self, action: Action, ended: str, text: str) -> None:
        """Make a candidate of an answer, or note why it is none."""
        if ended != "stop":
            self._reasons.append(_why_unended(ended, action.max_tokens))
            return
        known = self._before + action.snapshot.text + action.instruction
        text = cut_at_control(text, known)
        if action.kind != "explain" and hidden_character_in(text, known):
            self._reasons.append(HIDDEN_CHARACTERS)
            return
        proposal = await self._setup.work(self._assist.finish, action, text)
        if isinstance(proposal, Nothing):
            self._reasons.append(proposal.reason)
            return
        await self._consider(action, proposal)

    async def _consider(self, action: Action, proposal: Proposal) -> None:
        """Make a candidate of a proposal that is new and changes something."""
        if proposal.text in self._texts:
            return
        self._texts.add(proposal.text)
        self._report(self._with_try(Message("checking")), None)
        candidate = await self._checked(self._assist.named(action, proposal.text), proposal)
        if candidate.after == self._before:
            self._reasons.append(Message("the model changed nothing"))
            return
        self._found.append(candidate)

    async def _checked(self, action: Action, proposal: Proposal) -> EditCandidate:
        candidate = self._candidate(action, proposal)
        if action.kind == "explain":
            return candidate
        checks, options = self._setup.checks, self._setup.options
        seconds = options.timeout_s + _PATIENCE_S
        improved = await _in_time(checks.improve(candidate, proposal.imports), seconds)
        faults: tuple[Fault, ...] = ()
        if isinstance(improved, Fault):
            faults, after = (improved,), candidate.after
        else:
            after = improved
        changed = Span(0, len(after))
        if not action.new_document:
            changed = await self._setup.work(moved, candidate.changed, candidate.after, after)
        candidate = replace(candidate, after=after, changed=changed)
        found = await _in_time(checks.check(candidate, options), seconds)
        faults += (found,) if isinstance(found, Fault) else found
        return replace(candidate, faults=faults)

    def _candidate(self, action: Action, proposal: Proposal) -> EditCandidate:
        """The proposal in its document, before it is improved and checked."""
        request, text = self._request, proposal.text
        path = "" if request.cell else request.path  # a cell has no file of its own
        if action.new_document:
            folder = path.rpartition("/")[0]
            return EditCandidate(
                path=f"{folder}/{action.new_document}" if folder else "",
                root=request.root,
                language_id=action.language_id,
                before="",
                after=text,
                changed=Span(0, len(text)),
                replaced=action.span,
                new_document=action.new_document,
            )
        start = action.span.start
        return EditCandidate(
            path=path,
            root=request.root,
            language_id=action.language_id,
            before=self._before,
            after=apply(action.snapshot.text, [Edit(action.span, text)]),
            changed=Span(start, start + len(text)),
            diagnostics=action.diagnostics,
            cell=request.cell,
            replaced=action.span,
        )


def _why_unended(ended: str, most_tokens: int) -> Message:
    """Why an answer that ended so cannot be used; ``ended`` may say it itself."""
    if ended == "length":
        return Message("the model did not come to an end within {0} tokens", most_tokens)
    if ended == "cancelled":
        return Message("the engine gave the question up")
    return verbatim(ended)


async def _in_time(checking: Awaitable[T], seconds: float) -> T | Fault:
    """Return the result of a check, or a fault that says it failed or took too long."""
    try:
        async with asyncio.timeout(seconds):
            return await checking
    except TimeoutError:
        return Fault(
            "checker", Message("the checks were not done within {0} s", format(seconds, "g"))
        )
    except Exception as error:  # noqa: BLE001 - a broken check must not cost the suggestion
        log.failure("a check failed", error)
        return Fault("checker", Message("the checks failed ({0})", type(error).__name__))
