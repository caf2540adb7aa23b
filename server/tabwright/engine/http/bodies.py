"""The completions API's bodies: what a request means, and what is sent back."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

from aiohttp import web

from tabwright.core.message import Message, to_json, verbatim
from tabwright.engine.backends import BackendError
from tabwright.engine.decoding.decode import Ask, PromptTooLong, Usage
from tabwright.engine.decoding.sampling import Sampling
from tabwright.engine.decoding.sequence import Delta
from tabwright.engine.decoding.vocabulary import Part
from tabwright.engine.worker import LANES, Lane
from tabwright.models.store import ModelInvalid, ModelMissing

_MOST_TOKENS = 8192
_MOST_ANSWERS = 16
_LONGEST_NAME = 4096  # as long as a path may be
_MOST_TEMPERATURE = 100
_MOST_WRITTEN = 32_768  # tokens of all answers to a request together
_MOST_PARTS = 4096
_MOST_STOPS = 64
_MOST_AVOIDED = 16
_LONGEST_TEXT = 2_000  # characters of one text to stop at or to avoid; of a longer one the start
_LONGEST_PREDICTION = 32_768  # characters, of which more than can be written are no use
# A token stands for 3 to 4 characters of code. A prompt of so many more cannot be meant, and to
# tokenise it would take seconds.
_CHARACTERS_PER_TOKEN = 16
_LOOKUP_FROM = 64  # tokens an action may write above which its prompt is looked through for drafts


class BadRequest(ValueError):
    """A request body that cannot be meant; the message names the field."""


@dataclass(frozen=True)
class CompletionRequest:
    """A checked request: `parts` is None when only a flat prompt was given."""

    model: str
    prompt: str
    parts: tuple[Part, ...] | None
    stream: bool
    lane: Lane
    session: str
    max_tokens: int
    n: int
    stops: tuple[str, ...]
    suffix_stop: str
    heal: bool
    sampling: Sampling
    avoid: tuple[str, ...]
    prediction: str
    lookup: bool

    def check_size(self, context_length: int) -> None:
        """Raise PromptTooLong for a prompt far beyond a context of so many tokens."""
        texts = [self.prompt] if self.parts is None else [part.text for part in self.parts]
        size = sum(map(len, texts))
        if size > context_length * _CHARACTERS_PER_TOKEN:
            raise PromptTooLong(
                Message(
                    "a prompt of {0} characters does not fit the model's context of {1} tokens",
                    size,
                    context_length,
                )
            )

    def ask(self, split: Callable[[str], Sequence[Part]]) -> Ask:
        """Return what to generate; `split` finds the special tokens of a flat prompt."""
        parts = self.parts if self.parts is not None else tuple(split(self.prompt))
        return Ask(
            parts,
            self.max_tokens,
            self.n,
            self.stops,
            self.suffix_stop,
            self.heal,
            self.sampling,
            self.avoid,
            self.prediction,
            self.lookup,
        )


def load(body: bytes) -> object:
    """Read a JSON body; raises BadRequest where it is not plain JSON: NaN, Infinity, one name twice
    in an object, or nested deeper than Python reads it."""
    try:
        return json.loads(body, parse_constant=_no_constant, object_pairs_hook=_once)
    except BadRequest:
        raise
    except RecursionError as failure:
        raise BadRequest("the body is nested too deep") from failure
    except ValueError as failure:
        raise BadRequest(f"the body is not JSON: {_reason(failure)}") from failure


def refused(status: int, code: str, message: str) -> web.Response:
    """The answer to a request that is not looked at further."""
    said = {"message": message, "type": "Refused", "code": code}
    return web.json_response({"error": said}, status=status)


def _no_constant(name: str) -> NoReturn:
    raise BadRequest(f"the body is not JSON: {name} is no number of JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise BadRequest("the body has one name twice in an object")
    return found


def _reason(failure: ValueError) -> str:
    """What is wrong, without quoting the body."""
    if isinstance(failure, json.JSONDecodeError):
        return f"{failure.msg} at character {failure.pos}"
    return "it is not UTF-8" if isinstance(failure, UnicodeDecodeError) else "a number is too long"


def parse(body: object, default_model: str) -> CompletionRequest:
    """Check a JSON body; raises BadRequest. Unknown fields are ignored, as the API's users do."""
    if not isinstance(body, Mapping):
        raise BadRequest("the body must be a JSON object")
    stops = _texts(body, "stop", _MOST_STOPS)
    avoid = _texts(body, "avoid", _MOST_AVOIDED)
    lane = _field(body, "lane", str, "actions")
    if lane not in LANES:
        raise BadRequest(f"'lane' must be one of {', '.join(LANES)}")
    max_tokens = _number(body, "max_tokens", 0, _MOST_TOKENS, 16)
    prediction = _prediction(body)[:_LONGEST_PREDICTION]
    count = _number(body, "n", 1, _MOST_ANSWERS, 1)
    if count * max_tokens > _MOST_WRITTEN:
        raise BadRequest(f"'n' times 'max_tokens' must not be above {_MOST_WRITTEN}")
    long = lane == "actions" and max_tokens > _LOOKUP_FROM
    model = _field(body, "model", str, "") or default_model
    if len(model) > _LONGEST_NAME:
        raise BadRequest(f"'model' is longer than {_LONGEST_NAME} characters")
    return CompletionRequest(
        model=model,
        prompt=_field(body, "prompt", str, ""),
        parts=_parts(body["parts"]) if body.get("parts") is not None else None,
        stream=_field(body, "stream", bool, False),
        lane=lane,
        session=_field(body, "session", str, ""),
        max_tokens=max_tokens,
        n=count,
        stops=stops,
        suffix_stop=_field(body, "suffix_stop", str, "")[:_LONGEST_TEXT],
        heal=_field(body, "heal", bool, False),
        sampling=Sampling(
            temperature=float(_number(body, "temperature", 0, _MOST_TEMPERATURE, 0.0, float)),
            top_p=max(0.01, float(_number(body, "top_p", 0, 1, 0.95, float))),
            seed=_number(body, "seed", 0, 2**63 - 1, 0),
        ),
        avoid=avoid,
        prediction=prediction,
        lookup=_field(body, "lookup", bool, bool(prediction) or long),
    )


