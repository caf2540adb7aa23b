"""``tabwright stats``: the acceptance statistics, which are kept on this machine only."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from tabwright import paths
from tabwright.statistics import Statistics, StatisticsError

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_COLUMNS: Mapping[str, tuple[str, str]] = {
    "shown": ("shown", "{}"),
    "accepted": ("accepted", "{}"),
    "partly": ("in part", "{}"),
    "accepted_share": ("share", "{:.0%}"),
    "kept_30s": ("kept 30 s", "{:.0%}"),
    "kept_5min": ("kept 5 min", "{:.0%}"),
    "characters": ("characters", "{}"),
    "p50_ms": ("p50 ms", "{}"),
    "p95_ms": ("p95 ms", "{}"),
    "actions": ("actions", "{}"),
}


def add_parser(subparsers: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand's arguments."""
    parser = subparsers.add_parser(
        "stats",
        help="show how many suggestions were accepted",
        description="Show how many suggestions were shown, accepted and kept. The counts are in "
        "one file on this machine; the setting tabwright.statistics.enabled turns them off.",
    )
    parser.add_argument("--days", type=int, default=30, help="count this many days (default: 30)")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--delete", action="store_true", help="delete the statistics")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the figures, or delete them; 1 when the file cannot be used."""
    statistics = Statistics(paths.statistics_file())
    try:
        if arguments.delete:
            statistics.delete()
            print("The statistics are deleted.")
            return 0
        report: dict[str, Any] = statistics.report(max(arguments.days, 1), date.today())
    except StatisticsError as error:
        print(f"tabwright stats: {error}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps(report, indent=1))
        return 0
    if not report["languages"]:
        print(f"Nothing was counted since {report['since']}.")
        return 0
    print(f"Since {report['since']}, in {statistics.file}:\n")
    rows = [["", *(head for head, _ in _COLUMNS.values())]]
    rows += [_row(name, figures) for name, figures in report["languages"].items()]
    rows.append(_row("total", report["total"]))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        print(f"{row[0].ljust(widths[0])}  {'  '.join(cells)}")
    return 0


def _row(name: str, figures: Mapping[str, object]) -> list[str]:
    shown = ((figures[key], form) for key, (_, form) in _COLUMNS.items())
    return [name, *("-" if value is None else form.format(value) for value, form in shown)]
