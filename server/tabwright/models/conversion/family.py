"""Which tensors a model of the Llama family has, and whether a converted one has them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from tabwright.core.message import Message
from tabwright.models.errors import ModelInvalid
from tabwright.models.shape import Shape

_TEXT = "def f(x):\n    return x"


def tensors_of(shape: Shape, config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor by transformers' names; ModelInvalid where a size is missing."""
    try:
        inner, vocabulary = int(config["intermediate_size"]), int(config["vocab_size"])
    except KeyError as error:
        raise ModelInvalid(Message("config.json lacks {0}", error)) from error
    width, head = shape.width, shape.head_width
    asked, kept = shape.heads * head, shape.key_heads * head
    found: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (vocabulary, width),
        "model.norm.weight": (width,),
    }
    if not shape.tied:
        found["lm_head.weight"] = (vocabulary, width)
    for layer in range(shape.layers):
        at = f"model.layers.{layer}."
        found |= {
            f"{at}input_layernorm.weight": (width,),
            f"{at}post_attention_layernorm.weight": (width,),
            f"{at}self_attn.q_proj.weight": (asked, width),
            f"{at}self_attn.k_proj.weight": (kept, width),
            f"{at}self_attn.v_proj.weight": (kept, width),
            f"{at}self_attn.o_proj.weight": (width, asked),
            f"{at}mlp.gate_proj.weight": (inner, width),
            f"{at}mlp.up_proj.weight": (inner, width),
            f"{at}mlp.down_proj.weight": (width, inner),
        }
        if shape.biased:
            found |= {
                f"{at}self_attn.q_proj.bias": (asked,),
                f"{at}self_attn.k_proj.bias": (kept,),
                f"{at}self_attn.v_proj.bias": (kept,),
            }
        if shape.family == "qwen3":
            found |= {f"{at}self_attn.{kind}_norm.weight": (head,) for kind in "qk"}
    return found


def check(
    folder: Path, shape: Shape, config: Mapping[str, Any], found: Mapping[str, tuple[int, ...]]
) -> None:
    """See that config, weights and tokenizer belong together, without reading the weights.

    ``found`` are the shapes of the weights by name. Raises ModelInvalid that says what does not
    fit.
    """
    for name, expected in tensors_of(shape, config).items():
        if name not in found:
            raise ModelInvalid(Message("the weights lack {0}", name))
        if found[name] != expected:
            raise ModelInvalid(Message("{0} is of shape {1}, not {2}", name, found[name], expected))
    path = folder / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        raise ModelInvalid(
            Message("{0} is not a readable tokenizer: {1}", path.name, error)
        ) from error
    ids = tokenizer.encode(_TEXT, add_special_tokens=False).ids
    back = tokenizer.decode(ids, skip_special_tokens=False)
    if back.strip() != _TEXT or max(ids) >= int(config["vocab_size"]):
        raise ModelInvalid(
            Message("its tokenizer does not fit: it makes {0} of {1}", repr(back), repr(_TEXT))
        )