def _field(body: Mapping[str, Any], name: str, kind: Any, default: Any) -> Any:
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise BadRequest(f"'{name}' has the wrong type: {type(value).__name__}")
    return value


def _texts(body: Mapping[str, Any], name: str, most: int) -> tuple[str, ...]:
    """A text or a list of them, the empty ones left out, of a long one the start."""
    found = _field(body, name, (str, list), [])
    texts = [found] if isinstance(found, str) else found
    if len(texts) > most:
        raise BadRequest(f"'{name}' must not have more than {most} texts")
    if not all(isinstance(text, str) for text in texts):
        raise BadRequest(f"'{name}' must be a string or a list of strings")
    return tuple(text[:_LONGEST_TEXT] for text in texts if text)


def _number(
    body: Mapping[str, Any],
    name: str,
    least: int,
    most: int,
    default: float,
    kind: type[int] | type[float] = int,
) -> Any:
    value = _field(body, name, int if kind is int else (int, float), default)
    if not least <= value <= most or not math.isfinite(value):
        raise BadRequest(f"'{name}' must lie between {least} and {most}")
    return value


def _prediction(body: Mapping[str, Any]) -> str:
    """OpenAI's ``{"type": "content", "content": …}``: a text, or a list of parts with one each."""
    content = _field(body, "prediction", dict, {}).get("content", "")
    pieces = content if isinstance(content, list) else [{"text": content}]
    texts = [piece.get("text") if isinstance(piece, Mapping) else None for piece in pieces]
    if not all(isinstance(text, str) for text in texts):
        raise BadRequest("'prediction' must be {'type': 'content', 'content': a text}")
    return "".join(map(str, texts))


def _parts(value: object) -> tuple[Part, ...]:
    if not isinstance(value, list):
        raise BadRequest("'parts' must be a list")
    if len(value) > _MOST_PARTS:
        raise BadRequest(f"'parts' must not have more than {_MOST_PARTS} items")
    parts = []
    for item in value:
        if not isinstance(item, Mapping) or len(item) != 1:
            raise BadRequest("each of 'parts' must be {'text': …} or {'token': …}")
        kind, text = next(iter(item.items()))
        if kind not in ("text", "token") or not isinstance(text, str):
            raise BadRequest("each of 'parts' must be {'text': …} or {'token': …}")
        parts.append(Part(text, special=kind == "token"))
    return tuple(parts)


def chunk(
    identity: str, model: str, deltas: Sequence[Delta], usage: Usage | None
) -> dict[str, Any]:
    """Return a body of the API, whole or streamed."""
    body: dict[str, Any] = {
        "id": identity,
        "object": "text_completion",
        "model": model,
        "choices": [
            {
                "index": delta.index,
                "text": delta.text,
                "finish_reason": delta.finish_reason,
                "stop_reason": delta.stop_reason,
            }
            for delta in deltas
        ],
    }
    return body if usage is None else body | {"usage": asdict(usage)}


def error(failure: BaseException, hide: Callable[[str], str] = str) -> tuple[int, dict[str, Any]]:
    """Return the HTTP status and body for a failure; ``hide`` takes out what is not told."""
    table: list[tuple[type[BaseException], int, str]] = [
        (ModelMissing, 404, "model_missing"),
        (ModelInvalid, 422, "model_invalid"),
        (BackendError, 422, "model_invalid"),
        (PromptTooLong, 400, "prompt_too_long"),
        (BadRequest, 400, "bad_request"),
        (KeyError, 400, "bad_request"),
    ]
    name = type(failure).__name__
    known = [(status, code) for kind, status, code in table if isinstance(failure, kind)]
    status, code = known[0] if known else (500, "internal")
    message = verbatim(str(failure)) if known else Message("{0}: {1}", name, failure)
    if isinstance(failure, KeyError):
        message = Message("the model has no special token {0}", message)
    return status, {"error": {**to_json(message.changed(hide)), "type": name, "code": code}}
