"""No file with secrets reaches a model, however its path or URI is written."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from lsprotocol import types
from support.editor import Home, editing, engine_for

from tabwright.app.documents.privacy import PrivacyRules, screened
from tabwright.app.documents.secret_names import secret_by_name
from tabwright.core.prompting.context import Document

CASES = Path(__file__).parent.parent / "cases" / "privacy"


def listed(name: str) -> list[str]:
    lines = (CASES / name).read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("# ")]


SECRET, ORDINARY = listed("secret_names.txt"), listed("ordinary_names.txt")


def test_there_are_enough_names() -> None:
    assert len(set(SECRET)) >= 170 and len(set(ORDINARY)) >= 100


@pytest.mark.parametrize("name", SECRET)
def test_usual_names_of_secrets_are_refused(tmp_path: Path, name: str) -> None:
    rules = PrivacyRules([tmp_path])
    assert rules.allowed(tmp_path / name)
    assert rules.allowed(f"vscode-remote://ssh-remote%2Bhost/home/u/{quote(name)}")
    assert rules.allowed(f"untitled:{quote(name)}")
    assert rules.allowed(f"c:\\work\\{name}".replace("/", "\\"))


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_names_are_allowed(tmp_path: Path, name: str) -> None:
    rules = PrivacyRules([tmp_path])
    assert rules.allowed(tmp_path / name) is None
    assert rules.allowed(f"vscode-remote://ssh-remote%2Bhost/home/u/{quote(name)}") is None


@pytest.mark.parametrize("copy", [
    "{}.bak", "{}~", "{}.swp", ".{}.swp", "{}.orig", "{}.old", "{}.save", "{}.tmp", "{}.1",
    "{}.copy", "#{}#", ".#{}", "{} (copy)", "{} copy", "{} (1)", "{}.20240101", "{}.2024-01-01",
    "{}.~1~", "{}.bak.gz", "._{}", "%home%u%.config%{}", "!home!u!{}~", "{}.un~", "{}_backup",
    "{}::$DATA", "{}:stream", "{}.", "{} ", "{}. .", "{}.bak.old.1",
])  # fmt: skip
@pytest.mark.parametrize("name", [".env", "id_rsa", "server.pem", "credentials.json", "vault.yml"])
def test_copies_of_secrets_are_refused(name: str, copy: str) -> None:
    assert secret_by_name("/work/" + copy.format(name)), copy.format(name)


@pytest.mark.parametrize("name", [
    ".ENV", "Server.PEM", "ID_RSA", "\uff0eenv", ".e\u200bnv", "server.\u017fecret", "\u202e.env",
    "credentials\u00ad.json", "to\u212aen.json",
])  # fmt: skip
def test_case_width_and_invisible_characters_do_not_hide_a_name(name: str) -> None:
    assert secret_by_name(f"/work/{name}")


@pytest.mark.parametrize(
    "uri",
    [
        "untitled:.env",
        "untitled:/work/.env",
        "file:///work/%2Eenv",
        "file:///work/%252Eenv",
        "file:///work/%25252Eenv",
        "FILE:///work/.env",
        "file:///c%3A/work/.env",
        "file:///C:/work/.env::$DATA",
        "vscode-remote://wsl%2Bubuntu/home/u/.ssh/config",
        "vscode-remote://ssh-remote%2Bhost/home/u/.env?x#y",
        "vscode-vfs://github/owner/repo/.env",
        'git:/work/.env?{"path":"/work/.env","ref":"HEAD"}',
        "git:/work/a.py?%7B%22path%22%3A%22%2Fwork%2F.env%22%2C%22ref%22%3A%22%22%7D",
        "gitlens://7b2276/work/id_rsa?%7B%22ref%22%3A%22abc%22%7D",
        "git-show:/?path=/work/secrets.yaml&ref=HEAD",
        "vscode-notebook-cell:/work/secrets.json#W0sZmlsZQ%3D%3D",
        "vscode-notebook-cell://ssh-remote%2Bhost/work/credentials.json#ch0000",
        "vscode-local-history:/work/.env?%7B%22location%22%3A1%7D",
        "vscode-userdata:/work/.npmrc",
        "jar:file:///work/lib.jar!/conf/.env",
        "zip:/work/all.zip!/keys/id_rsa",
        "zip:///work/all.zip::conf/server.pem",
        "jdt://contents/lib.jar/conf/application.key",
        "sftp://host/etc/shadow",
        "ssh://host/home/u/.aws/config",
        "/ssh:host:/home/u/.netrc",
        "scp://host//home/u/.pgpass",
        "fugitive:///work/.git//0/.env",
        "oil:///work/.ssh/known_hosts",
        "suda:///etc/shadow",
        "inmemory://model/.env",
        "output:.env",
        "//server/share/.env",
        "\\\\server\\share\\.env",
        "\\\\?\\C:\\work\\.env",
        "..\\..\\.env",
    ],
)
def test_every_uri_is_checked_by_its_segments(uri: str) -> None:
    assert PrivacyRules([]).allowed(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "untitled:Untitled-1",
        "inmemory://model/1",
        "git:/work/app.py?%7B%22path%22%3A%22%2Fwork%2Fapp.py%22%2C%22ref%22%3A%22HEAD%22%7D",
        'git:/work/app.py?{"path":"/work/app.py","ref":"credentials"}',
        "vscode-notebook-cell:/work/n.ipynb#W0sZmlsZQ%3D%3D",
        "vscode-remote://ssh-remote%2Bhost/work/tokenizer.json",
        "jar:file:///work/lib.jar!/a/Main.class",
        "vscode-vfs://github/owner/secrets-manager/main.go",
    ],
)
def test_ordinary_uris_are_allowed(uri: str) -> None:
    assert PrivacyRules([]).allowed(uri) is None


@pytest.mark.skipif(os.name == "nt", reason="these folders are those of Linux")
@pytest.mark.parametrize(
    "path", ["/proc/self/environ", "/proc/1/cmdline", "/sys/kernel/x", "/dev/mem"]
)
def test_system_files_are_refused(tmp_path: Path, path: str) -> None:
    assert PrivacyRules([]).allowed(path) and PrivacyRules(["/"]).allowed(f"file://{path}")
    (tmp_path / "notes.txt").symlink_to(path)
    assert PrivacyRules([tmp_path], ["!notes.txt"]).allowed(tmp_path / "notes.txt")
    assert PrivacyRules([]).allowed(f"vscode-remote://host{path}")
    assert PrivacyRules([]).allowed("/dev/shm/work/main.py") is None


def test_the_users_list_counts_in_every_scheme() -> None:
    rules = PrivacyRules([], ["*.sql"])
    assert rules.allowed("vscode-remote://host/work/dump.sql")
    assert rules.allowed("git:/work/dump.sql?x")
    assert rules.allowed("vscode-remote://host/work/dump.py") is None


def git(folder: Path, *arguments: str) -> None:
    named = (
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@example.com",
        "-c",
        "protocol.file.allow=always",
    )
    subprocess.run(["git", "-C", str(folder), *named, *arguments], check=True, capture_output=True)


@pytest.fixture
def no_git_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return home


def test_paths_in_git_info_exclude_are_ignored(tmp_path: Path, no_git_settings: Path) -> None:
    top = tmp_path / "repo"
    (top / "sub").mkdir(parents=True)
    git(top, "init", "-q")
    (top / ".git" / "info" / "exclude").write_text("hidden.py\n/sub/own.py\n")
    rules = PrivacyRules([top])
    assert "exclude" in (rules.allowed(top / "sub" / "hidden.py") or "")
    assert rules.allowed(top / "sub" / "own.py")
    assert rules.allowed(top / "seen.py") is None
    (top / "sub" / ".gitignore").write_text("!hidden.py\n")
    assert rules.allowed(top / "sub" / "hidden.py") is None  # the tree's own files come first
    (top / ".git" / "info" / "exclude").write_text("seen.py\n")
    assert rules.allowed(top / "seen.py") and rules.allowed(top / "sub" / "own.py") is None
    assert PrivacyRules([top], respect_gitignore=False).allowed(top / "seen.py") is None


def test_the_excludes_of_a_worktree_and_a_submodule(tmp_path: Path, no_git_settings: Path) -> None:
    lib, top = tmp_path / "lib", tmp_path / "repo"
    for folder in (lib, top):
        folder.mkdir()
        git(folder, "init", "-q")
        git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    git(top, "worktree", "add", "-q", str(tmp_path / "tree"))
    git(top, "submodule", "add", "-q", str(lib), "lib")
    (top / ".git" / "info" / "exclude").write_text("hidden.py\n")
    (top / ".git" / "modules" / "lib" / "info").mkdir(exist_ok=True)
    (top / ".git" / "modules" / "lib" / "info" / "exclude").write_text("inner.py\n")
    assert PrivacyRules([tmp_path / "tree"]).allowed(tmp_path / "tree" / "hidden.py")
    rules = PrivacyRules([top])
    assert rules.allowed(top / "lib" / "inner.py")
    assert rules.allowed(top / "inner.py") is None


def test_the_users_own_excludes(tmp_path: Path, no_git_settings: Path) -> None:
    top = tmp_path / "repo"
    top.mkdir()
    git(top, "init", "-q")
    default = no_git_settings / ".config" / "git" / "ignore"
    default.parent.mkdir(parents=True)
    default.write_text("mine.py\n")
    assert PrivacyRules([top]).allowed(top / "mine.py")
    (no_git_settings / ".gitconfig").write_text("[core]\n\texcludesFile = ~/own\n")
    (no_git_settings / "own").write_text("other.py\n")
    assert PrivacyRules([top]).allowed(top / "mine.py") is None
    assert PrivacyRules([top]).allowed(top / "other.py")


@pytest.mark.parametrize(
    "name",
    ["secret.y" * 2000, " " * 5000 + "(", "_" * 5000 + "x", ".1" * 3000, "%25" * 3000, "/a" * 4000],
)
def test_no_name_takes_long(name: str) -> None:
    started = time.thread_time()
    secret_by_name(name)
    assert time.thread_time() - started < 0.05


def test_a_secret_buffer_is_no_context_for_another_file() -> None:
    rules = PrivacyRules([])
    uri = "git:/?%7B%22path%22%3A%22%2Fwork%2F.env%22%7D"
    others = [Document("/", "ini", "KEY=1", uri), Document("/work/b.py", "python", "b = 1")]
    refusal, kept = screened(rules.allowed, "/work/a.py", "file:///work/a.py", others)
    assert refusal is None and [other.path for other in kept] == ["/work/b.py"]


def test_an_ignore_file_counts_without_a_workspace(tmp_path: Path) -> None:
    """A file opened by itself, or one of a folder that is not the workspace's."""
    project = tmp_path / "project"
    (project / "deep").mkdir(parents=True)
    (project / ".tabwrightignore").write_text("/deep/mine.py\n")
    for rules in (PrivacyRules(()), PrivacyRules([tmp_path / "other"])):
        assert "is ignored by" in str(rules.allowed(project / "deep" / "mine.py"))
        assert rules.allowed(project / "deep" / "other.py") is None
    (project / "deep" / ".tabwrightignore").write_text("other.py\n")
    assert "is ignored by" in str(PrivacyRules(()).allowed(project / "deep" / "other.py"))


