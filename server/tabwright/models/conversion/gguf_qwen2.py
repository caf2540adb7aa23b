"""Turns a Qwen2 GGUF file into config.json, tokenizer.json and safetensors, without torch.

transformers reads every GGUF, but reads the vocabulary three times in Python and holds the whole
model in memory; for the family of the catalog this does the same in a fraction of the time and with
some rows in memory. A file with anything unexpected in it is left to transformers (`fits`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tabwright.core.message import Message
from tabwright.models.conversion import gguf_weights, int8, safetensors_file
from tabwright.models.conversion.gguf_file import Header, Tensor
from tabwright.models.errors import ModelInvalid

# How Qwen2 cuts text before BPE; "tokenizer.ggml.pre" names it.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_CONTROL, _USER_DEFINED = 3, 4
_CONFIG = {
    "qwen2.block_count": "num_hidden_layers",
    "qwen2.context_length": "max_position_embeddings",
    "qwen2.embedding_length": "hidden_size",
    "qwen2.feed_forward_length": "intermediate_size",
    "qwen2.attention.head_count": "num_attention_heads",
    "qwen2.attention.head_count_kv": "num_key_value_heads",
    "qwen2.attention.layer_norm_rms_epsilon": "rms_norm_eps",
    "qwen2.rope.freq_base": "rope_theta",
}
_TOP = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
_LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_IN_LAYER = re.compile(r"blk\.(\d+)\.([a-z_]+)\.(weight|bias)")
# Rows of a tensor unpacked at once hold about this many numbers: they stay in the cache.
_CHUNK = 1 << 20


def fits(header: Header) -> bool:
    """Whether every key and tensor of the file is one that this module knows how to read."""
    metadata = header.metadata
    own = {key for key in metadata if key.startswith("qwen2.")}
    return (
        header.text("general.architecture") == "qwen2"
        and header.text("tokenizer.ggml.model") == "gpt2"
        and header.text("tokenizer.ggml.pre") == "qwen2"
        and own == set(_CONFIG)
        and isinstance(metadata.get("tokenizer.ggml.merges"), list)
        and isinstance(metadata.get("tokenizer.ggml.token_type"), list)
        and not metadata.get("tokenizer.ggml.add_bos_token", False)
        and all(
            _target(tensor.name)
            and tensor.kind in gguf_weights.FORMATS
            and len(tensor.shape) in (1, 2)
            for tensor in header.tensors
        )
    )


def config(header: Header) -> dict[str, Any]:
    """The model's config.json."""
    metadata = header.metadata
    numbers = {name: metadata[key] for key, name in _CONFIG.items()}
    theta = numbers.pop("rope_theta")
    end, start, pad = (_id(header, kind) for kind in ("eos", "bos", "padding"))
    return {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "dtype": "bfloat16",
        "hidden_act": "silu",
        "attention_dropout": 0.0,
        "use_cache": True,
        "use_sliding_window": False,
        "rope_parameters": {"rope_theta": theta, "rope_type": "default"},
        "tie_word_embeddings": all(tensor.name != "output.weight" for tensor in header.tensors),
        "vocab_size": len(_tokens(header)),
        "bos_token_id": start,
        "eos_token_id": end,
        "pad_token_id": pad,
        **numbers,
    }


def generation_config(header: Header) -> dict[str, Any]:
    """The model's generation_config.json: which tokens begin, end and pad."""
    names = (("bos", "bos"), ("eos", "eos"), ("pad", "padding"))
    return {f"{name}_token_id": _id(header, kind) for name, kind in names}


def tokenizer(header: Header) -> dict[str, Any]:
    """The model's tokenizer.json: byte-level BPE, with the special tokens the file marks."""
    tokens = _tokens(header)
    kinds: Any = header.metadata["tokenizer.ggml.token_type"]
    merges: Any = header.metadata["tokenizer.ggml.merges"]
    added = [
        {
            "id": number,
            "content": token,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": kind == _CONTROL,
        }
        for number, (token, kind) in enumerate(zip(tokens, kinds, strict=True))
        if kind in (_CONTROL, _USER_DEFINED)
    ]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    split = {
        "type": "Split",
        "pattern": {"Regex": SPLIT},
        "behavior": "Isolated",
        "invert": False,
    }
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [split, {**byte_level, "use_regex": False}],
        },
        "post_processor": None,
        "decoder": {**byte_level, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: number for number, token in enumerate(tokens)},
            "merges": [merge.split(" ", 1) for merge in merges],
        },
    }


def tokenizer_config(header: Header) -> dict[str, Any]:
    """The model's tokenizer_config.json."""
    tokens = _tokens(header)
    names = (("bos", "bos"), ("eos", "eos"), ("pad", "padding"))
    ids = {kind: _id(header, name) for kind, name in names}
    settings: dict[str, Any] = {
        "tokenizer_class": "Qwen2Tokenizer",
        "model_max_length": header.metadata["qwen2.context_length"],
        "add_prefix_space": False,
    }
    for kind, number in ids.items():
        if number is not None:
            settings[f"{kind}_token"] = tokens[number]
    return settings


