"""What only this user may touch: folders, files in them, and who is at the other end of a socket.

A folder is private when nobody but its owner and root can enter it or put another in its place.
On Windows the profile's own permissions hold, so there only symbolic links are refused.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging.handlers import RotatingFileHandler

_POSIX = hasattr(os, "getuid")
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_MOST_LINKS = 40  # as many as Linux follows in one path
_WRITABLE = stat.S_IWGRP | stat.S_IWOTH
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_MOST_BYTES = 1 << 20


def folder(path: Path) -> Path:
    """Return ``path`` as a private folder (mode 0700), made if absent.

    One of this user's that others could read is closed to them. Raises PermissionError where it is
    a symbolic link, where another user owns it or could replace it or a folder above it, and where
    others could write to it and left something there; OSError where it cannot be made.
    """
    path = Path(os.path.abspath(path))
    if not _POSIX:
        path.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            raise PermissionError(f"{path} is a symbolic link, not a folder of this user's own")
        return path
    missing = []
    at = path
    while not os.path.lexists(at):
        missing.append(at)
        at = at.parent
    check_ways_to(missing[-1] if missing else path)
    for each in reversed(missing):
        # Another process of the user may make it at the same time; what is there is checked below.
        each.mkdir(mode=0o700, exist_ok=True)
    descriptor = _open_folder(path)
    try:
        found = os.fstat(descriptor)
        if found.st_uid != os.getuid():
            raise PermissionError(f"{path} belongs to another user (number {found.st_uid})")
        if found.st_mode & stat.S_ISVTX:
            raise PermissionError(f"{path} is a folder that users share, as /tmp is")
        if found.st_mode & _WRITABLE and not _group_is_own(found):
            _refuse_foreign(path, descriptor)
        if found.st_mode & _OTHERS:
            os.fchmod(descriptor, 0o700)
    finally:
        os.close(descriptor)
    return path


def check_ways_to(path: Path) -> None:
    """Check every folder above ``path``: raises PermissionError where another user could replace
    one of them, or ``path`` itself, by something of his own. ``path`` need not exist."""
    if _POSIX:
        _check_parents(Path(os.path.abspath(path)), 0)


def written_by_others(path: Path) -> str:
    """Why others could change a file, links followed; "" where they could not.

    Raises OSError where it cannot be looked at.
    """
    if not _POSIX:
        return ""
    real = Path(os.path.realpath(path))
    found = real.stat()
    if found.st_uid not in (os.getuid(), 0):
        return f"{real} belongs to another user (number {found.st_uid})"
    if found.st_mode & _WRITABLE and not _group_is_own(found):
        return f"other users can write to {real}"
    try:
        check_ways_to(real)
    except PermissionError as error:
        return str(error)
    return ""


def is_own(path: Path) -> bool:
    """Whether a file or folder is this user's, no symbolic link, and writable for him alone."""
    found = os.lstat(path)
    if stat.S_ISLNK(found.st_mode):
        return False
    if not _POSIX:
        return True
    alone = not found.st_mode & _WRITABLE or _group_is_own(found)
    return found.st_uid == os.getuid() and alone


