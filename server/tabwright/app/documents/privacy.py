"""Which files stay out of every prompt: secrets by name, and what the ignore files list.

Names are judged in any URI; ignore files where a path on this machine is known.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

from tabwright import regular_file
from tabwright.app.documents.git_excludes import exclude_file, users_excludes
from tabwright.app.documents.uri_paths import decoded_path, local_path
from tabwright.core.message import Message
from tabwright.core.prompting.context import Document

log = logging.getLogger(__name__)

_SYSTEM_FOLDERS = ("/proc/", "/sys/", "/dev/")
_MEMORY_FOLDER = "/dev/shm/"  # an ordinary file system, for all that it lies there
IGNORE_FILES = (".gitignore", ".tabwrightignore")  # the later one has the last word
MAX_IGNORE_BYTES = 1 << 20
MAX_REMEMBERED = 4096
_MOST_POWER = 3  # wildcards of a pattern that can each match at many places

Stamp = tuple[int, int, int]  # of a file: mtime in ns, size, inode


@dataclass(frozen=True)
class _Pattern:
    """One line of an ignore file, relative to the folder that holds it."""

    line: str
    source: Path
    spec: GitIgnoreSpec
    negated: bool
    folders_only: bool
    by_name: bool  # without a slash a pattern is compared with the last name alone

    def hits(self, parts: Sequence[str], is_folder: bool) -> bool:
        """Tell whether the pattern names this very entry; one above it was judged before.

        pathspec also answers for what lies below a folder that matches. That would let a
        negated folder pattern bring back files that Git leaves out, hence the second question.
        """
        if self.folders_only and not is_folder:
            return False
        tail = "/" if is_folder else ""
        if self.by_name:
            return self._match(parts[-1] + tail)
        path = "/".join(parts)
        above = "/".join(parts[:-1]) + "/"
        if self.line.rstrip("/").endswith("/**"):
            # What is meant lies below; pathspec has "a/**/" name the folder a itself too.
            below = not (self.negated and self.folders_only) or self._match(above)
            return below and self._match(path + tail if self.folders_only else path)
        if len(parts) == 1 or ("**" in self.line and not self.negated):
            return self._match(path + tail)  # in doubt, a pattern that hides has its way
        return self._match(path + tail) and not self._match(above)

    def _match(self, path: str) -> bool:
        return self.spec.check_file(path).include is not None


@dataclass(frozen=True)
class _Rules:
    """What a folder's files say: ``excludes`` of Git's lists outside the tree, if it is its top."""

    stamps: tuple[tuple[Path, Stamp | None], ...]
    patterns: tuple[_Pattern, ...]
    excludes: tuple[_Pattern, ...]


class PrivacyRules:
    """Judges paths for one workspace; ignore files are read again when they change.

    ``deny_globs`` are in .gitignore's syntax, relative to a root; ``!name`` takes a file off the
    built-in list. ``added_globs``, which a workspace may set, can only keep more files out. With
    ``.gitignore`` count ``.git/info/exclude`` and the user's own excludes of Git. ``warn`` gets one
    message for each ignore file or line that could not be used.
    """

    def __init__(
        self,
        roots: Iterable[str | Path],
        deny_globs: Sequence[str] = (),
        respect_gitignore: bool = True,
        *,
        added_globs: Sequence[str] = (),
        warn: Callable[[str], None] = log.warning,
    ) -> None:
        self._warn = warn
        named = [_absolute(root) for root in roots]
        self._roots = tuple(dict.fromkeys([*named, *(_resolved(root) for root in named)]))
        self._names = IGNORE_FILES if respect_gitignore else IGNORE_FILES[1:]
        self._excludes = respect_gitignore
        self._users_excludes: Path | None = None
        self._rules: dict[Path, _Rules] = {}
        self._verdicts: dict[Path, Message | None] = {}
        lines = [line for line in map(bounded, deny_globs) if self._usable(line, "privacy.deny")]
        self._deny = GitIgnoreSpec.from_lines(lines)
        added = [line for line in map(bounded, added_globs) if self._usable(line, "privacy.deny")]
        self._added = GitIgnoreSpec.from_lines(added)

    def allowed(self, path: str | Path) -> Message | None:
        """Say why a file (path or URI) must stay out of prompts; None when it may be used.

        A URI of any scheme is judged by its segments, and by the path in it where that may be one
        of this machine. A link is judged by its own name and by what it points to.
        """
        try:
            found, named = local_path(path), decoded_path(path)
            if found is None:
                return self._denied(named, str(path), named.lstrip("/"))
            here = _absolute(found)
            there = _resolved(here)
            reason = self._judge(here, str(path))
            if reason is None and there != here:
                reason = self._judge(there, str(there))
                reason = reason and Message("it is a link and {0}", reason)
        except (ValueError, OSError) as error:
            return Message("not a usable path: {0}", error)
        return reason

    def _judge(self, path: Path, text: str) -> Message | None:
        root = self._root_of(path)
        inside = path.relative_to(root if root is not None else path.anchor).as_posix()
        return self._denied(path.as_posix(), text, inside) or self._ignored(path)

    def _denied(self, path: str, text: str, inside: str) -> Message | None:
        """Judge a path by its segments; ``text`` is the path or URI as it came, ``inside`` the path
        from the root on."""
        name = path.rpartition("/")[2]
        if path.startswith(_SYSTEM_FOLDERS) and not path.startswith(_MEMORY_FOLDER):
            return Message("{0} is no file but a part of the system", name)
        if self._added.check_file(inside).include:
            return Message("{0} is on the list privacy.deny", name)
        listed = self._deny.check_file(inside).include
        if listed is not None:
            return Message("{0} is on the list privacy.deny", name) if listed else None
        # Imported here since its patterns take tens of milliseconds, which would delay a start.
        from tabwright.app.documents.secret_names import secret_by_name

        found = secret_by_name(text) or secret_by_name(path)
        if found is None:
            return None
        segment, rule = found
        if not rule:
            return Message("files in {0} may hold secrets (built-in list)", segment)
        return Message("{0} may hold secrets (built-in list: {1})", segment, rule)

    def _ignored(self, path: Path) -> Message | None:
        top = self._top_of(path)
        if top is None:
            return None
        parts = path.relative_to(top).parts
        folders = [top.joinpath(*parts[:depth]) for depth in range(len(parts))]
        if any([self._refresh(folder) for folder in folders]):
            self._verdicts.clear()
        if path not in self._verdicts:
            if len(self._verdicts) >= MAX_REMEMBERED:
                self._verdicts.clear()
            self._verdicts[path] = self._ignored_in(folders, parts)
        return self._verdicts[path]

    def _ignored_in(self, folders: Sequence[Path], parts: Sequence[str]) -> Message | None:
        """Judge each folder on the way down, then the file: the last pattern that hits counts.

        What lies in an ignored folder can't be brought back (gitignore(5)).
        """
        for depth in range(1, len(parts) + 1):
            is_folder = depth < len(parts)
            for level in reversed(range(depth)):
                inside = parts[level:depth]
                hit = _last_hit(self._rules[folders[level]].patterns, inside, is_folder)
                if hit is not None:
                    break
            else:
                hit = self._excluded(folders, parts[:depth], is_folder)
            if hit is not None and not hit.negated:
                return Message(
                    "{0} is ignored by {1} in {2}",
                    "/".join(parts[:depth]),
                    repr(hit.line),
                    hit.source,
                )
        return None

    def _excluded(
        self, folders: Sequence[Path], parts: Sequence[str], is_folder: bool
    ) -> _Pattern | None:
        """What Git's lists outside the tree say of an entry; they yield to every ignore file."""
        for level in reversed(range(len(parts))):
            excludes = self._rules[folders[level]].excludes
            if excludes:
                return _last_hit(excludes, parts[level:], is_folder)
        return None

    def _refresh(self, folder: Path) -> bool:
        """Read the folder's ignore files if they changed; tell whether they had."""
        files = [folder / name for name in self._names]
        outside = self._lists_outside(folder) if self._excludes else []
        stamps = tuple((file, self._stamp(file)) for file in (*outside, *files))
        known = self._rules.get(folder)
        if known is not None and known.stamps == stamps:
            return False
        found = [tuple(self._read(file)) if stamp else () for file, stamp in stamps]
        patterns, excludes = found[len(outside) :], found[: len(outside)]
        self._rules[folder] = _Rules(stamps, sum(patterns, ()), sum(excludes, ()))
        return True

    def _lists_outside(self, folder: Path) -> list[Path]:
        """The lists of Git for the repository whose top this folder is, the user's own first."""
        excludes = exclude_file(folder)
        if excludes is None:
            return []
        if self._users_excludes is None:
            self._users_excludes = users_excludes()
        return [self._users_excludes, excludes]

    def _stamp(self, file: Path) -> Stamp | None:
        try:
            found = file.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            if not isinstance(error, NotADirectoryError):
                log.debug("%s cannot be looked at: %s", file, error)
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _read(self, file: Path) -> Iterator[_Pattern]:
        try:
            content = regular_file.start_of(file, MAX_IGNORE_BYTES + 1)
        except regular_file.NotRegular:
            self._warn(Message("{0} is not a text file, so nothing it names is kept out", file))
            return
        except OSError as error:
            self._warn(
                Message("{0} cannot be read, so nothing it names is kept out: {1}", file, error)
            )
            return
        if len(content) > MAX_IGNORE_BYTES:
            self._warn(Message("{0} is too large; only its first MiB is used", file))
            content = content[:MAX_IGNORE_BYTES]
        if b"\0" in content:
            self._warn(Message("{0} is not a text file, so nothing it names is kept out", file))
            return
        for raw in content.decode("utf-8-sig", "replace").split("\n"):
            line = bounded(raw.removesuffix("\r"))
            if self._usable(line, str(file)):
                spec = GitIgnoreSpec.from_lines([line])
                if any(pattern.include is not None for pattern in spec.patterns):
                    yield _pattern(line, file, spec)

    def _usable(self, line: str, source: str) -> bool:
        try:
            GitIgnoreSpec.from_lines([line])
        except (ValueError, re.error) as error:
            self._warn(
                Message("{0}: the pattern {1} cannot be used: {2}", source, repr(line), error)
            )
            return False
        return True

    def _root_of(self, path: Path) -> Path | None:
        inside = [root for root in self._roots if path != root and path.is_relative_to(root)]
        return max(inside, key=lambda root: len(root.parts), default=None)

    def _top_of(self, path: Path) -> Path | None:
        """The outermost folder whose ignore files count: the repository's, else the root.

        Else the outermost one with an ignore file of ours. A .gitignore says nothing there: one in
        the home folder often names all that is below.
        """
        root = self._root_of(path)
        start = root if root is not None else path.parent
        for folder in (start, *start.parents):
            if (folder / ".git").exists():
                return folder
        if root is not None:
            return root
        above = (one for one in reversed(path.parents) if (one / IGNORE_FILES[1]).is_file())
        return next(above, None)