def write(
    source: Path,
    header: Header,
    folder: Path,
    tick: Callable[[int, int], None],
    *,
    in_8_bits: bool = False,
) -> None:
    """Write the model into the folder, its weights as bfloat16 or in 8 bits.

    ``tick`` gets how much of the weights is done and how much there is.
    """
    for name, content in (
        ("config.json", config(header)),
        ("generation_config.json", generation_config(header)),
        ("tokenizer.json", tokenizer(header)),
        ("tokenizer_config.json", tokenizer_config(header)),
    ):
        (folder / name).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    template = header.text("tokenizer.chat_template")
    if template:
        (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    weights = GgufWeights(source, header)
    if in_8_bits:
        int8.write_from([weights], folder / int8.FILE, tick)
    else:
        weights.write(folder / "model.safetensors", tick)


class GgufWeights:
    """The weights of a GGUF file under transformers' names, mapped and not read."""

    def __init__(self, source: Path, header: Header) -> None:
        """Raise ModelInvalid for tensors that do not fit into the file."""
        self._rows: dict[str, npt.NDArray[np.uint8]] = {}
        self._tensors: dict[str, Tensor] = {}
        size = source.stat().st_size
        for tensor in header.tensors:
            known = gguf_weights.FORMATS[tensor.kind]
            if not tensor.elements or tensor.shape[-1] % known.numbers:
                raise ModelInvalid(
                    Message(
                        "{0}: {1} has the impossible shape {2}", source, tensor.name, tensor.shape
                    )
                )
            row_bytes = tensor.shape[-1] // known.numbers * known.size
            rows = tensor.elements // tensor.shape[-1]
            start = header.data_start + tensor.offset
            if start + rows * row_bytes > size:
                raise ModelInvalid(Message("{0} is cut off inside {1}", source, tensor.name))
            name = _target(tensor.name)
            self._rows[name] = np.memmap(source, np.uint8, "r", start, (rows, row_bytes))
            self._tensors[name] = tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def shape_of(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor."""
        return self._tensors[name].shape

    def rows(self, name: str, begin: int, end: int) -> npt.NDArray[np.float32]:
        """Some rows of a matrix, or of a vector's numbers, as float32 rounded to bfloat16.

        Rounded so that weights in 8 bits are the same whether they are made of this or of the
        bfloat16 file.
        """
        return _widened(self._bits(name, begin, end))

    def _bits(self, name: str, begin: int, end: int) -> npt.NDArray[np.uint16]:
        tensor = self._tensors[name]
        if len(tensor.shape) == 1:  # one row
            found = gguf_weights.unpack(self._rows[name], tensor.kind)
            return bfloat16(found[0, begin:end])
        piece = np.ascontiguousarray(self._rows[name][begin:end])
        return bfloat16(gguf_weights.unpack(piece, tensor.kind))

    def write(self, target: Path, tick: Callable[[int, int], None]) -> None:
        """Write all of them as bfloat16; ``tick`` gets the bytes done and to do."""
        described = {name: ("BF16", self.shape_of(name)) for name in self}
        total = sum(2 * tensor.elements for tensor in self._tensors.values())

        def pieces() -> Iterator[safetensors_file.Piece]:
            done = 0
            with ThreadPoolExecutor(2) as pool:
                for name, tensor in self._tensors.items():
                    offset = 0
                    for bits in pool.map(lambda job: self._bits(*job), _jobs(name, tensor)):
                        data = bits.tobytes()
                        yield name, offset, data
                        offset += len(data)
                        done += len(data)
                        tick(done, total)

        safetensors_file.write(target, described, pieces())


def _jobs(name: str, tensor: Tensor) -> list[tuple[str, int, int]]:
    """A tensor cut into pieces of whole rows, in order."""
    if len(tensor.shape) == 1:
        return [(name, 0, tensor.shape[0])]
    step = max(1, _CHUNK // tensor.shape[-1])
    rows = tensor.shape[0]
    return [(name, at, min(at + step, rows)) for at in range(0, rows, step)]


def bfloat16(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    """Float32 numbers rounded to bfloat16, to nearest and halves to even, as their 16 bits."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return rounded.astype("<u2")


def _widened(bits: npt.NDArray[np.uint16]) -> npt.NDArray[np.float32]:
    return (bits.astype(np.uint32) << 16).view(np.float32)


def _target(name: str) -> str:
    """transformers' name of a tensor; empty for one that is not known."""
    if name in _TOP:
        return _TOP[name]
    found = _IN_LAYER.fullmatch(name)
    if found is None or found[2] not in _LAYER:
        return ""
    return f"model.layers.{found[1]}.{_LAYER[found[2]]}.{found[3]}"


def _tokens(header: Header) -> list[str]:
    value: Any = header.metadata["tokenizer.ggml.tokens"]
    tokens: list[str] = value
    return tokens


def _id(header: Header, kind: str) -> int | None:
    value = header.metadata.get(f"tokenizer.ggml.{kind}_token_id")
    return value if isinstance(value, int) else None
