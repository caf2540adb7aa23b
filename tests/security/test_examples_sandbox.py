"""Attacks on the sandbox that runs examples, with each combination of layers.

Each attack also runs outside the sandbox, to show that it would do harm there.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support.example_attacks import (
    CALLING,
    CHANGING,
    ESCAPED,
    GAINING,
    HARMING,
    READING,
    RUNNING,
    SECRET,
    WRITING,
    World,
    world,
)

from tabwright import processes
from tabwright.checks.check import check
from tabwright.checks.examples import example_runs
from tabwright.checks.examples.docstring_examples import examples_of
from tabwright.checks.faults import CheckOptions, EditCandidate, Fault
from tabwright.checks.sandbox import runs, seccomp
from tabwright.checks.tools.child_process import ToolFailed
from tabwright.core.message import Message
from tabwright.core.text import Span

pytestmark = pytest.mark.skipif(
    sys.platform != "linux",
    reason="examples run on Linux only (test_no_example_runs_on_other_systems)",
)

# Landlock of Linux 6.2: only files, not TCP, devices and signals. Older versions are not used.
OLDEST = "version 3"
KINDS = {
    "write": WRITING,
    "change": CHANGING,
    "run": RUNNING,
    "read": READING,
    "call": CALLING,
    "harm": HARMING,
    "gain": GAINING,
}
# Containers, file systems and settings of the kernel may refuse these to any program.
REFUSED_BY_SOME = ("gain: ", "change: attribute", "read: a file of Python, to write")
ATTACKS = {f"{kind}: {name}": KINDS[kind][name] for kind in KINDS for name in KINDS[kind]}


@pytest.fixture(params=runs.COMBINATIONS, ids=" and ".join)
def layers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Use one combination of layers and no other."""
    return use_only(request.param, monkeypatch)


@pytest.fixture(params=[*runs.COMBINATIONS, ("landlock", OLDEST)], ids=" and ".join)
def layers_and_oldest(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, ...]:
    """The same, and also Landlock alone in its oldest version."""
    if OLDEST not in request.param:
        return use_only(request.param, monkeypatch)
    patch_launcher(monkeypatch, f"landlock._version = lambda: {OLDEST.removeprefix('version ')}")
    return use_only(("landlock",), monkeypatch)


