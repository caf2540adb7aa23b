from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tabwright.app.documents.privacy import PrivacyRules


def put(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def allowed(root: Path, *names: str, **fields: object) -> list[str]:
    """Those of the names that may be read."""
    rules = PrivacyRules([root], **fields)  # type: ignore[arg-type]
    return [name for name in names if rules.allowed(root / name) is None]


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        ".env.local",
        ".envrc",
        "prod.env",
        ".ENV",
        "server.pem",
        "Server.PEM",
        "tls.key",
        "id_rsa",
        "id_rsa.pub",
        "id_ed25519",
        "cert.p12",
        "cert.pfx",
        "vault.kdbx",
        "credentials",
        "credentials.json",
        ".netrc",
        ".npmrc",
        ".pypirc",
        "secrets.yaml",
        ".aws/config",
        "sub/.ssh/known_hosts",
        "main.tfstate",
        "main.tfstate.backup",
        "prod.tfvars",
        ".git-credentials",
    ],
)
def test_secrets_are_denied(tmp_path: Path, name: str) -> None:
    reason = PrivacyRules([tmp_path]).allowed(tmp_path / name)
    assert reason and "built-in list" in reason


@pytest.mark.parametrize(
    "name",
    [
        "main.py",
        ".env.example",
        ".env.sample",
        "environment.py",
        "keys.py",
        "secret_santa.py",
        ".env/lib/module.py",  # a virtual environment of that name
        "credentials/model.py",
        "main.tf",
        "pem.txt",
        "größe ∂.py",
    ],
)
def test_source_is_allowed(tmp_path: Path, name: str) -> None:
    assert PrivacyRules([tmp_path]).allowed(tmp_path / name) is None


def test_the_users_globs(tmp_path: Path) -> None:
    deny = ["*.sql", "/private/", "!dump.sql", "!secrets.py", "docs/**/*.md"]
    names = ["a.sql", "dump.sql", "private/a.py", "x/private/a.py", "secrets.py", "docs/a/b.md"]
    assert allowed(tmp_path, *names, deny_globs=deny) == [
        "dump.sql",
        "x/private/a.py",
        "secrets.py",
    ]
    reason = PrivacyRules([tmp_path], deny).allowed(tmp_path / "a.sql")
    assert reason == "a.sql is on the list privacy.deny"


def test_ignore_files_from_the_root_down(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            ".gitignore": "*.log\nbuild/\n/top.py\n",
            "a/.gitignore": "!keep.log\nlocal.py\n",
            "a/b/.tabwrightignore": "*.py\n!ok.py\n",
        },
    )
    names = ["x.log", "a/x.log", "a/keep.log", "keep.log", "build/x.py", "a/build/x.py"]
    names += ["top.py", "a/top.py", "a/local.py", "local.py", "a/b/x.py", "a/b/ok.py"]
    assert allowed(tmp_path, *names) == ["a/keep.log", "a/top.py", "local.py", "a/b/ok.py"]
    reason = PrivacyRules([tmp_path]).allowed(tmp_path / "a/build/x.py")
    assert reason == f"a/build is ignored by 'build/' in {tmp_path / '.gitignore'}"


def test_nothing_comes_back_from_an_ignored_folder(tmp_path: Path) -> None:
    put(tmp_path, {".gitignore": "build/\n!build/x.py\n", "build/.gitignore": "!x.py\n"})
    assert allowed(tmp_path, "build/x.py") == []
    put(tmp_path, {".gitignore": "build/*\n!build/x.py\n!build/kept/\n"})
    names = ["build/x.py", "build/y.py", "build/kept/z.py"]
    assert allowed(tmp_path, *names) == ["build/x.py", "build/kept/z.py"]
    put(tmp_path, {".gitignore": "*\n!*/\n!*.py\n", "build/.gitignore": ""})
    assert allowed(tmp_path, "a/b.py", "a/b.txt") == ["a/b.py"]


