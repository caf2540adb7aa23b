"""Read a model's config.json, and check its sizes before they are used."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tabwright.core.message import Message
from tabwright.models.errors import ModelInvalid

_MOST_BYTES = 16 << 20
_MOST_DEPTH = 20
_LAYERS, _HEADS, _WIDTH, _VOCABULARY, _POSITIONS = 1024, 4096, 1 << 20, 1 << 24, 10**8
# The upper limit of each size; present models stay below a tenth of it. The lower limit is 1.
_MOST: Mapping[str, int] = {
    "num_hidden_layers": _LAYERS,
    "n_layer": _LAYERS,
    "num_layers": _LAYERS,
    "num_attention_heads": _HEADS,
    "num_key_value_heads": _HEADS,
    "n_head": _HEADS,
    "num_experts": _HEADS,
    "num_local_experts": _HEADS,
    "n_routed_experts": _HEADS,
    "hidden_size": _WIDTH,
    "n_embd": _WIDTH,
    "d_model": _WIDTH,
    "intermediate_size": _WIDTH,
    "moe_intermediate_size": _WIDTH,
    "n_inner": _WIDTH,
    "head_dim": _WIDTH,
    "vocab_size": _VOCABULARY,
    "max_position_embeddings": _POSITIONS,
    "n_positions": _POSITIONS,
    "n_ctx": _POSITIONS,
    "sliding_window": _POSITIONS,
}
_REALS = ("rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon", "rope_theta")
_MOST_REAL = 1e12
_TOO_DEEP = Message("config.json is nested too deep")


def read(folder: Path) -> dict[str, Any]:
    """The config of a model's folder.

    Raises ModelInvalid when it is not a JSON object, or has a size that no model has.
    """
    path = folder / "config.json"
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
        if len(raw) > _MOST_BYTES:
            raise ModelInvalid(Message("{0} has more than {1} bytes", path, _MOST_BYTES))
        config = json.loads(raw)
    except RecursionError as error:
        raise ModelInvalid(_TOO_DEEP) from error
    except (OSError, ValueError) as error:
        raise ModelInvalid(Message("{0} cannot be read: {1}", path, error)) from error
    if not isinstance(config, dict):
        raise ModelInvalid(Message("{0} does not hold a JSON object", path))
    check(config)
    return config


def check(config: Mapping[str, Any]) -> None:
    """Raise ModelInvalid when a config, or one nested in it, has a size that no model has."""
    for name, value in _named(config, 0):
        if name in _MOST:
            for each in value if isinstance(value, list) else [value]:  # a list has one per layer
                whole = isinstance(each, int) and not isinstance(each, bool)
                if not (whole and 1 <= each <= _MOST[name]):
                    raise ModelInvalid(
                        Message(
                            "config.json says that {0} is {1}; it can be a whole number from 1 "
                            "to {2}",
                            name,
                            _short(each),
                            _MOST[name],
                        )
                    )
        elif name in _REALS:
            real = isinstance(value, int | float) and not isinstance(value, bool)
            if not (real and 0 < value <= _MOST_REAL and math.isfinite(value)):
                raise ModelInvalid(
                    Message(
                        "config.json says that {0} is {1}, which it cannot be", name, _short(value)
                    )
                )


def _named(config: Mapping[str, Any], depth: int) -> Iterator[tuple[str, Any]]:
    if depth > _MOST_DEPTH:
        raise ModelInvalid(_TOO_DEEP)
    for name, value in config.items():
        if isinstance(value, dict):
            yield from _named(value, depth + 1)
        elif value is not None:
            yield name, value


def _short(value: object) -> str:
    if isinstance(value, int) and not -(10**18) < value < 10**18:
        return "a number of over 18 digits"
    said = repr(value)
    return said if len(said) <= 40 else said[:40] + "…"
