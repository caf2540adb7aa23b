"""``tabwright serve``: the language server, on stdio or TCP."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_TOKEN_VARIABLE = "TABWRIGHT_SERVE_TOKEN"


def add_parser(subparsers: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand's arguments."""
    parser = subparsers.add_parser(
        "serve",
        help="run the language server (your editor starts it)",
        description="Run the language server. Editors start it and use its stdin and "
        "stdout. Its log is in the folder that 'tabwright doctor' names.",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--stdio", action="store_true", help="use stdin and stdout (default)")
    where.add_argument(
        "--tcp",
        metavar="[HOST:]PORT",
        help="wait for one client on this loopback address instead (HOST: 127.0.0.1). It must "
        f"send initializationOptions.token, which is printed, or taken from {_TOKEN_VARIABLE}",
    )
    parser.add_argument(
        "--log-level",
        choices=["debug", "info", "warning", "error"],
        default="info",
        help="how much goes into the log file; debug includes your code (default: info)",
    )
    # Some clients add the id of their process, which is in initialize too.
    parser.add_argument("--clientProcessId", help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until the client sends exit or disconnects; 2 for an address that cannot be used."""
    from tabwright.app.runtime import log

    address: tuple[str, int] | None = None
    token: str | None = None
    if arguments.tcp:
        from tabwright.cli.addresses import loopback, token_in

        try:
            address = loopback(arguments.tcp)
            token = token_in(_TOKEN_VARIABLE) or None
        except ValueError as error:
            print(f"tabwright serve: {error}", file=sys.stderr)
            return 2
    # 1. stdout belongs to the protocol before anything else is imported and may print.
    output = log.guard_stdout()
    log.configure(arguments.log_level)
    # 2. The protocol's types by the fast import, before anything imports them otherwise.
    from tabwright.lsp.transport import fast_import

    fast_import.import_protocol_types()
    from tabwright.lsp.transport import lifetime

    fast_import.settle()
    try:
        status = lifetime.serve_tcp(*address, token) if address else lifetime.serve_stdio(output)
    except OSError as error:
        print(f"tabwright serve: {error}", file=sys.stderr)
        status = 2
    except KeyboardInterrupt:
        status = 130
    # 3. Threads may still wait for input or compute; none of them has anything to save.
    logging.shutdown()
    os._exit(status)
