"""The folders that decide where code is sent and what is executed are this user's alone."""

from __future__ import annotations

import logging
import os
import socket
import stat
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tabwright import paths, private

pytestmark = pytest.mark.skipif(not hasattr(os, "getuid"), reason="Windows has other permissions")
NOBODY = 65534
needs_root = pytest.mark.skipif(
    not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can make another user's files"
)


@pytest.fixture(autouse=True)
def everybody_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a user namespace 65534 stands for the system; here it is another user."""
    monkeypatch.setattr(private, "_users_are_mapped", lambda: False)


def mode(path: Path) -> int:
    return stat.S_IMODE(os.lstat(path).st_mode)


@pytest.fixture
def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the runtime folder shall be."""
    folder = tmp_path / "run"
    monkeypatch.setenv("TABWRIGHT_RUNTIME_DIR", str(folder))
    return folder


def test_it_is_made_for_this_user_alone(named: Path) -> None:
    before = os.umask(0)
    try:
        assert paths.runtime_dir() == named
    finally:
        os.umask(before)
    assert mode(named) == 0o700


def test_a_folder_of_our_own_that_others_can_read_is_closed(named: Path) -> None:
    named.mkdir(mode=0o755)
    (named / "engine.sock").touch()
    paths.runtime_dir()
    assert mode(named) == 0o700


def test_no_symbolic_link_is_followed(named: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o755)
    named.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PermissionError, match=r"symbolic link.*TABWRIGHT_RUNTIME_DIR"):
        paths.runtime_dir()
    assert mode(tmp_path / "elsewhere") == 0o755, "it was touched"


def test_a_file_in_its_place_is_refused(named: Path) -> None:
    named.touch()
    with pytest.raises(PermissionError, match="not a folder"):
        paths.runtime_dir()


def test_a_folder_that_users_share_is_refused_and_left_alone(named: Path) -> None:
    named.mkdir()
    named.chmod(0o1777)
    with pytest.raises(PermissionError, match="users share"):
        paths.runtime_dir()
    assert mode(named) == 0o1777


@needs_root
def test_another_users_folder_is_refused(named: Path) -> None:
    named.mkdir(mode=0o777)
    os.chown(named, NOBODY, NOBODY)
    with pytest.raises(PermissionError, match="another user"):
        paths.runtime_dir()


@needs_root
def test_files_of_others_in_a_once_open_folder_are_not_used(named: Path) -> None:
    named.mkdir()
    named.chmod(0o777)
    (named / "engine.lock").touch()
    os.chown(named / "engine.lock", NOBODY, NOBODY)
    with pytest.raises(PermissionError, match=r"engine\.lock"):
        paths.runtime_dir()


def test_a_link_left_in_a_folder_that_was_open_is_not_followed(named: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("keep me")
    named.mkdir()
    named.chmod(0o777)
    (named / "engine.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(PermissionError, match=r"engine\.lock"):
        paths.runtime_dir()
    assert (tmp_path / "precious").read_text() == "keep me"


def test_no_folder_above_it_can_be_replaced_by_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    monkeypatch.setenv("TABWRIGHT_RUNTIME_DIR", str(tmp_path / "open" / "run"))
    with pytest.raises(PermissionError, match="other users can write to"):
        paths.runtime_dir()
    assert not (tmp_path / "open" / "run").exists()
    (tmp_path / "open").chmod(0o1777)  # sticky, as /tmp is: what is ours stays ours
    assert paths.runtime_dir().parent == tmp_path / "open"


@needs_root
@pytest.mark.parametrize("kind", ["folder", "link"])
def test_nothing_above_it_belongs_to_another_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    (tmp_path / "ours").mkdir()
    theirs = tmp_path / "theirs"
    if kind == "folder":
        theirs.mkdir(mode=0o755)
    else:
        theirs.symlink_to(tmp_path / "ours")
    os.lchown(theirs, NOBODY, NOBODY)
    monkeypatch.setenv("TABWRIGHT_RUNTIME_DIR", str(theirs / "run"))
    with pytest.raises(PermissionError, match="another user"):
        paths.runtime_dir()
    assert not (tmp_path / "ours" / "run").exists()


def test_links_of_our_own_above_it_are_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "home").symlink_to("disk")
    monkeypatch.setenv("TABWRIGHT_RUNTIME_DIR", str(tmp_path / "home" / "run"))
    assert paths.runtime_dir() == tmp_path / "home" / "run"
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    monkeypatch.setenv("TABWRIGHT_RUNTIME_DIR", str(tmp_path / "one" / "run"))
    with pytest.raises(OSError, match=r"symbolic link"):
        paths.runtime_dir()


def test_files_are_for_this_user_and_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("keep me")
    (tmp_path / "link").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError), open(tmp_path / "link", "w", opener=private.opener):
        pass
    private.write(tmp_path / "link", "token")
    assert (tmp_path / "precious").read_text() == "keep me"
    assert private.read(tmp_path / "link") == "token"
    assert mode(tmp_path / "link") == 0o600
    (tmp_path / "loose").write_text("old")
    (tmp_path / "loose").chmod(0o644)
    with open(tmp_path / "loose", "a", opener=private.opener) as file:
        file.write("er")
    assert (mode(tmp_path / "loose"), (tmp_path / "loose").read_text()) == (0o600, "older")


