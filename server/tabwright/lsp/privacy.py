"""Which files stay out of every prompt: secrets by name, and what the ignore files list."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from pathspec import GitIgnoreSpec

from tabwright.core.context import Document

log = logging.getLogger(__name__)

SECRET_NAMES = (
    ".env*", "*.env", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx",
    "*.ppk", "*.asc", "*.gpg", "*.tfstate", "*.tfstate.*", "*.tfvars", "*.tfvars.json",
    "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "credentials*", "secrets.*", "*.secret",
    ".netrc", "_netrc", ".npmrc", ".pypirc", ".pgpass", ".my.cnf", ".htpasswd", ".dockercfg",
    ".git-credentials", ".vault-token", "service-account*.json", "kubeconfig",
)  # fmt: skip
"""File names never read, in lower case; a file's name is compared in lower case too."""
SECRET_FOLDERS = frozenset({".aws", ".ssh", ".gnupg", ".kube", ".azure", ".password-store"})
HARMLESS = frozenset({".env.example", ".env.sample", ".env.template", ".env.dist"})
IGNORE_FILES = (".gitignore", ".tabwrightignore")  # the later one has the last word
MAX_IGNORE_BYTES = 1 << 20
MAX_REMEMBERED = 4096

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
    stamps: tuple[Stamp | None, ...]
    patterns: tuple[_Pattern, ...]


