"""The console command: ``tabwright serve | engine | models | doctor | config | trust | …``."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from tabwright import __version__

COMMANDS = (
    *("serve", "engine", "models", "doctor", "demo", "complete", "stats", "config", "trust"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit status; 2 for unusable arguments."""
    parser = argparse.ArgumentParser(
        prog="tabwright",
        description="A language server with a code model that runs on your own machine.",
        epilog="First steps: 'tabwright models pull' gets the default model, 'tabwright doctor' "
        "checks the machine, and your editor starts 'tabwright serve'.",
    )
    parser.add_argument("--version", action="version", version=f"tabwright {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        importlib.import_module(f"tabwright.cli.{name}").add_parser(subparsers)
    arguments = parser.parse_args(argv)
    _tell_unused_models_dir()
    result: int = arguments.run(arguments)
    return result


def _tell_unused_models_dir() -> None:
    """Say that a relative folder of models is not used, whatever command would have used it."""
    if "TABWRIGHT_MODELS_DIR" not in os.environ:
        return
    from tabwright import paths

    if why := paths.why_not_models_dir():
        sys.stderr.write(f"tabwright: {why}\n")


if __name__ == "__main__":
    sys.exit(main())
