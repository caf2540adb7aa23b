"""Where Tabwright keeps things: the platform's folders, each movable by an environment variable."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import platformdirs

from tabwright import private

APP = "tabwright"


def models_dir() -> Path:
    """Folder of the converted models; ``TABWRIGHT_MODELS_DIR``, a full path, moves it."""
    moved = _expanded(os.environ.get("TABWRIGHT_MODELS_DIR", ""))
    if moved.is_absolute():
        return moved
    return Path(platformdirs.user_data_dir(APP)) / "models"


def unused_models_dir() -> str:
    """What ``TABWRIGHT_MODELS_DIR`` holds if it is not used since it is no full path, else "".

    A relative one would be looked up in the current folder, which may be a checkout.
    """
    moved = os.environ.get("TABWRIGHT_MODELS_DIR", "")
    return "" if _expanded(moved).is_absolute() else moved


def why_not_models_dir() -> str:
    """The sentence for a terminal about ``unused_models_dir``; "" where it is used."""
    unused = unused_models_dir()
    if not unused:
        return ""
    return f"TABWRIGHT_MODELS_DIR ({unused}) is not a full path and is not used; {models_dir()} is"


def cache_dir() -> Path:
    """Folder of what can be fetched or made again, such as half-done downloads."""
    return Path(platformdirs.user_cache_dir(APP))


def statistics_file() -> Path:
    """File of the counts of what became of suggestions."""
    return Path(platformdirs.user_data_dir(APP)) / "statistics.db"


def config_file() -> Path:
    """File of the user's own settings, the same in every editor; see ``tabwright config``."""
    return Path(platformdirs.user_config_dir(APP)) / "config.toml"


def trust_file() -> Path:
    """File of what the user allowed; see ``tabwright trust``."""
    return Path(platformdirs.user_data_dir(APP)) / "trust.json"


def runtime_dir() -> Path:
    """Private folder for the engine's socket, its lock and the tokens; made if absent.

    ``TABWRIGHT_RUNTIME_DIR`` moves it. Raises PermissionError where it would not be private.
    """
    moved = os.environ.get("TABWRIGHT_RUNTIME_DIR")
    where = Path(moved).expanduser() if moved else _default_runtime_dir()
    try:
        return private.folder(where)
    except PermissionError as error:
        raise PermissionError(f"{error}; set TABWRIGHT_RUNTIME_DIR to a private folder") from error


def engine_socket() -> Path:
    """Path of the engine's Unix socket."""
    return runtime_dir() / "engine.sock"


def engine_lock() -> Path:
    """Lock file held by the one running engine of this user."""
    return runtime_dir() / "engine.lock"


def engine_address() -> Path:
    """File that names the engine's loopback address and token where there are no Unix sockets."""
    return runtime_dir() / "engine.json"


def engine_process() -> Path:
    """File that names the process of the running engine, see ``engine_pid``."""
    return runtime_dir() / "engine.pid"


def engine_log() -> Path:
    """Log file of the engine process."""
    return log_dir() / "engine.log"


def token_file(command: str, port: int) -> Path:
    """Private file with the token of ``serve`` or ``engine`` on a loopback port."""
    return runtime_dir() / f"{command}-{port}.token"


def log_dir() -> Path:
    """Private folder of the log files, made if absent; raises OSError where it cannot be."""
    return private.folder(Path(platformdirs.user_log_dir(APP)))


def _expanded(path: str) -> Path:
    """With the home folder for ``~``; unlike Path.expanduser, without an error for none."""
    return Path(os.path.expanduser(path))


def _default_runtime_dir() -> Path:
    base = os.environ.get("XDG_RUNTIME_DIR")
    if base and Path(base).is_dir() and os.access(base, os.W_OK):
        return Path(base) / APP
    # A Unix socket's path holds about 100 bytes, so a deep cache folder would not do.
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    return Path(tempfile.gettempdir()) / f"{APP}-{user}"