def test_gitignore_can_be_left_aside(tmp_path: Path) -> None:
    put(tmp_path, {".gitignore": "a.py\nb.py", ".tabwrightignore": "!b.py\nc.py"})
    assert allowed(tmp_path, "a.py", "b.py", "c.py") == ["b.py"]
    assert allowed(tmp_path, "a.py", "b.py", "c.py", respect_gitignore=False) == ["a.py", "b.py"]
    assert allowed(tmp_path, ".env", respect_gitignore=False) == []


def test_a_changed_ignore_file_is_read_again(tmp_path: Path) -> None:
    rules = PrivacyRules([tmp_path])
    path = tmp_path / "sub" / "a.py"
    assert rules.allowed(path) is None
    put(tmp_path, {".gitignore": "a.py\n"})
    assert rules.allowed(path)
    put(tmp_path, {"sub/.gitignore": "!a.py\n"})
    assert rules.allowed(path) is None
    (tmp_path / "sub" / ".gitignore").unlink()
    assert rules.allowed(path)
    (tmp_path / ".gitignore").write_text("b.py\n")  # as long as before
    os.utime(tmp_path / ".gitignore", ns=(1, 1))
    assert rules.allowed(path) is None


def test_the_repository_above_the_root_counts(tmp_path: Path) -> None:
    put(tmp_path, {".git/HEAD": "", ".gitignore": "/app/gen/\n", "app/gen/x.py": ""})
    root = tmp_path / "app"
    assert PrivacyRules([root]).allowed(root / "gen" / "x.py")
    # And a file of no root is judged by its own repository.
    assert PrivacyRules([]).allowed(root / "gen" / "x.py")
    assert PrivacyRules([]).allowed(root / "x.py") is None


def test_links_are_checked_by_their_target(tmp_path: Path) -> None:
    put(tmp_path, {".gitignore": "gen/\n", ".env": "", "gen/x.py": "", "x.py": ""})
    for link, target in [("e.py", ".env"), ("g.py", "gen/x.py"), ("ok.py", "x.py"), ("lib", "gen")]:
        (tmp_path / link).symlink_to(tmp_path / target)
    assert allowed(tmp_path, "e.py", "g.py", "ok.py", "lib/x.py") == ["ok.py"]
    reason = PrivacyRules([tmp_path]).allowed(tmp_path / "e.py")
    assert reason and reason.startswith("it is a link and .env may hold secrets")
    (tmp_path / "loop.py").symlink_to(tmp_path / "loop.py")
    assert allowed(tmp_path, "loop.py") == ["loop.py"], "there is nothing to read"


def test_a_root_that_is_a_link(tmp_path: Path) -> None:
    put(tmp_path, {"real/.gitignore": "a.py\n", "real/b.py": ""})
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for root in ("link", "real"):
        rules = PrivacyRules([tmp_path / root])
        assert rules.allowed(tmp_path / "link" / "a.py")
        assert rules.allowed(tmp_path / "link" / "b.py") is None


