"""``tabwright engine``: the process that owns the models."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from tabwright.cli.addresses import loopback, token_in
from tabwright.cli.engine_options import add_engine_options, engine_options

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add_parser(subparsers: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand's arguments."""
    parser = subparsers.add_parser(
        "engine",
        help="run the process that owns the models (servers start it by themselves)",
        description="Run the engine: one per user, shared by all editor windows, ends when idle. "
        "Servers start it when they need it; with --tcp it serves the same completions API on "
        "loopback for other tools. Those must send a token, which is printed at the start and "
        "kept in a file that only you can read; web pages are refused.",
    )
    parser.add_argument(
        "--tcp", metavar="HOST:PORT", help="serve on this loopback address, not the private socket"
    )
    bearer = parser.add_mutually_exclusive_group()
    bearer.add_argument(
        "--key-environment",
        metavar="NAME",
        help="with --tcp: the token is in this environment variable (default: a new one)",
    )
    bearer.add_argument(
        "--no-token",
        action="store_true",
        help="with --tcp: let every program and every user of this machine use the engine",
    )
    parser.add_argument("--model", metavar="NAME", help="model of requests that name none")
    parser.add_argument(
        "--idle-exit",
        metavar="SECONDS",
        type=float,
        default=1800.0,
        help="end after this time without a request; 0: never (default: 1800)",
    )
    parser.add_argument(
        "--threads", type=int, default=0, help="threads to compute with (default: one per core)"
    )
    add_engine_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until told to stop; 2 for an address that is not loopback or cannot be bound."""
    from tabwright.engine import process
    from tabwright.models.catalog import DEFAULT_COMPLETION

    try:
        tcp = loopback(arguments.tcp) if arguments.tcp else None
        token = _token(arguments.key_environment, arguments.no_token)
    except ValueError as error:
        print(f"tabwright engine: {error}", file=sys.stderr)
        return 2
    options = process.EngineOptions(
        default_model=arguments.model or DEFAULT_COMPLETION,
        idle_exit_s=arguments.idle_exit,
        tcp=tcp,
        token=token,
        backend=engine_options(arguments),
    )
    try:
        return process.run(options)
    except OSError as error:
        print(f"tabwright engine: {error}", file=sys.stderr)
        return 2


def _token(name: str | None, without: bool) -> str | None:
    if without:
        return ""
    if not name:
        return None
    token = token_in(name)
    if not token:
        raise ValueError(f"the environment variable {name} is not set")
    return token