def use_only(combination: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    set_combinations(monkeypatch, combination)
    try:
        asyncio.run(runs.working_layers())
    except runs.SandboxUnavailable as error:
        pytest.skip(f"this machine does not have this combination: {error}")
    return combination


def set_combinations(monkeypatch: pytest.MonkeyPatch, *combinations: tuple[str, ...]) -> None:
    monkeypatch.setattr(runs, "COMBINATIONS", combinations)
    monkeypatch.setattr(runs, "_working", None)


def patch_launcher(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """Make the launcher run these lines first."""
    modules = "from tabwright.checks.sandbox import landlock, namespaces, seccomp"
    begin = runs._START.replace("main()", "\n".join((modules, *lines, "main()")))
    monkeypatch.setattr(runs, "_START", begin)


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def example_messages(source: str, timeout_s: float = 20) -> list[str]:
    """Return the messages of the faults that a module's examples give."""
    examples = examples_of(source, Span(0, len(source)))
    assert examples
    try:
        return [
            one.message
            for one in asyncio.run(example_runs.failing_examples(source, examples, timeout_s))
        ]
    except ToolFailed as error:
        return [str(error)]


def session(body: str) -> str:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return f'def f():\n    """f() => 0"""\n{lines}'


def launchers(owner: str = processes._owner) -> list[psutil.Process]:
    """Return the processes of the launchers that this process started and that still run."""
    found = []
    for process in psutil.process_iter():
        try:
            if runs._START not in process.cmdline() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            # Other tests that run at the same time have launchers of their own.
            if process.environ().get(processes.OWNER_VARIABLE) == owner:
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def wait_for_launchers(number: int, owner: str = processes._owner) -> list[psutil.Process]:
    """Wait until at least ``number`` processes of launchers run, and return all."""
    deadline = time.monotonic() + 30
    while len(found := launchers(owner)) < number:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def still_alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Return the processes that still run after 15 s."""
    return psutil.wait_procs(processes, timeout=15)[1]


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_does_harm_outside_the_sandbox(outside: World, attack: str) -> None:
    source = outside.source(ATTACKS[attack]) + "\nprint(f())\n"
    ended = subprocess.run(
        [sys.executable, "-I", "-B", "-c", source],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        close_fds=False,
        cwd=outside.folder,
        env={**os.environ, "SECRET": SECRET},
    )
    shown = ended.stdout + ended.stderr
    if "No module named 'readline'" in shown:
        pytest.skip("this Python has no readline")
    told = ESCAPED in shown or SECRET in shown
    harmed = told or outside.damage()
    if not harmed and attack.startswith(REFUSED_BY_SOME):
        pytest.skip(f"this machine refuses it to everybody: {shown[-200:]}")
    deadline = time.monotonic() + 20  # a killed process ends when it is next scheduled
    while not harmed and time.monotonic() < deadline:
        time.sleep(0.05)
        harmed = outside.damage()
    assert harmed, shown


@pytest.mark.parametrize("kind", KINDS)
def test_an_attack_does_no_harm_inside(
    outside: World, layers_and_oldest: tuple[str, ...], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", SECRET)
    for name, body in KINDS[kind].items():
        shown = example_messages(outside.source(body))
        assert not outside.damage(), name
        assert not any(ESCAPED in one or SECRET in one for one in shown), (name, shown)
    assert launchers() == []


COUNTING = """
total = 0
try:
    while True:
        {step}
        total += 1
except (OSError, RuntimeError, MemoryError):
    return total
"""


@pytest.mark.parametrize(
    ("step", "most"),
    [
        ("import os\n        os.fork() or os._exit(0)", 0),
        ("import threading\n        threading.Thread(target=print).start()", 0),
        ("import os\n        os.pipe()", 32),
        ("open(str(total), 'w').close()", 1024),
        ("open(str(total), 'w').write('x' * 2 ** 20)", 16),
        ("held = globals().setdefault('held', [])\n        held.append(bytearray(2 ** 24))", 64),
    ],
    ids=["processes", "threads", "descriptors", "files", "disk", "memory"],
)
def test_resources_of_an_example_are_limited(layers: tuple[str, ...], step: str, most: int) -> None:
    (shown,) = example_messages(
        session(COUNTING.format(step=step).replace("return total", "return -total"))
    ) or [""]
    counted = int(shown.split("`f()` gave ")[1].split(",")[0]) if shown else 0
    assert -most <= counted <= 0
    assert launchers() == []


ENDLESS = (
    "while True:\n    pass",
    "import time\ntime.sleep(600)",
    "import signal, time\nfor one in range(1, 65):\n    try:\n"
    "        signal.signal(one, signal.SIG_IGN)\n    except (OSError, ValueError):\n"
    "        pass\nwhile True:\n    time.sleep(1)",
    "import signal\nsignal.pause()",
    "import os\nos.read(os.pipe()[0], 1)",
)


def test_an_example_is_killed_after_its_time_limit(layers: tuple[str, ...]) -> None:
    async def run_all() -> list[tuple[Fault, ...]]:
        sources = map(session, ENDLESS)
        cases = [(one, examples_of(one, Span(0, len(one)))) for one in sources]
        return await asyncio.gather(*(example_runs.failing_examples(*case, 4) for case in cases))

    (found,) = set(asyncio.run(run_all()))
    assert [one.message for one in found] == ["`f()` did not end in 4 s"]
    assert launchers() == []


def test_the_process_has_no_privileges(layers: tuple[str, ...]) -> None:
    source = session("while True:\n    pass")
    wanted = {"Seccomp:\t2", "NoNewPrivs:\t1", f"CapEff:\t{0:016x}", f"CapPrm:\t{0:016x}"}

    async def has_no_privileges() -> bool:
        job = asyncio.create_task(
            example_runs.failing_examples(source, examples_of(source, Span(0, len(source))), 60)
        )
        started = await asyncio.to_thread(wait_for_launchers, 2)
        (process,) = [one for one in started if one.ppid() != os.getpid()]
        status = Path(f"/proc/{process.pid}/status")
        deadline = time.monotonic() + 30
        while not wanted <= set(status.read_text("utf-8").splitlines()):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)
        return not still_alive(started)

    assert asyncio.run(has_no_privileges())


def test_a_crash_starts_no_crash_reporter() -> None:
    """Crash reporters, which the system often starts as root, read the memory of the example."""
    code = (
        "import ctypes, sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from tabwright.checks.sandbox import system\n"
        "before = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)\n"
        "system.drop_privileges()\n"
        "print(before, ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))\n"
    )
    root = str(Path(seccomp.__file__).parents[3])
    ended = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", code, root],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ended.stdout == "1 0\n"


def test_endless_output_is_cut(layers: tuple[str, ...]) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    body = (
        "import os\nwhile True:\n    for one in range(64):\n        try:\n"
        "            os.write(one, b'x' * 65536)\n        except OSError:\n            pass"
    )
    assert example_messages(session(body), timeout_s=60) == ["printed more than 16 MiB"]
    # In KiB: what was printed is kept a few times over, and no more.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024
    assert launchers() == []


FORGED = [
    '[-1, "x"]',
    '[1000000, "x"]',
    "[" * 4000,
    '[0, "' + "x" * 100_000 + '"]',
    '[0, "\\ud800\\u202e\\u0000\\n"]',
    '[0, {"a": 1}]',
    "[0, 1e999]",
    '[true, "x"]',
    '{"0": 1}',
    "9" * 5000,
    '["isolated"]',
    '["not isolated", "x"]',
    '"loaded"',
    "\u2028\x0b\x1c",
    "",
]


@pytest.mark.parametrize("line", FORGED, ids=range(len(FORGED)))
def test_forged_results_are_rejected(line: str) -> None:
    examples = "".join(f'def f{n}():\n    """f{n}() => 0"""\n' for n in range(2))
    source = (
        f"{examples}    import os\n"
        f"    for one in range(3, 64):\n        try:\n"
        f"            os.write(one, {(line + chr(10)).encode('utf-8', 'replace')!r})\n"
        "        except OSError:\n            pass\n"
    )
    for shown in example_messages(source):
        assert shown.startswith(("`f0()` ", "`f1()` "))
        assert len(shown.encode("utf-8")) < 10_000 and shown.isprintable()


def test_an_example_can_only_forge_its_own_success() -> None:
    """It shares its interpreter with the reporting code; only its own candidate benefits."""
    forging = (
        "import os\nfor one in range(3, 64):\n    try:\n        os.write(one, b'[0, null]\\n')\n"
    )
    forging += "    except OSError:\n        pass\nos._exit(0)"
    assert example_messages(session(forging)) == []


def test_no_process_is_left_when_the_launcher_is_killed(layers: tuple[str, ...]) -> None:
    source = session("while True:\n    pass")

    async def run() -> None:
        job = asyncio.create_task(
            example_runs.failing_examples(source, examples_of(source, Span(0, len(source))), 60)
        )
        started = await asyncio.to_thread(wait_for_launchers, 2)
        first = next(one for one in started if one.ppid() == os.getpid())
        first.kill()
        assert await asyncio.to_thread(still_alive, started) == []
        # The result depends on how far the run had come.
        (answer,) = await asyncio.gather(job, return_exceptions=True)
        assert isinstance(answer, (tuple, ToolFailed, runs.SandboxUnavailable))

    asyncio.run(run())


SERVER = """
import asyncio, sys
from tabwright import processes
from tabwright.checks.examples import example_runs
from tabwright.checks.examples.docstring_examples import Example
from tabwright.checks.sandbox import runs

runs.COMBINATIONS = (tuple(sys.argv[1].split(",")),)
processes._owner = sys.argv[2]
example = Example("f", "f()", "0", False, 1)
source = "def f():\\n    while True:\\n        pass\\n"
asyncio.run(example_runs.failing_examples(source, [example], 300))
"""


@pytest.mark.parametrize("guard", [True, False], ids=["with its guard", "and its guard"])
def test_no_process_is_left_when_the_server_is_killed(
    layers: tuple[str, ...], guard: bool, tmp_path: Path
) -> None:
    # With no process left to delete it, the empty folder of the example remains.
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    owner = os.urandom(16).hex()
    command = [sys.executable, "-c", SERVER, ",".join(layers), owner]
    server = subprocess.Popen(command, env=environment)
    try:
        started = wait_for_launchers(2, owner)
        for child in psutil.Process(server.pid).children():
            if not guard and child not in started:
                child.kill()
        server.send_signal(signal.SIGKILL)
        assert still_alive(started) == []
    finally:
        server.kill()
        server.wait()


def test_packages_in_tmp_are_readable(
    layers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The packages of a Python installed in /tmp can be read, but not changed."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder, "planted.py").write_text("VALUE = 0\n", "utf-8")
        readable, packages = runs._paths()
        added = (*readable, folder), (*packages, folder)
        monkeypatch.setattr(runs, "_paths", lambda: added)
        change = f"open({folder + '/changed'!r}, 'w')"
        body = f"import planted\ntry:\n    {change}\nexcept OSError:\n    return planted.VALUE"
        assert example_messages(session(body)) == []
        assert not Path(folder, "changed").exists()


@pytest.mark.parametrize(
    ("combination", "broken", "reason"),
    [
        (("landlock",), "seccomp.confine = lambda writing: None", "open a socket"),
        (("landlock",), "landlock.confine = lambda *paths: None", "read a file outside"),
        (("namespaces",), "namespaces.build = lambda *paths: None", "read a file outside"),
        (("namespaces",), "seccomp.confine = lambda writing: None", "open a socket"),
    ],
)
def test_a_layer_without_effect_is_detected(
    outside: World,
    monkeypatch: pytest.MonkeyPatch,
    combination: tuple[str, ...],
    broken: str,
    reason: str,
) -> None:
    set_combinations(monkeypatch, combination)
    patch_launcher(monkeypatch, broken)
    with pytest.raises(runs.SandboxUnavailable, match=reason):
        example_messages(outside.source("open(MARKER, 'w')"))
    assert not outside.damage()


REFUSE = "def refuse(*paths): raise OSError('refused here')"
NOT_RUN = "examples were not run: this machine cannot isolate them"


def faults(source: str) -> tuple[Fault, ...]:
    candidate = EditCandidate("", "", "python", "", source, Span(0, len(source)))
    return asyncio.run(check(candidate, CheckOptions(run_examples=True)))


@pytest.mark.parametrize(
    ("platform", "machine", "reason"),
    [
        ("darwin", "arm64", "the sandbox needs Linux"),
        ("win32", "AMD64", "the sandbox needs Linux"),
        ("linux", "riscv64", "the sandbox does not support processors of type riscv64"),
    ],
)
def test_no_example_runs_on_other_systems(
    outside: World, monkeypatch: pytest.MonkeyPatch, platform: str, machine: str, reason: str
) -> None:
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr(runs, "_SYSTEM", platform)
    assert Fault("checker", Message(f"{NOT_RUN} ({reason})")) in faults(
        outside.source("open(MARKER, 'w')")
    )
    assert not outside.damage()


def test_no_example_runs_where_no_combination_works(
    outside: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    patch_launcher(monkeypatch, REFUSE, "landlock.confine = namespaces.enter = refuse")
    monkeypatch.setattr(runs, "_working", None)
    (fault,) = [one for one in faults(outside.source("open(MARKER, 'w')")) if one.kind == "checker"]
    assert fault.message.startswith(NOT_RUN) and fault.message.count("refused here") == 3
    assert not outside.damage()


def test_the_next_combination_replaces_one_that_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    patch_launcher(monkeypatch, REFUSE, "namespaces.enter = refuse")
    monkeypatch.setattr(runs, "_working", None)
    assert asyncio.run(runs.working_layers()) == ("landlock",)


# Numbers on x86-64 and aarch64 of calls that must be refused, from the kernel's tables.
REFUSED = {
    "clone": (56, 220),
    "fork": (57, None),
    "vfork": (58, None),
    "clone3": (435, 435),
    "execve": (59, 221),
    "execveat": (322, 281),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "userfaultfd": (323, 282),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "seccomp": (317, 277),
    "setsid": (112, 157),
    "setpgid": (109, 154),
    "setuid": (105, 146),
    "capset": (126, 91),
    "setrlimit": (160, 164),
    "setpriority": (141, 140),
    "sched_setaffinity": (203, 122),
    "kcmp": (312, 272),
    "personality": (135, 92),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "inotify_add_watch": (254, 27),
    "fanotify_init": (300, 262),
    "splice": (275, 76),
    "vmsplice": (278, 75),
    "linkat": (265, 37),
    "symlinkat": (266, 36),
    "mknodat": (259, 33),
    "fchownat": (260, 54),
    "setxattr": (188, 5),
    "quotactl": (179, 60),
    "reboot": (169, 142),
    "init_module": (175, 105),
    "kexec_load": (246, 104),
    "syslog": (103, 116),
    "acct": (163, 89),
    "swapon": (167, 224),
    "ioperm": (173, None),
    "iopl": (172, None),
    "modify_ldt": (154, None),
    "x32 read": (0x40000000, None),
}
CHANGING_FILES = {
    "mkdirat": (258, 34),
    "unlinkat": (263, 35),
    "renameat2": (316, 276),
    "truncate": (76, 45),
    "ftruncate": (77, 46),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "utimensat": (280, 88),
}
NEEDED = {"read": (0, 63), "openat": (257, 56), "mmap": (9, 222), "exit_group": (231, 94)}
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def filter_result(program: bytes, architecture: int, number: int, *arguments: int) -> int:
    """Return the result of a filter: a classic BPF interpreter as in seccomp(2)."""
    words = [number, architecture, 0, 0]
    for argument in (*arguments, *(0,) * (6 - len(arguments))):
        words += [argument & 0xFFFFFFFF, argument >> 32 & 0xFFFFFFFF]
    position, accumulator = 0, 0
    while True:
        code, if_true, if_false, value = struct.unpack_from("<HBBI", program, 8 * position)
        position += 1
        if code == 0x20:
            accumulator = words[value // 4]
        elif code == 0x06:
            return int(value)
        else:
            holds = accumulator == value if code == 0x15 else accumulator >= value
            assert code in (0x15, 0x35)
            position += if_true if holds else if_false


ALLOW = 0x7FFF0000


@pytest.mark.parametrize("machine", ARCHITECTURES)
@pytest.mark.parametrize("writing", [False, True])
def test_the_seccomp_filter_of_each_processor(machine: str, writing: bool) -> None:
    program = seccomp.filter_program(machine, 77, writing)
    assert len(program) // 8 < 4096  # the kernel's limit
    column = list(ARCHITECTURES).index(machine)

    def allowed(numbers: tuple[int | None, int | None], *arguments: int) -> bool:
        number = numbers[column]
        assert number is not None
        answer = filter_result(program, ARCHITECTURES[machine], number, *arguments)
        assert answer == ALLOW or answer & 0xFFFF0000 == 0x50000
        return answer == ALLOW

    for name, numbers in REFUSED.items():
        if numbers[column] is not None:
            assert not allowed(numbers), name
    for name, numbers in NEEDED.items():
        assert allowed(numbers), name
    for name, numbers in CHANGING_FILES.items():
        assert allowed(numbers) is writing, name
    for pid, mine in ((77, True), (78, False), (0, False), (-1, False), (1, False)):
        assert allowed((62, 129), pid, 9) is mine
        assert allowed((234, 131), pid, pid, 9) is mine
    assert allowed((302, 261), 0) and not allowed((302, 261), 78)
    assert allowed((72, 25), 3, 1) and not allowed((72, 25), 3, 8)
    assert allowed((16, 29), 0, 0x5401) and not allowed((16, 29), 0, 0x5412)
    assert allowed((157, 167), 15) and not allowed((157, 167), 1)
    # With the calling convention of another processor the process is killed.
    assert filter_result(program, 0x40000003, 3) == 0x80000000
    # Calls that no kernel has yet are refused.
    assert not any(allowed((number, number)) for number in range(450, 2000))


def test_the_sandbox_starts_quickly(layers: tuple[str, ...]) -> None:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert example_messages(session("return 0")) == []
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime < 0.5
