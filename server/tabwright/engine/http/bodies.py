"""Request and response bodies of the completions API: parsing, limits and errors."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

from aiohttp import web

from tabwright.core.message import Message, to_json, verbatim
from tabwright.engine.backends import BackendError
from tabwright.engine.decoding.decode import GenerationRequest, GenerationUsage, PromptTooLong
from tabwright.engine.decoding.sampling import Sampling
from tabwright.engine.decoding.sequence import Delta
from tabwright.engine.decoding.vocabulary import Part
from tabwright.engine.worker import LANES, Lane
from tabwright.models.store import ModelInvalid, ModelMissing

_MAX_TOKENS = 8192
_MAX_ANSWERS = 16
_MAX_NAME = 4096  # as long as a path may be
_MAX_TEMPERATURE = 100
_MAX_TOTAL_TOKENS = 32_768  # tokens of all answers to one request
_MAX_PARTS = 4096
_MAX_STOPS = 64
_MAX_AVOIDED = 16
_MAX_TEXT = 2_000  # characters of a stop text or an avoided answer; longer ones are cut
_MAX_PREDICTION = 32_768  # characters; longer predictions are cut
# A token is 3 to 4 characters of code. A prompt with this many characters per token of the context
# cannot fit, and tokenizing it would take seconds.
_MAX_CHARACTERS_PER_TOKEN = 16
_LOOKUP_ABOVE = 64  # max_tokens of an action above which its prompt is a source of drafts


class BadRequest(ValueError):
    """A request body is invalid; the message names the field."""


@dataclass(frozen=True)
class CompletionRequest:
    """A validated request body; `parts` is None when it has only a flat prompt."""

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
        """Raise PromptTooLong for a prompt that is far too long for a context of this length."""
        texts = [self.prompt] if self.parts is None else [part.text for part in self.parts]
        size = sum(map(len, texts))
        if size > context_length * _MAX_CHARACTERS_PER_TOKEN:
            raise PromptTooLong(
                Message(
                    "a prompt of {0} characters does not fit the model's context of {1} tokens",
                    size,
                    context_length,
                )
            )

    def to_generation(self, split: Callable[[str], Sequence[Part]]) -> GenerationRequest:
        """Return the request for the decode loop; `split` splits a flat prompt into parts."""
        parts = self.parts if self.parts is not None else tuple(split(self.prompt))
        return GenerationRequest(
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
    """Parse a JSON body.

    Raises BadRequest for what is not strict JSON: NaN, Infinity, a duplicate name in an object, or
    nesting deeper than Python's parser allows.
    """
    try:
        return json.loads(body, parse_constant=_no_constant, object_pairs_hook=_unique_names)
    except BadRequest:
        raise
    except RecursionError as failure:
        raise BadRequest("the body is nested too deep") from failure
    except ValueError as failure:
        raise BadRequest(f"the body is not JSON: {_reason(failure)}") from failure


def error_response(status: int, code: str, message: str) -> web.Response:
    """Return the response to a request that is refused."""
    problem = {"message": message, "type": "Refused", "code": code}
    return web.json_response({"error": problem}, status=status)


def _no_constant(name: str) -> NoReturn:
    raise BadRequest(f"the body is not JSON: {name} is no number of JSON")


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise BadRequest("the body has one name twice in an object")
    return found


def _reason(failure: ValueError) -> str:
    """Return what is wrong with the JSON, without quoting the body."""
    if isinstance(failure, json.JSONDecodeError):
        return f"{failure.msg} at character {failure.pos}"
    return "it is not UTF-8" if isinstance(failure, UnicodeDecodeError) else "a number is too long"


def parse(body: object, default_model: str) -> CompletionRequest:
    """Validate a JSON body; raises BadRequest. Unknown fields are ignored, as OpenAI's API does."""
    if not isinstance(body, Mapping):
        raise BadRequest("the body must be a JSON object")
    stops = _texts(body, "stop", _MAX_STOPS)
    avoid = _texts(body, "avoid", _MAX_AVOIDED)
    lane = _field(body, "lane", str, "actions")
    if lane not in LANES:
        raise BadRequest(f"'lane' must be one of {', '.join(LANES)}")
    max_tokens = _number(body, "max_tokens", 0, _MAX_TOKENS, 16)
    prediction = _prediction(body)[:_MAX_PREDICTION]
    count = _number(body, "n", 1, _MAX_ANSWERS, 1)
    if count * max_tokens > _MAX_TOTAL_TOKENS:
        raise BadRequest(f"'n' times 'max_tokens' must not be above {_MAX_TOTAL_TOKENS}")
    long = lane == "actions" and max_tokens > _LOOKUP_ABOVE
    model = _field(body, "model", str, "") or default_model
    if len(model) > _MAX_NAME:
        raise BadRequest(f"'model' is longer than {_MAX_NAME} characters")
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
        suffix_stop=_field(body, "suffix_stop", str, "")[:_MAX_TEXT],
        heal=_field(body, "heal", bool, False),
        sampling=Sampling(
            temperature=float(_number(body, "temperature", 0, _MAX_TEMPERATURE, 0.0, float)),
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
    """Return a field with a text or a list of texts; drop empty ones, cut long ones."""
    found = _field(body, name, (str, list), [])
    texts = [found] if isinstance(found, str) else found
    if len(texts) > most:
        raise BadRequest(f"'{name}' must not have more than {most} texts")
    if not all(isinstance(text, str) for text in texts):
        raise BadRequest(f"'{name}' must be a string or a list of strings")
    return tuple(text[:_MAX_TEXT] for text in texts if text)


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
    """Return the text of OpenAI's ``{"type": "content", "content": …}``: a text or text parts."""
    content = _field(body, "prediction", dict, {}).get("content", "")
    pieces = content if isinstance(content, list) else [{"text": content}]
    texts = [piece.get("text") if isinstance(piece, Mapping) else None for piece in pieces]
    if not all(isinstance(text, str) for text in texts):
        raise BadRequest("'prediction' must be {'type': 'content', 'content': a text}")
    return "".join(map(str, texts))


def _parts(value: object) -> tuple[Part, ...]:
    if not isinstance(value, list):
        raise BadRequest("'parts' must be a list")
    if len(value) > _MAX_PARTS:
        raise BadRequest(f"'parts' must not have more than {_MAX_PARTS} items")
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
    identity: str, model: str, deltas: Sequence[Delta], usage: GenerationUsage | None
) -> dict[str, Any]:
    """Return a response body of the API, for a whole response or one streamed event."""
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
    """Return the HTTP status and the response body for an exception.

    ``hide`` removes from a message what clients must not see.
    """
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
    return status, {"error": {**to_json(message.map_text(hide)), "type": name, "code": code}}
