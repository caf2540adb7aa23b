"""No program of a checkout runs before the user trusts its folder, in a real server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from support.editor import Editor, Home, editing, engine_for
from support.lost_name import CODE
from support.no_threads import NoThreads

from tabwright.app.documents.folder_trust import NOT_NOW, TRUST, FolderTrust
from tabwright.app.runtime.notices import Notices
from tabwright.trust import Consents, TrustFile

SCRIPT = "function add(a, b) {\n    return a + c;\n}\n"
WHERE = types.Range(types.Position(1, 15), types.Position(1, 16))
# The tool, the file, and a code for which nothing but the tool itself can be asked.
TOOLS = {
    "mypy": ("code.py", "python", "arg-type"),
    "pylint": ("code.py", "python", "E1101"),
    "Pyright": ("code.py", "python", "reportAttributeAccessIssue"),
    "ts": ("code.ts", "typescript", "2304"),
    "eslint": ("code.js", "javascript", "no-undef"),
}
PYTHON_TOOLS = ("mypy", "pylint", "pyright", "basedpyright", "python", "python3", "ruff", "black")
NODE_TOOLS = ("tsc", "eslint", "pyright")
OTHERS = ("git", "unshare", "bwrap", "node", "sh", "pip", "uname", "lscpu")


class Checkout:
    """A folder whose every program and configuration leaves a mark when it is used."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "checkout"
        self.marks = folder / "marks"
        self.marks.mkdir()
        for where in (".venv/bin", "venv/bin", "env/bin"):
            for name in PYTHON_TOOLS:
                self.program(f"{where}/{name}")
        for name in NODE_TOOLS:
            self.program(f"node_modules/.bin/{name}")
        for where in ("bin", "."):
            for name in (*PYTHON_TOOLS, *NODE_TOOLS, *OTHERS):
                self.program(f"{where}/{name}")
        python = f"open({str(self.marks / 'imported')!r}, 'w')\n"
        for name in ("sitecustomize", "usercustomize", "plugin", "conftest"):
            (self.root / f"{name}.py").write_text(python)
        (self.root / "pylintrc").write_text(f"[MAIN]\ninit-hook={python.strip()}\n")
        (self.root / "mypy.ini").write_text("[mypy]\nplugins = plugin.py\n")
        script = f"require('fs').writeFileSync({str(self.marks / 'node')!r}, '')\n"
        (self.root / "eslint.config.js").write_text(script)
        for name, language, _ in TOOLS.values():
            (self.root / name).write_text(text_in(language))

    def program(self, where: str) -> None:
        path = self.root / where
        path.parent.mkdir(parents=True, exist_ok=True)
        mark = self.marks / where.replace("/", "-")
        path.write_text(f"#!/bin/sh\necho ran >> '{mark}'\nexit 3\n")
        path.chmod(0o755)

    @property
    def ran(self) -> list[str]:
        return sorted(each.name for each in self.marks.iterdir())

    @property
    def environment(self) -> dict[str, str]:
        """A PATH that leads into the checkout, by full and by relative names."""
        hostile = ("", ".", "bin", "./.venv/bin", str(self.root / "bin"))
        return {"PATH": os.pathsep.join((*hostile, os.environ["PATH"]))}


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


async def fixed(editor: Editor, checkout: Checkout, tool: str) -> str:
    """The title of the fix of a diagnostic of a tool, as it is after it was resolved."""
    name, language, code = TOOLS[tool]
    uri = (checkout.root / name).as_uri()
    editor.open(text_in(language), uri, language)
    found = types.Diagnostic(WHERE, "undefined", source=tool, code=code)
    (action,) = await editor.actions(WHERE, found, uri=uri, only=["quickfix"])
    action.diagnostics = None
    return (await editor.resolve(action)).title


def trust_questions(editor: Editor) -> list[str]:
    return [text for text in editor.asked if "trust the folder" in text]


def text_in(language: str) -> str:
    return CODE if language == "python" else SCRIPT


def model(language: str = "python") -> dict[str, Any]:
    fixed = text_in(language).replace("a + c", "a + b")
    return {"match": "undefined", "text": f"{fixed}```\n"}


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("chosen", [None, NOT_NOW])
async def test_no_tool_runs_in_an_untrusted_folder(
    home: Home, checkout: Checkout, tool: str, chosen: str | None
) -> None:
    async with (
        engine_for(home, *[model(TOOLS[tool][1])] * 2),
        editing(
            home,
            root=checkout.root,
            folder=checkout.root,
            environment=checkout.environment,
            chosen=chosen,
        ) as editor,
    ):
        for _ in range(2):
            title = await fixed(editor, checkout, tool)
            assert "(not checked: " in title and title.endswith(" may not run in this folder)")
        (told,) = [text for text in editor.shown if "may not run" in text]
        assert f"to allow it: tabwright trust allow-folder {checkout.root})" in told
        (question,) = trust_questions(editor)
        program = {"ts": "tsc"}.get(tool, tool.casefold())
        assert f"/{program}" in question and str(checkout.root) in question
    assert checkout.ran == [] and not list(home.path.rglob("trust.json"))


