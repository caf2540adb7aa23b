"""The options of the command line that say how an engine computes."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tabwright.app.settings.settings import EngineSettings
    from tabwright.engine.backends import BackendOptions

_PRECISIONS = ("auto", "int4", "mixed", "int8", "bfloat16", "float16", "float32")


def add_engine_options(parser: argparse.ArgumentParser, *, of_settings: bool = False) -> None:
    """Add them; ``of_settings``: what is not named is as the user's own file says, not "auto"."""
    default = None if of_settings else "auto"
    behind = "as your settings say" if of_settings else "{}"
    parser.add_argument(
        "--precision",
        choices=_PRECISIONS,
        default=default,
        help="number format of the weights "
        f"(default: {behind.format('the quickest that keeps the quality')})",
    )
    parser.add_argument(
        "--device",
        choices=["auto", "cpu", "cuda", "mps"],
        default=default,
        help=f"where to compute (default: {behind.format('a GPU if there is one')})",
    )
    parser.add_argument(
        "--backend",
        choices=["auto", "numba", "openvino", "torch"],
        default=default,
        help="what computes (default: "
        f"{behind.format('on a CPU the quickest that knows the model, else torch')})",
    )


def own_settings() -> EngineSettings:
    """What the user's own file says of the engine."""
    from tabwright import paths
    from tabwright.app.settings.layers import of_file

    return of_file(paths.config_file()).settings.engine


def engine_options(
    arguments: argparse.Namespace | None, settings: EngineSettings | None = None
) -> BackendOptions:
    """How to compute: as the arguments say, and where they say nothing as the settings do."""
    from tabwright.engine.backends import BackendOptions

    def chosen(name: str) -> str:
        return getattr(arguments, name, None) or getattr(settings, name, None) or "auto"

    return BackendOptions(
        threads=getattr(arguments, "threads", 0),
        precision=chosen("precision"),  # type: ignore[arg-type]
        device=chosen("device"),  # type: ignore[arg-type]
        backend=chosen("backend"),  # type: ignore[arg-type]
    )
