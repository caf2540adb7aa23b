"""Backends: what computes a model, all behind one interface and imported only when used."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from tabwright.core.message import Message
from tabwright.models.errors import WeightsMissing

log = logging.getLogger(__name__)
Logits = npt.NDArray[np.float32]
Device = Literal["auto", "cpu", "cuda", "mps"]
Name = Literal["auto", "numba", "openvino", "torch"]
Precision = Literal["auto", "int4", "mixed", "int8", "bfloat16", "float16", "float32"]


class BackendError(Exception):
    """A model cannot be loaded or run; the message says why."""


@dataclass(frozen=True)
class BackendOptions:
    """Computation options: threads (0 = one per core), format of the weights, device, backend."""

    threads: int = 0
    precision: Precision = "auto"
    device: Device = "auto"
    backend: Name = "auto"


class Backend(Protocol):
    """A loaded causal language model; only the worker's thread may call it."""

    name: str
    context_length: int
    device: str
    precision: str
    memory_bytes: int
    bytes_per_token: int

    def new_state(self) -> Any:
        """Return an empty state."""

    def copy_state(self, state: Any, length: int) -> Any:
        """Return an independent state with the first `length` tokens of `state`."""

    def truncate(self, state: Any, length: int) -> None:
        """Remove all but the first `length` tokens."""

    def forward(self, state: Any, ids: Sequence[int], last: int = 1, exact: bool = False) -> Logits:
        """Append `ids` to the state; return the last positions' logits [last, vocabulary].

        Unless `exact`, the logits of unlikely tokens may be estimates.
        """

    def fork(self, state: Any, count: int) -> Any:
        """Return a batch of `count` independent sequences that continue the state."""

    def step(self, sequences: Any, ids: Sequence[int], exact: bool = False) -> Logits:
        """Append one token to each sequence; return their logits [sequences, vocabulary]."""

    def keep(self, sequences: Any, indices: Sequence[int]) -> None:
        """Drop all sequences of the batch except those at these indices, in this order."""


_PREFERRED: tuple[Name, ...] = ("numba", "openvino", "torch")  # in order of speed


def load(folder: Path, options: BackendOptions) -> Backend:
    """Load the model of a converted folder.

    Raises BackendError when it cannot be loaded, and WeightsMissing when the stored weights are not
    enough.
    """
    from tabwright.engine.backends.choice import lacks_weights, refuses, suggestion

    if options.backend != "auto":
        if refused := refuses(options.backend, folder, options):
            raise BackendError(f"engine.backend is '{options.backend}', but {refused}")
        if missing := lacks_weights(options.backend, folder, options):
            raise WeightsMissing(missing)
        return _load(options.backend, folder, options)
    reasons: dict[str, str] = {}
    lacking: Message | None = None
    for name in _PREFERRED:
        if refused := refuses(name, folder, options):
            log.info("backend %s is not used: %s", name, refused)
            reasons[name] = refused.partition("; run: ")[0]
            continue
        if missing := lacks_weights(name, folder, options):
            lacking = lacking or missing
            continue
        try:
            return _load(name, folder, options)
        except BackendError as error:
            if name == "torch":
                raise
            log.warning("the next backend is tried instead: %s", error)
            reasons[name] = str(error)
    if lacking:
        raise WeightsMissing(lacking)
    listed = ", ".join(f"{name}: {reason}" for name, reason in reasons.items())
    raise BackendError(
        f"nothing that is installed computes {folder.name} ({listed}); "
        f"run: {suggestion(folder, options)}"
    )


def prepare(folder: Path, options: BackendOptions | None = None) -> None:
    """Prepare a converted model for our kernels: compile them and make the narrow output head.

    Raises BackendError when the model cannot be loaded.
    """
    from tabwright.engine.backends.choice import refuses

    options = options or BackendOptions()
    if options.backend in ("auto", "numba") and not refuses("numba", folder, options):
        from tabwright.engine.backends.numba.model import NumbaModel

        NumbaModel.prepare(folder)


def _load(name: Name, folder: Path, options: BackendOptions) -> Backend:
    if name == "numba":
        from tabwright.engine.backends.numba.model import NumbaModel

        return NumbaModel.load(folder, options)
    if name == "openvino":
        from tabwright.engine.backends.openvino.model import OpenvinoModel

        return OpenvinoModel.load(folder, options)
    from tabwright.engine.backends.torch.model import TorchModel

    return TorchModel.load(folder, options)