async def test_other_features_work_in_an_untrusted_folder(home: Home, checkout: Checkout) -> None:
    """Completion, formatting, ruff and the checks of our own run no program of the folder."""
    (checkout.root / "ruff.toml").write_text('extend = "/dev/zero"\n')
    (checkout.root / "pyproject.toml").write_text("[tool.black]\nline-length = 20\n")
    uri = (checkout.root / "code.py").as_uri()
    async with (
        engine_for(home, {"text": "a + b"}, model()),
        editing(
            home, root=checkout.root, folder=checkout.root, environment=checkout.environment
        ) as editor,
    ):
        editor.open(CODE, uri)
        await editor.complete(1, 11, uri=uri)
        lost = types.Diagnostic(WHERE, "undefined name `c`", source="Ruff", code="F821")
        (action,) = await editor.actions(WHERE, lost, uri=uri, only=["quickfix"])
        done = await editor.resolve(action)
        assert done.edit is not None and "not checked" not in done.title
        assert trust_questions(editor) == []
    assert checkout.ran == []


@pytest.mark.parametrize("way", ["initialize", "command", "question", "file", "file above"])
async def test_tools_run_in_a_trusted_folder(home: Home, checkout: Checkout, way: str) -> None:
    """The attack is real, and each way to say trust works."""
    options = {"trust": {"workspace": True}} if way == "initialize" else None
    if way.startswith("file"):
        above = checkout.root.parent if way == "file above" else checkout.root
        home.trust_file.allow_folder(above)
    async with (
        engine_for(home, model(), model(), model()),
        editing(
            home,
            root=checkout.root,
            options=options,
            chosen=TRUST if way == "question" else None,
        ) as editor,
    ):
        if way == "command":
            await editor.command("trust", {"workspace": True})
        if way == "question":
            assert "may not run in this folder" in await fixed(editor, checkout, "mypy")
            assert checkout.ran == []
            await editor.until(lambda: home.trust_file.read().covers(str(checkout.root)))
            await editor.until(
                lambda: any("Ask for the fix again" in said for said in editor.shown)
            )
        assert "may not run in this folder" not in await fixed(editor, checkout, "mypy")
        assert ".venv-bin-mypy" in checkout.ran
        assert len(trust_questions(editor)) == (way == "question")


@pytest.mark.parametrize("way", ["initialize", "command"])
async def test_the_client_can_refuse_trust(home: Home, checkout: Checkout, way: str) -> None:
    home.trust_file.allow_folder(checkout.root)
    options = {"trust": {"workspace": False}} if way == "initialize" else None
    async with engine_for(home, model()), editing(home, root=checkout.root, options=options) as one:
        if way == "command":
            await one.command("trust", {"workspace": False})
        assert "may not run in this folder" in await fixed(one, checkout, "mypy")
        assert trust_questions(one) == []
    assert checkout.ran == []


async def test_a_workspace_cannot_trust_itself(home: Home, checkout: Checkout) -> None:
    said = {"trust": {"workspace": True, "settings": "separate"}, "checks": {"tools": True}}
    async with (
        engine_for(home, model()),
        editing(home, root=checkout.root, settings=said) as editor,
    ):
        change = types.DidChangeConfigurationParams({"tabwright": said, **said})
        editor.client.workspace_did_change_configuration(change)
        assert "may not run in this folder" in await fixed(editor, checkout, "mypy")
    assert checkout.ran == []


@pytest.mark.parametrize("way", ["initialize", "command"])
@pytest.mark.parametrize("nudged", [False, True])
async def test_a_folder_added_later_needs_its_own_trust(
    home: Home, checkout: Checkout, tmp_path: Path, way: str, nudged: bool
) -> None:
    """Editors add a folder by themselves when a file of another project is opened."""
    mine = tmp_path / "mine"
    mine.mkdir()
    said = {"workspace": True}
    options = {"trust": said} if way == "initialize" else None
    async with (
        engine_for(home, model(), model(), model()),
        editing(home, root=mine, options=options) as editor,
    ):
        await editor.command("trust", said if way == "command" else {})
        added = types.WorkspaceFolder(checkout.root.as_uri(), "checkout")
        editor.client.workspace_did_change_workspace_folders(
            types.DidChangeWorkspaceFoldersParams(types.WorkspaceFoldersChangeEvent([added], []))
        )
        if nudged:
            change = types.DidChangeConfigurationParams({"tabwright": {"enabled": True}})
            editor.client.workspace_did_change_configuration(change)
        assert "may not run in this folder" in await fixed(editor, checkout, "mypy")
        assert checkout.ran == []
        assert len(trust_questions(editor)) == 1
        await editor.command("trust", said)
        assert "may not run in this folder" not in await fixed(editor, checkout, "mypy")
        assert ".venv-bin-mypy" in checkout.ran


