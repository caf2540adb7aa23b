"""The sizes of a model of the Llama family, from its config.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FAMILIES = ("llama", "qwen2", "qwen3")
_NEEDED = ("num_attention_heads", "num_hidden_layers", "hidden_size", "rms_norm_eps")


@dataclass(frozen=True)
class Shape:
    """The sizes of a model: widths, heads and layers."""

    family: str
    layers: int
    heads: int
    key_heads: int
    head_width: int
    width: int
    epsilon: float
    theta: float
    tied: bool
    biased: bool  # whether queries, keys and values have a bias

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Shape | None:
        """Read a config.json; None when it has a feature that the family lacks."""
        rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
        known = (
            isinstance(rope, dict)
            and all(config.get(name) is not None for name in _NEEDED)
            and config.get("model_type") in FAMILIES
            and config.get("hidden_act") == "silu"
            and not config.get("use_sliding_window")
            and not config.get("attention_bias")
            and not config.get("mlp_bias")
            and rope.get("rope_type", "default") == "default"
            and rope.get("partial_rotary_factor", 1.0) == 1.0
            and "quantization_config" not in config
        )
        if not known:
            return None
        heads = int(config["num_attention_heads"])
        theta = rope.get("rope_theta") or config.get("rope_theta") or 10_000.0
        return cls(
            family=config["model_type"],
            layers=int(config["num_hidden_layers"]),
            heads=heads,
            key_heads=int(config.get("num_key_value_heads") or heads),
            head_width=int(config.get("head_dim") or config["hidden_size"] // heads),
            width=int(config["hidden_size"]),
            epsilon=float(config["rms_norm_eps"]),
            theta=float(theta),
            tied=bool(config.get("tie_word_embeddings", False)),
            biased=config["model_type"] == "qwen2",
        )
