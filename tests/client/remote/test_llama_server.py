"""RemoteEngine against a real llama.cpp server, with a tiny model of random weights."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import tiny

from tabwright.client.engine import EngineError, EngineUnavailable, Request
from tabwright.client.remote.engine import RemoteEngine, RemoteOptions
from tabwright.core.prompting.context import Window
from tabwright.core.prompting.prompt import infill

Ask = Callable[..., Request]

# A process of its own: its native threads must not outlive or crash the tests.
SERVE = """
import sys, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.n_ctx, params.n_parallel = sys.argv[1], 512, 1
params.hostnames, params.port, params.warmup = ["127.0.0.1"], 0, False
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
params.api_keys = [sys.argv[2]]
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
"""
KEY = "sk-llama"


def write_tiny_gguf(file: Path) -> None:
    """Write a two-layer Qwen2 of random weights with the Qwen infill tokens, context 512."""
    import gguf
    import numpy as np
    from tokenizers import Tokenizer

    text = tiny._byte_bpe(tiny.QWEN_SPECIAL, tiny.QWEN_SPLIT, 400)
    tokenizer = Tokenizer.from_str(text)
    names = [tokenizer.id_to_token(index) for index in range(tokenizer.get_vocab_size())]
    merges = json.loads(text)["model"]["merges"]
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    writer = gguf.GGUFWriter(file, "qwen2")
    writer.add_name("qwen2.5-coder-tiny")
    writer.add_context_length(512)
    writer.add_embedding_length(64)
    writer.add_block_count(2)
    writer.add_feed_forward_length(96)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(10000.0)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(names)
    writer.add_token_types([control if n in tiny.QWEN_SPECIAL else normal for n in names])
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_eos_token_id(names.index(tiny.QWEN_END))
    writer.add_add_bos_token(False)
    random = np.random.default_rng(0)

    def add(name: str, *shape: int) -> None:
        weights = random.standard_normal(shape) * 0.3 if len(shape) > 1 else np.ones(shape)
        writer.add_tensor(name, weights.astype(np.float32))

    add("token_embd.weight", len(names), 64)
    add("output.weight", len(names), 64)
    add("output_norm.weight", 64)
    for layer in ("blk.0.", "blk.1."):
        for name, rows in (("q", 64), ("k", 32), ("v", 32)):
            add(f"{layer}attn_{name}.weight", rows, 64)
            add(f"{layer}attn_{name}.bias", rows)
        add(f"{layer}attn_output.weight", 64, 64)
        add(f"{layer}attn_norm.weight", 64)
        add(f"{layer}ffn_norm.weight", 64)
        add(f"{layer}ffn_gate.weight", 96, 64)
        add(f"{layer}ffn_up.weight", 96, 64)
        add(f"{layer}ffn_down.weight", 64, 96)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a running llama-server."""
    pytest.importorskip("xllamacpp", reason="the peer's server comes with xllamacpp")
    file = tmp_path_factory.mktemp("gguf") / "qwen2.5-coder-tiny.gguf"
    write_tiny_gguf(file)
    command = [sys.executable, "-c", SERVE, str(file), KEY]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        address = process.stdout.readline().strip()
        assert address.startswith("http://"), "llama-server did not start"
        yield address
        process.stdin.close()
        process.wait(20)


@pytest.fixture
def options(llama: str, monkeypatch: pytest.MonkeyPatch) -> RemoteOptions:
    monkeypatch.setenv("LLAMA_KEY", KEY)
    return RemoteOptions(llama, key_environment="LLAMA_KEY")


async def test_completes_streams_and_reuses_its_cache(options: RemoteOptions) -> None:
    engine = RemoteEngine(options, refusal=lambda: None)
    info = await engine.model_info("")
    assert info.family.name == "qwen2.5-coder"
    assert info.context_length == 512
    window = Window("def mean(values):\n    total = 0\n    for value in values:\n", "\n")
    prompt = infill(info.family, window, path="a.py", language_id="python")
    request = Request(info.name, prompt, 8, heal=False)
    pieces: list[str] = []
    first = await engine.generate(request, lambda _, piece: pieces.append(piece))
    assert first.texts == ("".join(pieces),) and first.texts[0]
    assert first.finish in (("length",), ("stop",))
    assert first.usage.completion_tokens <= 8 and first.usage.prefill_ms > 0
    again = await engine.generate(request)
    assert again.texts == first.texts, "greedy: the same each time"
    assert again.usage.reused_tokens > 10 >= again.usage.computed_tokens
    # It has one slot and so refuses two candidates at once.
    two = await engine.generate(Request(info.name, prompt, 4, n=2, temperature=0.8, heal=False))
    assert len(two.texts) == 2 == len(two.finish)
    assert (await engine.generate(Request(info.name, prompt, 0))).texts == ("",)
    assert (await engine.status())["url"] == options.url
    await engine.aclose()


async def test_special_tokens_in_the_prompt_are_tokens_there(options: RemoteOptions) -> None:
    engine = RemoteEngine(options, refusal=lambda: None)
    info = await engine.model_info("")
    prompt = infill(info.family, Window("a", "b"), path="a.py", language_id="python")
    answer = await engine.generate(Request(info.name, prompt, 1, heal=False))
    assert answer.usage.prompt_tokens == 5  # three special tokens and two letters
    await engine.aclose()


async def test_a_prompt_too_long_is_reported(options: RemoteOptions, ask: Ask) -> None:
    engine = RemoteEngine(options, refusal=lambda: None)
    with pytest.raises(EngineError, match="exceeds the available context size"):
        await engine.generate(ask("a b c d " * 500))
    await engine.aclose()


async def test_cancelling_frees_its_only_slot(options: RemoteOptions, ask: Ask) -> None:
    engine = RemoteEngine(options, refusal=lambda: None)
    begun = asyncio.Event()
    task = asyncio.create_task(
        engine.generate(ask("def f(", max_tokens=400), lambda *_: begun.set())
    )
    await asyncio.wait_for(begun.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    started = time.monotonic()
    await engine.generate(ask("x = (", max_tokens=1))
    assert time.monotonic() - started < 5
    await engine.aclose()


async def test_a_wrong_key(
    options: RemoteOptions, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLAMA_KEY", "sk-wrong")
    engine = RemoteEngine(options, refusal=lambda: None)
    with pytest.raises(EngineError, match="does not accept the key") as caught:
        await engine.generate(ask())
    assert not isinstance(caught.value, EngineUnavailable) and "sk-wrong" not in str(caught.value)
    await engine.aclose()
