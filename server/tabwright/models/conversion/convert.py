"""Converts a model once to what the engine loads in seconds: safetensors and tokenizer.json.

Runs as a process of its own (``python -m tabwright.models.conversion.convert SOURCE FOLDER KEEP``),
so that its memory is given back and torch stays out of the caller. Prints JSON lines: ``{"done",
"total"}`` in bytes, ``{"message"}``, and at the end ``{"route"}`` or ``{"error"}`` with exit
status 1. SOURCE is a .gguf file or a directory as the hub has them. KEEP says which weights stay:
"full", those of 16 bits, or "int8", those in 8 bits alone where our kernels or OpenVINO serve the
model. The Llama family needs no torch here; all other models do. Weights are read from GGUF and
safetensors only, never from pickle, and no code that comes with a model is run.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tabwright import extras
from tabwright.core.message import Message, to_json
from tabwright.models import config_file
from tabwright.models.conversion import family, gguf_file, gguf_qwen2, int8
from tabwright.models.conversion.int8 import files
from tabwright.models.conversion.safetensors_file import Safetensors
from tabwright.models.errors import ModelError, ModelInvalid
from tabwright.models.names import INDEX_FILE, INT8_FILE, Keep
from tabwright.models.shape import Shape
from tabwright.models.store import lacking_of, pickle_only

logger = logging.getLogger(__name__)

Report = Callable[[dict[str, Any]], None]
# What a model's folder may hold beside its weights and is worth keeping.
_KEPT = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    INDEX_FILE,
)


def convert(source: Path, folder: Path, report: Report, keep: Keep = "full") -> str:
    """Convert SOURCE into the empty folder and return the route taken: direct, copy, transformers.

    With ``keep`` "int8" the full weights are not kept where those in 8 bits can serve. Raises
    ModelInvalid when the source is not a causal language model that can be loaded safely.
    """
    folder.mkdir(parents=True, exist_ok=True)

    def tick(done: int, total: int) -> None:
        report({"done": done, "total": total})

    if source.is_file():
        header = gguf_file.read_header(source)
        if gguf_qwen2.fits(header):
            gguf_qwen2.write(source, header, folder, tick, in_8_bits=keep == "int8")
            route = "direct"
        else:
            _need_transformers(f"{header.text('general.architecture')} weights in a GGUF file")
            report(
                {"message": Message("unpacking {0} weights", header.text("general.architecture"))}
            )
            _through_transformers(source.parent, folder, gguf=source.name)
            route = "transformers"
    elif pickle_only(source):
        raise ModelInvalid(PICKLE)
    elif not any(source.glob("*.safetensors")):
        raise ModelInvalid(Message("{0} holds no safetensors weights", source))
    elif _is_ready(source, keep):
        report({"message": Message("the files are already what the engine loads")})
        _copy(source, folder)
        route = "copy"
    else:
        config = config_file.read(source)
        _need_transformers(f"a model like {config.get('model_type', source.name)}")
        report({"message": Message("rewriting the weights as bfloat16")})
        _through_transformers(source, folder)
        route = "transformers"
    report({"message": Message("checking that it loads")})
    config = config_file.read(folder)
    shape = Shape.of(config)
    if shape is None:
        check_with_transformers(folder)
        return route
    made = [Safetensors(folder / INT8_FILE)] if (folder / INT8_FILE).is_file() else files(folder)
    family.check(folder, shape, config, {name: one.shape_of(name) for one in made for name in one})
    if keep == "int8" and not (folder / INT8_FILE).is_file():
        report({"message": Message("writing the weights in 8 bits, for computing on a CPU")})
        int8.write(folder, tick)
        for path in (*folder.glob("*.safetensors"), folder / INDEX_FILE):
            path.unlink(missing_ok=True)
    return route


PICKLE = Message(
    "its weights are there only as pickle (.bin), which can run code when loaded; only safetensors "
    "and GGUF are loaded. If the hub has a revision of it with safetensors (its pull requests "
    "often do), name that one: org/name@refs/pr/NUMBER"
)


def _need_transformers(what: str) -> None:
    if not extras.is_installed("torch"):
        command = extras.install_command("torch")
        raise ModelInvalid(
            Message("{0} needs torch, which is not installed; run: {1}", what, command)
        )


def check_with_transformers(folder: Path) -> None:
    """See that config, weights and tokenizer belong together, without reading the weights.

    Raises ModelInvalid that says what does not fit.
    """
    config_of_folder = config_file.read(folder)
    _need_transformers(f"a model like {config_of_folder.get('model_type', folder.name)}")
    import torch
    from safetensors import safe_open
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    found: dict[str, tuple[int, ...]] = {}
    for path in folder.glob("*.safetensors"):
        with safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118 - not a dict
                found[name] = tuple(file.get_slice(name).get_shape())
    prefix = model.base_model_prefix + "."
    tied = set(getattr(model, "all_tied_weights_keys", None) or ())
    for name, value in model.named_parameters():
        shape = found.get(name, found.get(name.removeprefix(prefix)))
        if shape is None and name not in tied:
            raise ModelInvalid(Message("the weights lack {0}", name))
        if shape is not None and shape != tuple(value.shape):
            raise ModelInvalid(
                Message("{0} is of shape {1}, not {2}", name, shape, tuple(value.shape))
            )
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    text = "def f(x):\n    return x"
    ids = tokenizer(text, add_special_tokens=False).input_ids
    back = tokenizer.decode(ids, clean_up_tokenization_spaces=False)
    if back.strip() != text or max(ids) >= config.get_text_config().vocab_size:
        raise ModelInvalid(
            Message("its tokenizer does not fit: it makes {0} of {1}", repr(back), repr(text))
        )


def _is_ready(source: Path, keep: Keep) -> bool:
    """Whether the files can be taken as they are: plain weights of 16 bits and a tokenizer.json.

    Weights that end in 8 bits may have 32 too, and must have the names that the engine knows.
    """
    if lacking_of(source):
        return False
    config = config_file.read(source)
    if "quantization_config" in config or "auto_map" in config:
        return False
    shape = Shape.of(config)
    kinds = {"BF16", "F16"} | ({"F32"} if keep == "int8" and shape is not None else set())
    found = [(one.type_of(name), name) for one in files(source) for name in one]
    if not found or any(kind not in kinds for kind, _ in found):
        return False
    return shape is None or family.tensors_of(shape, config).keys() <= {name for _, name in found}


def _copy(source: Path, folder: Path) -> None:
    for path in sorted(source.iterdir()):
        if path.suffix == ".safetensors" or path.name in _KEPT:
            try:
                # A link costs no space; the source's folder goes away afterwards or stays as it is.
                os.link(path.resolve(), folder / path.name)
            except OSError as error:
                logger.info("copying %s: it cannot be linked (%s)", path.name, error)
                shutil.copyfile(path, folder / path.name)


def _through_transformers(source: Path, folder: Path, *, gguf: str | None = None) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    extra: dict[str, Any] = {}
    if gguf is not None:
        extra = {"gguf_file": gguf, "quantization_config": GgufConfig(dequantize=True)}
    tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=gguf, trust_remote_code=False)
    if not tokenizer.is_fast:
        raise ModelInvalid(Message("its tokenizer cannot be written as a tokenizer.json"))
    tokenizer.save_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(
        source,
        dtype=torch.bfloat16,
        use_safetensors=True if gguf is None else None,
        trust_remote_code=False,
        local_files_only=True,
        low_cpu_mem_usage=True,
        **extra,
    )
    model.save_pretrained(folder)


def main(arguments: list[str]) -> int:
    """Convert ``SOURCE FOLDER KEEP`` and speak JSON lines on stdout; 0 when it worked, else 1."""
    # Libraries print where they like: the real stdout is kept for the JSON lines alone.
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    if hasattr(os, "nice"):
        os.nice(5)
    for name in ("HF_HUB_DISABLE_PROGRESS_BARS", "TRANSFORMERS_OFFLINE", "HF_HUB_OFFLINE"):
        os.environ[name] = "1"
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    os.environ["TQDM_DISABLE"] = "1"

    def report(line: dict[str, Any]) -> None:
        lines.write(json.dumps(line) + "\n")

    try:
        source, folder, keep = arguments
        route = convert(Path(source), Path(folder), report, "int8" if keep == "int8" else "full")
    except ModelError as error:
        report({"error": to_json(error.message)})
        return 1
    except Exception as error:
        logger.warning("conversion failed", exc_info=True)
        problem = Message("{0}: {1}", type(error).__name__, str(error).strip()[:500])
        report({"error": to_json(problem)})
        return 1
    report({"route": route})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
