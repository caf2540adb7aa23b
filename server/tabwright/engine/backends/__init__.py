"""Backends: what computes a model, all behind one interface and imported only when used."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from tabwright.core.message import Message, MessageError, joined
from tabwright.models.errors import WeightsMissing

log = logging.getLogger(__name__)
Logits = npt.NDArray[np.float32]
Device = Literal["auto", "cpu", "cuda", "mps"]
Name = Literal["auto", "numba", "openvino", "torch"]
Precision = Literal["auto", "int4", "mixed", "int8", "bfloat16", "float16", "float32"]


class BackendError(MessageError):
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
    from tabwright.engine.backends import choice

    if (chosen := options.backend) != "auto":
        if reason := choice.unsupported_reason(chosen, folder, options):
            reason = choice.with_install_command(chosen, reason)
            raise BackendError(Message("engine.backend is '{0}', but {1}", chosen, reason))
        if missing := choice.missing_weights(chosen, folder, options):
            raise WeightsMissing(missing)
        return _load(chosen, folder, options)
    reasons: list[Message] = []
    first_missing: Message | None = None
    for name in _PREFERRED:
        if reason := choice.unsupported_reason(name, folder, options):
            log.info("backend %s is not used: %s", name, reason)
            reasons.append(Message("{0}: {1}", name, reason))
            continue
        if missing := choice.missing_weights(name, folder, options):
            first_missing = first_missing or missing
            continue
        try:
            return _load(name, folder, options)
        except BackendError as error:
            if name == "torch":
                raise
            log.warning("the next backend is tried instead: %s", error)
            reasons.append(Message("{0}: {1}", name, error))
    if first_missing:
        raise WeightsMissing(first_missing)
    raise BackendError(
        Message(
            "no installed backend can compute {0} ({1}); run: {2}",
            folder.name,
            joined(reasons),
            choice.install_command(folder, options),
        )
    )


def prepare(folder: Path, options: BackendOptions | None = None) -> None:
    """Prepare a converted model for our kernels: compile them and make the narrow output head.

    Raises BackendError when the model cannot be loaded.
    """
    from tabwright.engine.backends.choice import unsupported_reason

    options = options or BackendOptions()
    if options.backend in ("auto", "numba") and not unsupported_reason("numba", folder, options):
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