def opener(path: str, flags: int) -> int:
    """For ``open(…, opener=…)``: a file that only this user can read (mode 0600), made if the mode
    says so. Raises OSError for a symbolic link and PermissionError for another user's file."""
    binary = getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags | _NO_FOLLOW | binary, 0o600)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise PermissionError(f"{path} is not an ordinary file")
        if _POSIX and found.st_uid != os.getuid():
            raise PermissionError(f"{path} belongs to another user (number {found.st_uid})")
        if _POSIX and found.st_mode & _OTHERS:
            os.fchmod(descriptor, 0o600)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def write(path: Path, text: str) -> None:
    """Replace a file (mode 0600), whole or not at all; its folder should be private."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read(path: Path) -> str:
    """Read a small private file, at most 1 MiB; raises OSError as ``opener`` does, or ValueError
    where it is not UTF-8."""
    with open(path, "rb", opener=opener) as file:
        return file.read(_MOST_BYTES).decode("utf-8")


def log_handler(path: Path, most_bytes: int, kept: int) -> RotatingFileHandler:
    """A handler that writes to a private file (mode 0600) and keeps ``kept`` older ones."""
    from logging.handlers import RotatingFileHandler

    class PrivateFile(RotatingFileHandler):
        def _open(self):  # type: ignore[no-untyped-def]  # noqa: ANN202
            name, errors = self.baseFilename, self.errors
            return open(name, self.mode, encoding="utf-8", errors=errors, opener=opener)

    return PrivateFile(
        path, maxBytes=most_bytes, backupCount=kept, encoding="utf-8", errors="backslashreplace"
    )


def peer_uid(connection: socket.socket) -> int | None:
    """The user at the other end of a connected Unix socket; None where the system does not tell.

    For the side that connected it is the user who listens. Raises OSError.
    """
    if hasattr(socket, "SO_PEERCRED"):  # Linux: struct ucred
        size = struct.calcsize("3i")
        told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        return int(struct.unpack("3I", told)[1])
    if sys.platform == "darwin" or "bsd" in sys.platform:  # LOCAL_PEERCRED: struct xucred
        told = connection.getsockopt(0, 1, 128)
        return int(struct.unpack_from("2I", told)[1]) if len(told) >= 8 else None
    return None


def foreign_peer(connection: socket.socket) -> int | None:
    """The number of the other user at the end of a Unix socket; None where it is this user."""
    found = peer_uid(connection)
    return None if found is None or found == os.getuid() else found


def _open_folder(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | _NO_FOLLOW)
    except OSError as error:
        if path.is_symlink():
            why = f"{path} is a symbolic link, not a folder of this user's own"
            raise PermissionError(why) from error
        if path.exists() and not path.is_dir():
            raise PermissionError(f"{path} is not a folder") from error
        if path.lstat().st_uid != os.getuid():
            raise PermissionError(f"{path} belongs to another user") from error
        raise


def _check_parents(path: Path, links: int) -> None:
    if links > _MOST_LINKS:
        raise PermissionError(f"{path} leads through too many symbolic links")
    for above in reversed(path.parents):
        found = os.lstat(above)
        if not _is_trusted(found.st_uid):
            raise PermissionError(
                f"{above} belongs to another user (number {found.st_uid}), who could replace "
                f"what lies in it"
            )
        if stat.S_ISLNK(found.st_mode):
            target = os.path.join(os.path.realpath(above.parent), os.readlink(above))
            _check_parents(Path(os.path.normpath(target)) / path.name, links + 1)
            continue
        shared = found.st_mode & _WRITABLE and not found.st_mode & stat.S_ISVTX
        if shared and not _group_is_own(found):
            raise PermissionError(
                f"other users can write to {above}, and could replace what lies in it"
            )


def _is_trusted(uid: int) -> bool:
    return uid in (0, os.getuid()) or (uid == 65534 and _users_are_mapped())


def _users_are_mapped() -> bool:
    """Whether this is a user namespace, in which the system's owners are shown as 65534."""
    try:
        with open("/proc/self/uid_map", encoding="ascii") as file:
            return file.read().split() != ["0", "0", "4294967295"]
    except OSError:
        return False


def _group_is_own(found: os.stat_result) -> bool:
    """Whether only the group may write, and that is the user's own group without other members,
    as Debian and Fedora give each user one and a mask of 002."""
    if found.st_mode & stat.S_IWOTH:
        return False
    import grp
    import pwd

    try:
        user, group = pwd.getpwuid(os.getuid()), grp.getgrgid(found.st_gid)
    except KeyError:
        return False
    alone = set(group.gr_mem) <= {user.pw_name}
    return found.st_gid == user.pw_gid and group.gr_name == user.pw_name and alone


def _refuse_foreign(path: Path, descriptor: int) -> None:
    """Raise PermissionError where a folder that others could write to holds what is not its
    owner's."""
    for name in os.listdir(descriptor):
        found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        if found.st_uid != os.getuid() or stat.S_ISLNK(found.st_mode):
            raise PermissionError(
                f"other users could write to {path}, and {name} in it is not this user's own; "
                f"delete it or name another folder"
            )
