"""Tiny models made on the spot: real architectures, random weights, 400 tokens.

Each holds what a converted model holds: config.json, model.safetensors, tokenizer.json and
tokenizer_config.json. They answer nonsense, but the same nonsense each time.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from transformers import PreTrainedModel

QWEN_END = "<|endoftext|>"
QWEN_SPECIAL = (
    QWEN_END,
    "<|im_start|>",
    "<|im_end|>",
    "<|fim_prefix|>",
    "<|fim_middle|>",
    "<|fim_suffix|>",
    "<|fim_pad|>",
    "<|repo_name|>",
    "<|file_sep|>",
)
CODEGEN_SPECIAL = (QWEN_END,)
CONTEXT_LENGTH = 512
# How Qwen2 cuts text before BPE (each digit alone; punctuation keeps its line ends).
QWEN_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

CORPUS = '''\
"""Read a file of numbers and say something about them."""

import os
import sys
from collections.abc import Iterable


class Reader:
    """Reads numbers, one a line."""

    def __init__(self, path: str, limit: int = 100) -> None:
        self.path = path
        self.limit = limit
        self.values: list[float] = []

    def read(self) -> list[float]:
        with open(self.path, encoding="utf-8") as file:
            for number, line in enumerate(file):
                if number >= self.limit:
                    break
                if not line.strip() or line.startswith("#"):
                    continue
                self.values.append(float(line))
        return self.values


def mean(values: Iterable[float]) -> float:
    total, count = 0.0, 0
    for value in values:
        total += value
        count += 1
    if count == 0:
        raise ValueError("mean of nothing")
    return total / count


def main() -> int:
    if len(sys.argv) != 2 or not os.path.exists(sys.argv[1]):
        print("usage: numbers.py FILE", file=sys.stderr)
        return 2
    print(f"mean {mean(Reader(sys.argv[1]).read()):.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
'''


@functools.cache
def _byte_bpe(special: tuple[str, ...], split: str | None, size: int) -> str:
    """tokenizer.json of a byte-level BPE trained on CORPUS: any text makes the round trip."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, pre_tokenizers, trainers
    from tokenizers.models import BPE

    tokenizer = Tokenizer(BPE())
    if split is None:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(split), behavior="isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size - len(special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS.splitlines(keepends=True), trainer)
    # Added last, as in the real ones: the special tokens have the highest ids.
    tokenizer.add_special_tokens([AddedToken(text, normalized=False) for text in special])
    written: str = tokenizer.to_str()
    return written


def _write(folder: Path, model: PreTrainedModel, tokenizer: str, end: str, kind: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    model.eval().save_pretrained(folder)
    (folder / "tokenizer.json").write_text(tokenizer, encoding="utf-8")
    settings = {
        "tokenizer_class": kind,
        "eos_token": end,
        "pad_token": end,
        "add_prefix_space": False,
        "model_max_length": CONTEXT_LENGTH,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder


def make_tiny_qwen2(
    folder: Path, *, seed: int = 0, tied: bool = False, heads: int = 4, width: int = 64
) -> Path:
    """Write a two-layer Qwen2 with the Qwen infill tokens into the folder, and return the folder.

    Float32 weights, CONTEXT_LENGTH positions, grouped key/value heads as in the real one; `tied`
    shares the input and output embeddings.
    """
    import torch
    from tokenizers import Tokenizer
    from transformers import Qwen2Config, Qwen2ForCausalLM

    text = _byte_bpe(QWEN_SPECIAL, QWEN_SPLIT, 400)
    tokenizer = Tokenizer.from_str(text)
    end = tokenizer.token_to_id(QWEN_END)
    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=_padded(tokenizer.get_vocab_size()),
        hidden_size=width,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=heads,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT_LENGTH,
        tie_word_embeddings=tied,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
    )
    return _write(folder, Qwen2ForCausalLM(config), text, QWEN_END, "Qwen2Tokenizer")


def logits_in_pieces(model: Any, ids: Sequence[int], count: int) -> Any:
    """Logits behind each of the ids, so many of which a backend gets at once."""
    state = model.new_state()
    pieces = (ids[at : at + count] for at in range(0, len(ids), count))
    return np.concatenate([model.forward(state, piece, last=len(piece)) for piece in pieces])


def make_tiny_relative(folder: Path, family: str, *, seed: int = 0) -> Path:
    """Write a two-layer model of the Llama family ("llama", "qwen3"), and return the folder."""
    import torch
    from tokenizers import Tokenizer
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM

    text = _byte_bpe(QWEN_SPECIAL, QWEN_SPLIT, 400)
    sizes = {
        "vocab_size": _padded(Tokenizer.from_str(text).get_vocab_size()),
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": CONTEXT_LENGTH,
    }
    torch.manual_seed(seed)
    model: PreTrainedModel
    if family == "llama":
        model = LlamaForCausalLM(LlamaConfig(**sizes, num_key_value_heads=4))
    else:
        model = Qwen3ForCausalLM(Qwen3Config(**sizes, num_key_value_heads=2, head_dim=32))
    return _write(folder, model, text, QWEN_END, "Qwen2Tokenizer")


def make_tiny_codegen(folder: Path, *, seed: int = 0) -> Path:
    """Write a two-layer CodeGen, which has no infill tokens, and return the folder."""
    import torch
    from tokenizers import Tokenizer
    from transformers import CodeGenConfig, CodeGenForCausalLM

    text = _byte_bpe(CODEGEN_SPECIAL, None, 400)
    tokenizer = Tokenizer.from_str(text)
    end = tokenizer.token_to_id(QWEN_END)
    torch.manual_seed(seed)
    config = CodeGenConfig(
        vocab_size=_padded(tokenizer.get_vocab_size()),
        n_positions=CONTEXT_LENGTH,
        n_ctx=CONTEXT_LENGTH,
        n_embd=64,
        n_layer=2,
        n_head=4,
        rotary_dim=8,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
    )
    return _write(folder, CodeGenForCausalLM(config), text, QWEN_END, "GPT2Tokenizer")


def _padded(vocabulary: int, multiple: int = 16) -> int:
    """Real models pad their vocabulary, so some ids of the output head belong to no token."""
    return -(-(vocabulary + 1) // multiple) * multiple