# Which folders are covered ----------------------------------------------------------------------


async def trusts(
    file: TrustFile, root: Path | str, path: Path | str, workspace: bool | None = None
) -> bool:
    found = FolderTrust(Quiet(), Notices(Quiet()), file, lambda work: work.close())
    found.workspace = workspace
    found.take_roots((str(root),) if root else ())
    return await found.trusts(str(root), str(path), NoThreads())


class Quiet:
    def show(self, level: str, message: str) -> None: ...

    async def ask(self, level: str, message: str, actions: Any) -> str | None:
        return None

    async def bar(self, title: str, *, cancellable: bool) -> Any:
        raise NotImplementedError


async def test_symlinks_do_not_extend_trust(tmp_path: Path) -> None:
    file = TrustFile(tmp_path / "trust.json")
    good, evil = tmp_path / "good", tmp_path / "evil"
    (good / "below").mkdir(parents=True)
    evil.mkdir()
    assert file.allow_folder(good) == str(good)
    assert await trusts(file, good, good / "a.py")
    assert await trusts(file, good / "below", good / "below" / "a.py")
    assert not await trusts(file, tmp_path, good / "a.py"), "the root is what tools run in"
    assert not await trusts(file, evil, evil / "a.py")
    assert not await trusts(file, tmp_path / "good-too", tmp_path / "good-too" / "a.py")
    (good / "link").symlink_to(evil)
    assert not await trusts(file, good, good / "link" / "a.py")
    assert not await trusts(file, good / "link", good / "link" / "a.py")
    (evil / "back").symlink_to(good)
    assert await trusts(file, evil / "back", evil / "back" / "a.py")
    # A folder that takes the place of a trusted one is another folder only by what it links to.
    good.rename(tmp_path / "moved")
    good.symlink_to(evil)
    assert not await trusts(file, good, good / "a.py")


async def test_documents_without_a_root_or_a_path(tmp_path: Path) -> None:
    file = TrustFile(tmp_path / "trust.json")
    folder = tmp_path / "folder"
    folder.mkdir()
    for workspace in (None, True):
        assert not await trusts(file, "", "", workspace)
        assert not await trusts(file, "", folder / "a.py", workspace)
    file.allow_folder(folder)
    assert await trusts(file, "", folder / "a.py")
    assert not await trusts(file, "", "")
    assert await trusts(file, folder, "", True) and not await trusts(file, folder, "", False)


def test_no_question_for_a_document_without_a_folder(tmp_path: Path) -> None:
    asked: list[Any] = []
    file = TrustFile(tmp_path / "trust.json")
    found = FolderTrust(Quiet(), Notices(Quiet()), file, asked.append)
    found.ask("", "", "/bin/mypy")
    assert asked == []
    found.ask("", str(tmp_path / "a.py"), "/bin/mypy")
    found.ask(str(tmp_path), str(tmp_path / "b.py"), "/bin/mypy")
    assert len(asked) == 1
    asked[0].close()


def test_no_question_for_a_folder_of_many_projects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that lies in the home folder itself: a yes would trust all checkouts below."""
    home, open_to_all = tmp_path / "home" / "me", tmp_path / "shared"
    project = home / "project"
    project.mkdir(parents=True)
    open_to_all.mkdir()
    open_to_all.chmod(0o1777)
    monkeypatch.setenv("HOME", str(home))
    asked: list[Any] = []
    found = FolderTrust(Quiet(), Notices(Quiet()), TrustFile(tmp_path / "t.json"), asked.append)
    for root in ("", str(home), str(home.parent), "/"):
        found.ask(root, str(home / "a.py"), "/bin/mypy")
    found.ask("", str(open_to_all / "a.py"), "/bin/mypy")
    assert asked == []
    found.ask("", str(project / "a.py"), "/bin/mypy")
    assert len(asked) == 1
    asked[0].close()


def test_paths_are_compared_by_their_parts() -> None:
    assert not Consents(("/a/b",)).covers("/a/bc") and Consents(("/a/b",)).covers("/a/b/c")
    assert not Consents().covers("/") and not Consents(("/a",)).covers("")
