"""What can compute, each behind the one small interface here and imported only when used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

Logits = npt.NDArray[np.float32]
Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "int8", "bfloat16", "float16", "float32"]


class BackendError(Exception):
    """A model that cannot be loaded or run; the message says why."""


@dataclass(frozen=True)
class BackendOptions:
    """How to compute: threads (0 = one per core), number format of the weights, and device."""

    threads: int = 0
    precision: Precision = "auto"
    device: Device = "auto"


class State(Protocol):
    """One sequence whose keys and values are computed; belongs to the backend that made it."""

    ids: list[int]


class Backend(Protocol):
    """A loaded causal language model; only the worker's thread may call it."""

    context_length: int
    device: str
    precision: str
    memory_bytes: int

    def new_state(self) -> Any:
        """Return an empty state."""

    def copy_state(self, state: Any, length: int) -> Any:
        """Return a state of its own that holds the first `length` tokens of `state`."""

    def truncate(self, state: Any, length: int) -> None:
        """Forget all but the first `length` tokens."""

    def forward(self, state: Any, ids: Sequence[int], last: int = 1) -> Logits:
        """Append `ids` to the state; return the last positions' logits [last, vocabulary]."""

    def fork(self, state: Any, count: int) -> Any:
        """Return `count` sequences of their own that go on from the state side by side."""

    def step(self, sequences: Any, ids: Sequence[int]) -> Logits:
        """Append one token to each sequence; return their logits [sequences, vocabulary]."""

    def keep(self, sequences: Any, places: Sequence[int]) -> None:
        """Go on with the sequences at these places alone, in this order."""


def load(folder: Path, options: BackendOptions) -> Backend:
    """Load the model of a converted folder; raises BackendError when it cannot be."""
    from tabwright.engine.backends.torch_model import TorchModel

    return TorchModel.load(folder, options)