@needs_root
def test_another_users_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "engine.json").write_text('{"host": "127.0.0.1", "port": 1, "token": "x"}')
    os.chown(tmp_path / "engine.json", NOBODY, NOBODY)
    with pytest.raises(PermissionError, match="another user"):
        private.read(tmp_path / "engine.json")


def test_the_logs_and_statistics_are_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import date

    from tabwright.statistics import Event, Statistics

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
    handler = private.log_handler(paths.log_dir() / "server.log", 200, 2)
    logger = logging.getLogger("of-this-test")
    logger.addHandler(handler)
    for number in range(20):
        logger.warning("line %d with some text", number)
    logger.removeHandler(handler)
    handler.close()
    written = sorted(paths.log_dir().iterdir())
    assert len(written) == 3 and {mode(path) for path in written} == {0o600}
    assert mode(paths.log_dir()) == 0o700
    counts = Statistics(tmp_path / "data" / "statistics.db")
    counts.add([Event("shown", "python", ms=5.0)], date(2026, 1, 1))
    assert mode(counts.file) == 0o600 and mode(counts.file.parent) == 0o700


def test_the_peer_of_a_unix_socket_is_known() -> None:
    left, right = socket.socketpair(socket.AF_UNIX)
    with left, right:
        assert private.peer_uid(left) == os.getuid()
        assert private.foreign_peer(right) is None


def test_a_uid_beyond_two_thousand_million_is_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    class Far:
        def getsockopt(self, *_: int) -> bytes:
            return struct.pack("3I", 1, 3_000_000_000, 3_000_000_000)

    if hasattr(socket, "SO_PEERCRED"):
        assert private.peer_uid(Far()) == 3_000_000_000  # type: ignore[arg-type]
    else:
        assert sys.platform != "linux"


PLANTED = """
import os, pickle, sys
class Attack:
    def __reduce__(self):
        return (open, (sys.argv[2], "w"))
for folder, _, files in os.walk(sys.argv[1]):
    for name in files:
        if name.endswith(".nbi"):
            with open(os.path.join(folder, name), "wb") as file:
                pickle.dump(Attack(), file)
"""
KERNEL = """
import sys
from tabwright.engine.backends.numba.compile_cache import compiled
import logging
logging.basicConfig(level=logging.WARNING)

@compiled
def twice(x):
    return 2 * x

assert twice(21) == 42
"""


@pytest.mark.parametrize("loosened", ["", "folder", "inside", "file", "link"])
def test_compiled_code_that_others_could_write_is_not_used(tmp_path: Path, loosened: str) -> None:
    """numba unpickles what it kept: a planted file runs, unless the folder is the user's alone."""
    kept, marker, script = tmp_path / "kept", tmp_path / "marker", tmp_path / "kernel.py"
    script.write_text(KERNEL)
    run = [sys.executable, str(script)]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(kept)}
    subprocess.run(run, env=environment, check=True, timeout=100)
    (mine,) = kept.iterdir()
    index = next(mine.rglob("*.nbi"))
    subprocess.run([sys.executable, "-c", PLANTED, str(kept), str(marker)], check=True, timeout=60)
    if loosened == "link":
        mine.rename(tmp_path / "moved")
        mine.symlink_to(tmp_path / "moved")
    else:
        loose = {"folder": mine, "inside": index.parent, "file": index}.get(loosened)
        if loose is not None:
            loose.chmod(0o777)
    ended = subprocess.run(run, env=environment, capture_output=True, text=True, timeout=100)
    if not loosened:  # the test itself: numba does run what lies in a folder that is trusted
        assert marker.exists()
        return
    assert not marker.exists(), "the planted file ran"
    assert ended.returncode == 0, ended.stderr
    assert "not this user's alone" in ended.stderr
