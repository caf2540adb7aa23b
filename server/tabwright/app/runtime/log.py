"""The server's log file: stdout is the protocol's alone, and user code is never logged."""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
import traceback
from typing import BinaryIO

from tabwright import paths, private

_FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"
_FILE_BYTES = 1_000_000
_OLD_FILES = 2

logger = logging.getLogger("tabwright")


def guard_stdout() -> BinaryIO:
    """Keep file descriptor 1 for the protocol, and let all else that is printed go to stderr.

    Returns the stream to write the protocol to. Native code that writes to descriptor 1 is
    diverted as well.
    """
    sys.stdout.flush()
    kept = os.dup(1)
    os.set_inheritable(kept, False)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return os.fdopen(kept, "wb", buffering=0)


def configure(level: str = "info") -> None:
    """Log to a rotated file in ``paths.log_dir()``, and warnings to stderr as well.

    A log folder that cannot be written is said on stderr, and the server goes on without it.
    """
    logging.captureWarnings(True)
    logging.raiseExceptions = False
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    stderr = logging.StreamHandler(sys.stderr)
    stderr.setLevel(logging.WARNING)
    stderr.setFormatter(logging.Formatter("tabwright: %(levelname)s: %(message)s"))
    root.addHandler(stderr)
    try:
        file = private.log_handler(paths.log_dir() / "server.log", _FILE_BYTES, _OLD_FILES)
    except OSError as error:
        logger.warning("no log file: %s", error)
    else:
        file.setFormatter(logging.Formatter(_FORMAT))
        root.addHandler(file)
    for handler in root.handlers:
        # A handler's filter sees the records of all loggers below; a logger's only its own.
        handler.addFilter(_withhold_foreign_values)
    set_level(level)


def path() -> str | None:
    """Return the path of the log file; None without one."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.handlers.RotatingFileHandler):
            return handler.baseFilename
    return None


def set_level(level: str) -> None:
    """Set how much of our own is logged: "debug", "info", "warning" or "error"."""
    logger.setLevel(level.upper())
    # pygls logs whole messages, which hold the user's code, at INFO.
    for name in ("pygls", "asyncio", "aiohttp"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _withhold_foreign_values(record: logging.LogRecord) -> bool:
    # pygls and asyncio put messages, tasks and exceptions that quote user code into their records.
    if record.name.split(".")[0] not in ("pygls", "asyncio", "aiohttp"):
        return True
    kind = record.exc_info[0] if record.exc_info else None
    cause = f" ({kind.__name__})" if kind else ""
    record.msg = f"{str(record.msg).partition('%')[0].partition(chr(10))[0]}{cause}"
    record.args, record.exc_info, record.exc_text = (), None, None
    return True


def failure(what: str, error: BaseException) -> None:
    """Log an error: its kind and place, and its message, which may quote code, at DEBUG."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    logger.error("%s: %s%s", what, type(error).__name__, place)
    logger.debug("in full:", exc_info=error)
