"""stdout is the protocol's alone, and the log holds no user code."""

from __future__ import annotations

import logging
import logging.handlers
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tabwright.app.runtime import log

PRINTER = """
import os, subprocess, sys
from tabwright.app.runtime import log
print("before, flushed to where it belonged")
output = log.guard_stdout()
print("printed")
os.write(1, b"native\\n")
subprocess.run(["echo", "child"])
sys.__stdout__.write("old handle\\n"); sys.__stdout__.flush()
output.write(b"protocol")
"""


def test_only_the_protocol_reaches_stdout() -> None:
    done = subprocess.run([sys.executable, "-c", PRINTER], capture_output=True, timeout=20)
    assert done.stdout == b"before, flushed to where it belonged\nprotocol"
    for text in (b"printed", b"native", b"child", b"old handle"):
        assert text in done.stderr


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr("tabwright.paths.log_dir", lambda: tmp_path)
    root = logging.getLogger()
    kept, level = root.handlers[:], log.logger.level
    root.handlers = []
    yield tmp_path
    for handler in root.handlers:
        handler.close()
    root.handlers = kept
    log.logger.setLevel(level)
    logging.captureWarnings(False)


def test_warnings_go_to_stderr_and_the_rest_to_the_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure("info")
    log.logger.info("a quiet word")
    log.logger.warning("a loud word")
    log.logger.debug("user code")
    told = (folder / "server.log").read_text()
    assert "a quiet word" in told and "a loud word" in told and "user code" not in told
    errors = capsys.readouterr().err
    assert "a loud word" in errors and "a quiet word" not in errors


def test_messages_of_libraries_are_logged_without_quoted_code(folder: Path) -> None:
    log.configure("debug")
    pygls = logging.getLogger("pygls.protocol.json_rpc")
    pygls.info("Sending data: %s", "hunter2")
    try:
        raise ValueError("hunter2")
    except ValueError:
        pygls.exception("Failed to handle %s", "hunter2")
    told = (folder / "server.log").read_text()
    assert "Failed to handle" in told and "(ValueError)" in told
    assert "hunter2" not in told and "Sending" not in told


def test_our_own_failures_quote_nothing_above_debug(folder: Path) -> None:
    log.configure("info")
    try:
        raise ValueError("hunter2")
    except ValueError as error:
        log.failure("it went wrong", error)
    told = (folder / "server.log").read_text()
    assert "it went wrong: ValueError at " in told and "test_log.py" in told
    assert "hunter2" not in told
    log.set_level("debug")
    log.failure("it went wrong", ValueError("hunter2"))
    assert "hunter2" in (folder / "server.log").read_text()


def test_the_file_is_rotated(folder: Path) -> None:
    log.configure("info")
    for _ in range(40):
        log.logger.info("x" * 60_000)
    sizes = [file.stat().st_size for file in folder.iterdir()]
    assert 2 <= len(sizes) <= 3 and max(sizes) <= 1_100_000


def test_an_unusable_log_folder_is_reported(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> Path:
        raise PermissionError("no home here")

    monkeypatch.setattr("tabwright.paths.log_dir", refuse)
    log.configure("info")
    assert "no log file: no home here" in capsys.readouterr().err