def bounded(line: str) -> str:
    """A line of an ignore file that can be compared in bounded time.

    It becomes a regular expression, whose time grows with the power of its wildcards. One of many
    is replaced by one that names more; where it takes files off the list ("!"), by nothing.
    """
    sign = line.startswith("!")
    segments = line.removeprefix("!").split("/")
    deep = [number for number, segment in enumerate(segments) if segment == "**"]
    wild = [number for number, segment in enumerate(segments) if segment.count("*") > 1]
    power = len(deep) + sum(
        segments[number].count("*") - 1 for number in wild if number not in deep
    )
    if power <= _MOST_POWER or line.startswith("#"):
        return line
    if sign:
        return ""
    if len(deep) > _MOST_POWER:
        last = next((one for one in reversed(segments) if one.strip("*")), "*")
        segments = ["**", last, *([""] if segments[-1] == "" else [])]
    return "/".join("*" if one != "**" and one.count("*") > 1 else one for one in segments)


def _pattern(line: str, source: Path, spec: GitIgnoreSpec) -> _Pattern:
    body = line.rstrip()
    negated = body.startswith("!")
    body = body.removeprefix("!")
    folders_only = body.endswith("/")
    return _Pattern(line, source, spec, negated, folders_only, "/" not in body.rstrip("/"))


def _last_hit(
    patterns: Sequence[_Pattern], inside: Sequence[str], is_folder: bool
) -> _Pattern | None:
    return next((each for each in reversed(patterns) if each.hits(inside, is_folder)), None)


def _absolute(path: str | Path) -> Path:
    return Path(os.path.abspath(path))


def _resolved(path: Path) -> Path:
    return Path(os.path.realpath(path))


def screened(
    refused: Callable[[str], Message | None], path: str, uri: str, others: Sequence[Document]
) -> tuple[Message | None, tuple[Document, ...]]:
    """Why the file itself must stay out, and those of the other files that need not."""
    refusal = refusal_for(refused, path, uri)
    if refusal is not None:
        return refusal, ()
    allowed = (other for other in others if refusal_for(refused, other.path, other.uri) is None)
    return None, tuple(allowed)


def refusal_for(refused: Callable[[str], Message | None], path: str, uri: str) -> Message | None:
    """Why a document must stay out: by its path, and by its URI where that says more."""
    refusal = refused(path) if path else None
    if refusal is None and uri and not (path and uri.startswith("file:")):
        refusal = refused(uri)
    return refusal