async def test_ignore_files_of_a_folder_that_is_added_later_count(
    home: Home, tmp_path: Path
) -> None:
    """The marker is the request that the engine gets."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    (second / ".gitignore").write_text("mine.py\n")
    uri = (second / "mine.py").as_uri()
    async with (
        engine_for(home, {"text": "a + b"}) as engine,
        editing(home, root=first) as editor,
    ):
        await editor.until_ready()
        added = types.WorkspaceFolder(second.as_uri(), "second")
        editor.client.workspace_did_change_workspace_folders(
            types.DidChangeWorkspaceFoldersParams(types.WorkspaceFoldersChangeEvent([added], []))
        )
        editor.open("def add(a, b):\n    return \n", uri)
        assert await editor.texts(1, 11, uri=uri, invoked=True) == []
        assert "is ignored by" in str(await editor.command("why"))
    assert "def add" not in str(engine.recorded)


async def test_no_byte_of_a_secret_buffer_reaches_the_engine(home: Home) -> None:
    """The marker is sent to the model unless the file is refused; the user hears of it once."""
    marker = "MARKER_OF_THE_SECRET"
    async with engine_for(home, {"text": "return 1\n"}) as engine, editing(home) as editor:
        await editor.until_ready()
        for uri in (
            "untitled:.env",
            "vscode-remote://ssh-remote%2Bhost/w/credentials.json",
            "git:/w/a.py?%7B%22path%22%3A%22%2Fw%2Fid_rsa%22%7D",
        ):
            editor.open(f"{marker} = 1\ndef function_of_both(value):\n    \n", uri)
            for _ in range(2):
                assert await editor.texts(2, 4, uri=uri) == []
        open_file = "file:///w/credentials_view.py"
        editor.open("def function_of_both(value):\n    \n", open_file)
        assert await editor.texts(1, 4, uri=open_file)
        sent = str(engine.recorded)
    assert "def function_of_both" in sent and marker not in sent
    said = [message for message in editor.shown if "kept from the model" in message]
    assert len(said) == len(set(said)) == 3
