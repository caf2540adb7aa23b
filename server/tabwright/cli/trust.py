"""``tabwright trust``: list and change which folders and addresses are trusted."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from tabwright.trust import TrustFile


def add_parser(subparsers: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand's arguments."""
    parser = subparsers.add_parser(
        "trust",
        help="which folders' programs may run, and where code may be sent",
        description="List and change what you allowed: folders whose own tools (mypy, pylint, "
        "tsc and others) may check a fix, and addresses of engines that your code may be sent to. "
        "Nothing is allowed at first. Running servers see a change at once.",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    show = actions.add_parser("list", help="what is allowed (the default)")
    show.add_argument("--json", action="store_true", help="as JSON")
    folder = actions.add_parser(
        "allow-folder", help="let the programs of a folder, and of all below it, run"
    )
    folder.add_argument(
        "path", nargs="?", default=".", metavar="PATH", help="default: the current folder"
    )
    address = actions.add_parser("allow-address", help="let your code be sent to an address")
    address.add_argument("url", metavar="URL", help="as the setting tabwright.remote.url has it")
    address.add_argument(
        "--key",
        default="",
        metavar="VARIABLE",
        help="let the key in this environment variable be sent too, as the setting "
        "tabwright.remote.keyEnvironment names it",
    )
    remove = actions.add_parser("remove", help="no longer allow a folder or an address")
    remove.add_argument("what", metavar="PATH|URL")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the action; 1 with a message when it fails."""
    from tabwright.trust import TrustError, TrustFile

    file = TrustFile()
    try:
        if arguments.action == "allow-folder":
            _allow_folder(file, arguments.path)
        elif arguments.action == "allow-address":
            allowed = file.allow_address(arguments.url, arguments.key)
            key = f", with the key in {allowed.key_variable}" if allowed.key_variable else ""
            print(f"Code may be sent to {allowed.url}{key}.")
        elif arguments.action == "remove":
            return _remove(file, arguments.what)
        else:
            _list(file, as_json=getattr(arguments, "json", False))
    except TrustError as error:
        print(f"tabwright trust: {error}", file=sys.stderr)
        return 1
    return 0


def _allow_folder(file: TrustFile, path: str) -> None:
    folder = file.allow_folder(path)
    print(f"The programs of {folder} may run.")
    if Path.home().resolve().is_relative_to(folder):
        everything = f"everything below {folder} is trusted now, each checkout in it too"
        print(f"tabwright trust: warning: {everything}", file=sys.stderr)


def _remove(file: TrustFile, what: str) -> int:
    from tabwright.trust import covering

    removed = file.remove(what)
    rest = "" if "://" in what else ", ".join(covering(what, file.read().folders))
    if rest:
        first = f"{what} was removed" if removed else f"{what} is not in the list"
        why = f"it is still allowed by a folder above it: {rest}; see 'tabwright trust remove'"
        print(f"tabwright trust: {first}, but {why}", file=sys.stderr)
        return 1
    if removed:
        print(f"{what} is no longer allowed.")
        return 0
    print(f"tabwright trust: {what} was not allowed; see 'tabwright trust list'", file=sys.stderr)
    return 1


def _list(file: TrustFile, *, as_json: bool) -> None:
    allowed = file.read()
    if as_json:
        print(allowed.as_json())
        return
    for folder in allowed.folders:
        print(f"folder   {folder}")
    for one in allowed.addresses:
        print(f"address  {one.url}" + (f"  key: {one.key_variable}" if one.key_variable else ""))
    if not allowed.folders and not allowed.addresses:
        print("Nothing is allowed.")
    print(f"Kept in {file.path}", file=sys.stderr)
