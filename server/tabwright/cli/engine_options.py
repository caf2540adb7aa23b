"""Command line options of the backend: precision, device and backend."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tabwright.app.settings.settings import EngineSettings
    from tabwright.engine.backends import BackendOptions

_PRECISIONS = ("auto", "int4", "mixed", "int8", "bfloat16", "float16", "float32")


def add_engine_options(parser: argparse.ArgumentParser, *, of_settings: bool = False) -> None:
    """Add the options; with ``of_settings`` their default is the user's own file, not "auto"."""
    default = None if of_settings else "auto"
    behind = "as your settings say" if of_settings else "{}"
    parser.add_argument(
        "--precision",
        choices=_PRECISIONS,
        default=default,
        help="number format of the weights "
        f"(default: {behind.format('the fastest that keeps the quality')})",
    )
    parser.add_argument(
        "--device",
        choices=["auto", "cpu", "cuda", "mps"],
        default=default,
        help=f"the device to compute on (default: {behind.format('a GPU if there is one')})",
    )
    parser.add_argument(
        "--backend",
        choices=["auto", "numba", "openvino", "torch"],
        default=default,
        help="the backend (default: "
        f"{behind.format('on a CPU the fastest that supports the model, else torch')})",
    )


def own_settings() -> EngineSettings:
    """The engine settings of the user's own file."""
    from tabwright import paths
    from tabwright.app.settings.layers import of_file

    return of_file(paths.config_file()).settings.engine


def engine_options(
    arguments: argparse.Namespace | None, settings: EngineSettings | None = None
) -> BackendOptions:
    """The backend options of the arguments, and of the settings where an argument is not set."""
    from tabwright.engine.backends import BackendOptions

    def chosen(name: str) -> str:
        return getattr(arguments, name, None) or getattr(settings, name, None) or "auto"

    return BackendOptions(
        threads=getattr(arguments, "threads", 0),
        precision=chosen("precision"),  # type: ignore[arg-type]
        device=chosen("device"),  # type: ignore[arg-type]
        backend=chosen("backend"),  # type: ignore[arg-type]
    )