class Privacy:
    """Judges paths for one workspace; ignore files are read again when they change.

    ``deny_globs`` are in .gitignore's syntax, relative to a root; ``!name`` takes a file off the
    built-in list. Git's own per-user excludes are not read. ``warn`` gets one message for each
    ignore file or line that could not be used.
    """

    def __init__(
        self,
        roots: Iterable[str | Path],
        deny_globs: Sequence[str] = (),
        respect_gitignore: bool = True,
        *,
        warn: Callable[[str], None] = log.warning,
    ) -> None:
        self._warn = warn
        named = [_absolute(root) for root in roots]
        self._roots = tuple(dict.fromkeys([*named, *(_resolved(root) for root in named)]))
        self._names = IGNORE_FILES if respect_gitignore else IGNORE_FILES[1:]
        self._rules: dict[Path, _Rules] = {}
        self._verdicts: dict[Path, str | None] = {}
        lines = [line for line in deny_globs if self._usable(line, "privacy.deny")]
        self._deny = GitIgnoreSpec.from_lines(lines)

    def allowed(self, path: str | Path) -> str | None:
        """Say why a file (path or URI) must stay out of prompts; None when it may be used.

        Buffers without a file (``untitled:`` and other schemes) are allowed. A link is judged
        by its own name and by what it points to.
        """
        try:
            found = _path_of(path)
            if found is None:
                return None
            here = _absolute(found)
            there = _resolved(here)
        except (ValueError, OSError) as error:
            return f"not a usable path: {error}"
        reason = self._judge(here)
        if reason is None and there != here:
            reason = self._judge(there)
            reason = reason and f"it is a link and {reason}"
        return reason

    def _judge(self, path: Path) -> str | None:
        return self._denied(path) or self._ignored(path)

    def _denied(self, path: Path) -> str | None:
        root = self._root_of(path)
        inside = path.relative_to(root if root is not None else path.anchor).as_posix()
        said = self._deny.check_file(inside).include
        if said is not None:
            return f"{path.name} is on the list privacy.deny" if said else None
        folder = next((part for part in path.parts[:-1] if part.lower() in SECRET_FOLDERS), None)
        if folder is not None:
            return f"files in {folder} may hold secrets (built-in list)"
        name = path.name.lower()
        if name in HARMLESS:
            return None
        glob = next((glob for glob in SECRET_NAMES if fnmatchcase(name, glob)), None)
        return glob and f"{path.name} may hold secrets (built-in list: {glob})"

    def _ignored(self, path: Path) -> str | None:
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

    def _ignored_in(self, folders: Sequence[Path], parts: Sequence[str]) -> str | None:
        """Judge each folder on the way down, then the file: the last pattern that hits counts.

        What lies in an ignored folder can't be brought back (gitignore(5)).
        """
        for depth in range(1, len(parts) + 1):
            is_folder = depth < len(parts)
            for level in reversed(range(depth)):
                inside = parts[level:depth]
                patterns = self._rules[folders[level]].patterns
                hit = next((p for p in reversed(patterns) if p.hits(inside, is_folder)), None)
                if hit is not None:
                    break
            else:
                continue
            if not hit.negated:
                return f"{'/'.join(parts[:depth])} is ignored by {hit.line!r} in {hit.source}"
        return None

    def _refresh(self, folder: Path) -> bool:
        """Read the folder's ignore files if they changed; tell whether they had."""
        files = [folder / name for name in self._names]
        stamps = tuple(self._stamp(file) for file in files)
        known = self._rules.get(folder)
        if known is not None and known.stamps == stamps:
            return False
        patterns = tuple(
            pattern
            for file, stamp in zip(files, stamps, strict=True)
            if stamp is not None
            for pattern in self._read(file)
        )
        self._rules[folder] = _Rules(stamps, patterns)
        return True

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
            with file.open("rb") as stream:
                content = stream.read(MAX_IGNORE_BYTES + 1)
        except OSError as error:
            self._warn(f"{file} cannot be read, so nothing it names is kept out: {error}")
            return
        if len(content) > MAX_IGNORE_BYTES:
            self._warn(f"{file} is too large; only its first MiB is used")
            content = content[:MAX_IGNORE_BYTES]
        if b"\0" in content:
            self._warn(f"{file} is not a text file, so nothing it names is kept out")
            return
        for raw in content.decode("utf-8-sig", "replace").split("\n"):
            line = raw.removesuffix("\r")
            if self._usable(line, str(file)):
                spec = GitIgnoreSpec.from_lines([line])
                if any(pattern.include is not None for pattern in spec.patterns):
                    yield _pattern(line, file, spec)

    def _usable(self, line: str, source: str) -> bool:
        try:
            GitIgnoreSpec.from_lines([line])
        except (ValueError, re.error) as error:
            self._warn(f"{source}: the pattern {line!r} cannot be used: {error}")
            return False
        return True

    def _root_of(self, path: Path) -> Path | None:
        inside = [root for root in self._roots if path != root and path.is_relative_to(root)]
        return max(inside, key=lambda root: len(root.parts), default=None)

    def _top_of(self, path: Path) -> Path | None:
        """The outermost folder whose ignore files count: the repository's, else the root."""
        root = self._root_of(path)
        start = root if root is not None else path.parent
        for folder in (start, *start.parents):
            if (folder / ".git").exists():
                return folder
        return root


def _pattern(line: str, source: Path, spec: GitIgnoreSpec) -> _Pattern:
    body = line.rstrip()
    negated = body.startswith("!")
    body = body.removeprefix("!")
    folders_only = body.endswith("/")
    return _Pattern(line, source, spec, negated, folders_only, "/" not in body.rstrip("/"))


def _path_of(path: str | Path) -> Path | None:
    """The path that a path or URI names; None where it names no file."""
    text = str(path)
    if isinstance(path, Path) or not re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", text):
        return Path(path)
    url = urlsplit(text)
    if url.scheme.lower() not in ("file", "vscode-notebook-cell"):
        return None
    if os.name == "nt":
        return Path(url2pathname(url.path))
    return Path(unquote(url.path))


def _absolute(path: str | Path) -> Path:
    return Path(os.path.abspath(path))


def _resolved(path: Path) -> Path:
    return Path(os.path.realpath(path))


def screened(
    refused: Callable[[str], str | None], path: str, others: Sequence[Document]
) -> tuple[str | None, tuple[Document, ...]]:
    """Why the file itself must stay out, and those of the other files that need not."""
    refusal = refused(path)
    if refusal is not None:
        return refusal, ()
    return None, tuple(other for other in others if refused(other.path) is None)