def test_broken_ignore_files_warn_once_and_the_rest_holds(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_bytes(b"\xef\xbb\xbfa.py\r\n\\\n\xff.py\r\nb.py")
    put(tmp_path, {"sub/x.py": ""})
    (tmp_path / "sub" / ".gitignore").write_bytes(b"\0\0x.py")
    (tmp_path / "sub" / ".tabwrightignore").mkdir()
    said: list[str] = []
    rules = PrivacyRules([tmp_path], ["\\", "*.sql"], warn=said.append)
    for _ in range(2):
        assert rules.allowed(tmp_path / "a.py") and rules.allowed(tmp_path / "b.py")
        assert rules.allowed(tmp_path / "x.sql")
        assert rules.allowed(tmp_path / "sub" / "x.py") is None
    assert [message.split(":")[0].removeprefix(f"{tmp_path}/") for message in said] == [
        "privacy.deny",
        ".gitignore",
        "sub/.gitignore is not a text file, so nothing it names is kept out",
        "sub/.tabwrightignore cannot be read, so nothing it names is kept out",
    ]


def test_a_huge_ignore_file_is_cut(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("a.py\n" + "#" * (2 << 20))
    said: list[str] = []
    rules = PrivacyRules([tmp_path], warn=said.append)
    assert rules.allowed(tmp_path / "a.py") and "too large" in said[0]


@pytest.mark.parametrize(
    ("uri", "free"),
    [
        ("untitled:Untitled-1", True),
        ("git:/x/.env?ref", False),
        ("inmemory://model/1", True),
        ("{root}/a%20b.py", True),
        ("{root}/.env", False),
        ("{root}/ignored.py", False),
        ("{root}/%2Eenv", False),
        ("{cell}/n.ipynb#W0sZmlsZQ%3D%3D", True),
        ("{cell}/ignored.ipynb#W0sZmlsZQ%3D%3D", False),
    ],
)
def test_uris(tmp_path: Path, uri: str, free: bool) -> None:
    put(tmp_path, {".gitignore": "ignored.*\n"})
    cell = f"vscode-notebook-cell:{tmp_path}"
    uri = uri.format(root=tmp_path.as_uri(), cell=cell)
    assert (PrivacyRules([tmp_path]).allowed(uri) is None) == free


@pytest.mark.parametrize("path", ["a\0b.py", "x" * 5000 + ".py", "", "/", "\ud800.py"])
def test_odd_paths_do_not_crash(tmp_path: Path, path: str) -> None:
    reason = PrivacyRules([tmp_path]).allowed(path)
    assert reason is None or isinstance(reason, str)


def test_a_repeated_privacy_check_is_quick(tmp_path: Path) -> None:
    import time

    put(tmp_path, {"a/b/c/d/.gitignore": "".join(f"p{n}/*.txt\n" for n in range(500))})
    rules = PrivacyRules([tmp_path])
    path = tmp_path / "a/b/c/d/x.py"
    rules.allowed(path)
    started = time.process_time()
    for _ in range(100):
        rules.allowed(path)
    assert time.process_time() - started < 0.2


SEGMENT = st.sampled_from(["a", "b", "*", "a*", "?", "**", "[ab]"])
BODY = st.lists(SEGMENT, min_size=1, max_size=3).map("/".join)
LINE = st.tuples(st.sampled_from(["", "!"]), st.sampled_from(["", "/"]), BODY, st.just("")) | (
    st.tuples(st.sampled_from(["", "!"]), st.just(""), BODY, st.just("/"))
)
LINES = st.lists(LINE.map("".join), max_size=4)
PATHS = [f"{x}/{y}/{z}" for x in "ab" for y in "ab" for z in "ab"] + ["a/c", "c", "ab/ba/a"]


@pytest.mark.skipif(shutil.which("git") is None, reason="git is the reference and is not here")
@settings(max_examples=40, deadline=None)
@given(top=LINES, nested=LINES)
@example(top=[], nested=["a", "!a/**/"])
@example(top=["a", "!a/**/"], nested=[])
@example(top=["b", "!a/**/"], nested=[])
def test_agrees_with_git(top: list[str], nested: list[str]) -> None:
    """What git ignores is never allowed; what it does not ignore mostly is."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        put(root, {name: "" for name in PATHS})
        put(root, {".gitignore": "\n".join(top), "a/.gitignore": "\n".join(nested)})
        subprocess.run(["git", "init", "-q", folder], check=True)
        said = subprocess.run(
            ["git", "-C", folder, "check-ignore", "--no-index", "--stdin"],
            input="\n".join(PATHS),
            capture_output=True,
            text=True,
        )
        ours = set(PATHS) - set(allowed(root, *PATHS))
        assert ours >= set(said.stdout.split()), "a file that git ignores would be read"
        if not any("**" in line for line in top + nested):
            assert ours == set(said.stdout.split())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.timeout(20)
def test_a_pipe_in_place_of_a_list_is_not_opened(tmp_path: Path) -> None:
    """Opening a pipe waits for a writer, and a checkout can link to one that lies elsewhere."""
    os.mkfifo(tmp_path / "pipe")
    warned: list[str] = []
    for name in (".gitignore", ".tabwrightignore", ".git"):
        (tmp_path / name).symlink_to(tmp_path / "pipe")
    privacy = PrivacyRules([tmp_path], warn=warned.append)
    assert privacy.allowed(tmp_path / "a.py") is None
    assert [Path(said.split()[0]).name for said in warned] == [".gitignore", ".tabwrightignore"]
