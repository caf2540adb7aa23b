"""``tabwright models pull``: what it does behind the pull itself."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tabwright.__main__ import main
from tabwright.core.message import verbatim
from tabwright.engine import backends
from tabwright.engine.backends import BackendError, BackendOptions
from tabwright.models.pulling import pull


@pytest.mark.parametrize("failure", ["", "no compiler for this CPU"])
def test_a_pull_ends_with_compiling_and_goes_well_without(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    failure: str,
) -> None:
    prepared: list[Path] = []

    def prepare(folder: Path, options: BackendOptions) -> None:
        prepared.append(folder)
        if failure:
            raise BackendError(verbatim(failure))

    monkeypatch.setattr(signal, "signal", lambda number, handler: None)  # those of pytest stay
    monkeypatch.setattr(pull, "pull", lambda name, **_: tmp_path)
    monkeypatch.setattr(backends, "prepare", prepare)
    assert main(["models", "pull", "--progress", "json"]) == 0
    told, said = capsys.readouterr()
    stages = [json.loads(line)["stage"] for line in told.splitlines()]
    assert stages == ["compile", "done"] and prepared == [tmp_path]
    assert failure in said
