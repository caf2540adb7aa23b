"""Attacks on the sandbox of examples: each is the body of a function that an example calls.

The names in ``World`` stand in the body as globals. A body shows that it succeeded either by what
it leaves (see ``World.damage``), or by returning or raising a text with ``ESCAPED`` or the secret.
"""

from __future__ import annotations

import ctypes
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

# Never whole in a source, so that it is only seen where it was read or made.
ESCAPED = "esc" + "aped-7f3a"
SECRET = "sec" + "ret-51c9"

LIBC = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
DID = "return 'esc' + 'aped-7f3a' if {} else 0\n"

WRITING: Mapping[str, str] = {
    "open": "open(MARKER, 'w')",
    "globals of __main__ and of every module": (
        "import sys\n"
        "for module in list(sys.modules.values()):\n"
        "    for name in ('_FORBIDDEN', '_WRITING', 'forbid', 'ExternalWait', 'open_code'):\n"
        "        if hasattr(module, name):\n"
        "            setattr(module, name, 0 if name == '_WRITING' else ())\n"
        "    if hasattr(module, 'os'):\n"
        "        module.os.open(MARKER, 0o101)\n"
        "import os\n"
        "os.open(MARKER, os.O_CREAT | os.O_WRONLY)\n"
    ),
    "ctypes": LIBC + "libc.open(MARKER.encode(), 0o101, 0o600)",
    "ctypes, system": LIBC + "libc.system(f'touch {MARKER}'.encode())",
    "_ctypes": (
        "import _ctypes\n"
        "entry = _ctypes.dlsym(_ctypes.dlopen('', 2), 'creat')\n"
        "_ctypes.call_function(entry, (MARKER.encode(), 0o600))\n"
    ),
    "raw system call": (
        LIBC + "import platform\n"
        "number = 257 if platform.machine() == 'x86_64' else 56\n"
        "libc.syscall(number, -100, MARKER.encode(), 0o101, 0o600)\n"
    ),
    "sqlite3": (
        "import sqlite3\n"
        "with sqlite3.connect(MARKER) as base:\n"
        "    base.execute('create table t (a)')\n"
    ),
    "sqlite3, attach": (
        "import sqlite3\n"
        "base = sqlite3.connect(':memory:', isolation_level=None)\n"
        "base.execute('attach ? as other', (MARKER,))\n"
        "base.execute('create table other.t (a)')\n"
    ),
    "sqlite3, vacuum into": (
        "import sqlite3\n"
        "base = sqlite3.connect(':memory:', isolation_level=None)\n"
        "base.execute('vacuum into ?', (MARKER,))\n"
    ),
    "readline": (
        "import readline\n"
        "readline.add_history('x')\n"
        "readline.write_history_file(MARKER)\n"
    ),
    "posix": "import posix\nposix.open(MARKER, posix.O_CREAT | posix.O_WRONLY)",
    "classes of object": (
        "def below(cls):\n"
        "    for one in type.__subclasses__(cls):\n"
        "        yield one\n"
        "        yield from below(one)\n"
        "kind = next(one for one in below(object) if one.__name__ == 'FileIO')\n"
        "kind(MARKER, 'w')\n"
    ),
    "gc": (
        "import gc\n"
        "for found in gc.get_objects():\n"
        "    if type(found) is dict and 'FileIO' in found and 'open' in found:\n"
        "        found['open'](MARKER, 'w')\n"
    ),
    "frames": (
        "import sys\n"
        "frame = sys._getframe()\n"
        "while frame:\n"
        "    frame.f_builtins['open'](MARKER, 'w')\n"
        "    frame = frame.f_back\n"
    ),
    "trace function": (
        "import sys\n"
        "sys.settrace(lambda frame, event, value: frame.f_builtins['open'](MARKER, 'w') and None)\n"
        "sorted([1], key=lambda one: one)\n"
    ),
    "logging": "import logging\nlogging.FileHandler(MARKER).emit(logging.makeLogRecord({}))",
    "dbm": "import dbm.dumb\ndbm.dumb.open(MARKER, 'c').close()\nimport os\nos.stat(MARKER)",
    "shelve": "import shelve\nshelve.open(MARKER)['a'] = 1",
    "zipfile": "import zipfile\nzipfile.ZipFile(MARKER, 'w').close()",
    "tarfile": "import tarfile\ntarfile.open(MARKER, 'w').close()",
    "py_compile": "import py_compile\npy_compile.compile(__import__('ast').__file__, MARKER)",
    "importlib": (
        "import importlib.machinery\n"
        "importlib.machinery.SourceFileLoader('m', MARKER).set_data(MARKER, b'x')\n"
    ),
    "faulthandler": (
        "import faulthandler, os\n"
        "faulthandler.dump_traceback(os.open(MARKER, os.O_CREAT | os.O_WRONLY))\n"
    ),
    "make a folder": "import os\nos.mkdir(MARKER)",
    "make a link": "import os\nos.symlink('x', MARKER)",
    "make a hard link": "import os\nos.link(SECRET_FILE, MARKER)",
    "make a pipe": "import os\nos.mkfifo(MARKER)",
    "rename": "import os\nos.rename(VICTIM_FILE, MARKER)",
    "copy": "import shutil\nshutil.copy(SECRET_FILE, MARKER)",
    "bind a Unix socket": "import socket\nsocket.socket(socket.AF_UNIX).bind(MARKER)",
}  # fmt: skip

CHANGING: Mapping[str, str] = {
    "delete": "import os\nos.unlink(VICTIM_FILE)",
    "empty": "import os\nos.truncate(VICTIM_FILE, 0)",
    "empty by opening": "import os\nos.open(VICTIM_FILE, os.O_RDONLY | os.O_TRUNC)",
    "append": "open(VICTIM_FILE, 'a').write('x')",
    "mode": "import os\nos.chmod(VICTIM_FILE, 0o777)",
    "mode by descriptor": "import os\nos.fchmod(os.open(VICTIM_FILE, os.O_RDONLY), 0o777)",
    "date": "import os\nos.utime(VICTIM_FILE, (1, 1))",
    "attribute": "import os\nos.setxattr(VICTIM_FILE, 'user.x', b'x')",
}

RUNNING: Mapping[str, str] = {
    "os.system": "import os\nos.system(f'touch {MARKER}')",
    "subprocess": "import subprocess\nsubprocess.run(['touch', MARKER])",
    "posix_spawn": "import os\nos.posix_spawnp('touch', ['touch', MARKER], {})",
    "_posixsubprocess": (
        "import _posixsubprocess, os\n"
        "here, there = os.pipe()\n"
        "_posixsubprocess.fork_exec(\n"
        "    [b'touch', MARKER.encode()], [b'/usr/bin/touch', b'/bin/touch'], True, (there,),\n"
        "    None, None, -1, -1, -1, -1, -1, -1, here, there, True, False, -1, None, None, None,\n"
        "    -1, None, False)\n"
    ),
    "exec": "import os\nos.execvp('touch', ['touch', MARKER])",
    "memfd and exec": (
        "import os, shutil\n"
        "made = os.memfd_create('x')\n"
        "os.write(made, open(shutil.which('touch') or '/bin/touch', 'rb').read())\n"
        "os.execve(made, ['touch', MARKER], {})\n"
    ),
    "fork": "import os\nif os.fork() == 0:\n    open(MARKER, 'w')\n    os._exit(0)",
    "a daemon": (
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        open(MARKER, 'w')\n"
        "    os._exit(0)\n"
    ),
    "fork by ctypes": (
        LIBC + "if libc.fork() == 0:\n"
        "    libc.creat(MARKER.encode(), 0o600)\n"
        "    libc._exit(0)\n"
    ),
    "multiprocessing": (
        "import multiprocessing\n"
        "made = multiprocessing.get_context('fork').Process(target=open, args=(MARKER, 'w'))\n"
        "made.start()\n"
        "made.join()\n"
    ),
    "a thread": "import threading\nthreading.Thread(target=open, args=(MARKER, 'w')).start()",
}  # fmt: skip

READING: Mapping[str, str] = {
    "a file of the project": "return open(SECRET_FILE).read()",
    "a file by its descriptor": "import os\nreturn os.read(os.open(SECRET_FILE, 0), 99)",
    "an inherited descriptor": "import os\nreturn os.pread(DESCRIPTOR, 99, 0)",
    "a descriptor of the server": "return open(f'/proc/{PARENT}/fd/{DESCRIPTOR}').read()",
    "our descriptors in /proc": "return open(f'/proc/self/fd/{DESCRIPTOR}').read()",
    "the root of the server": "return open(f'/proc/{PARENT}/root{SECRET_FILE}').read()",
    "the folder of the server": (
        "return open(f'/proc/{PARENT}/cwd/' + '../' * 50 + SECRET_FILE).read()"
    ),
    "the parent of the root": "return open('../' * 50 + SECRET_FILE).read()",
    "another process's environment": "return open(f'/proc/{VICTIM}/environ').read()",
    "our environment": "import os\nreturn dict(os.environ), open('/proc/self/environ').read()",
    "the environment by ctypes": LIBC + (
        "found = ctypes.POINTER(ctypes.c_char_p).in_dll(libc, 'environ')\n"
        "texts = []\n"
        "while found and found[len(texts)]:\n"
        "    texts.append(found[len(texts)])\n"
        "return [one for one in texts if one.startswith(b'SECRET=')]\n"
    ),
    "names in a folder": "import os\nreturn os.listdir(os.path.dirname(SECRET_FILE))",
    "sqlite3": (
        "import sqlite3\n"
        "base = sqlite3.connect(f'file:{DATABASE}?immutable=1', uri=True)\n"
        "return base.execute('select * from t').fetchall()\n"
    ),
    "readline": (
        "import readline\n"
        "readline.read_history_file(SECRET_FILE)\n"
        "return [readline.get_history_item(number) for number in range(3)]\n"
    ),
    "importlib": (
        "import importlib.machinery\n"
        "return importlib.machinery.SourceFileLoader('m', SECRET_FILE).get_data(SECRET_FILE)\n"
    ),
    "linecache": "import linecache\nreturn linecache.getline(SECRET_FILE, 1)",
    "mmap": (
        "import mmap, os\n"
        "return bytes(mmap.mmap(os.open(SECRET_FILE, 0), 0, prot=mmap.PROT_READ))\n"
    ),
    "raw system call": LIBC + (
        "opened = libc.open(SECRET_FILE.encode(), 0)\n"
        "room = ctypes.create_string_buffer(99)\n"
        "libc.read(opened, room, 99)\n"
        "return room.value\n"
    ),
    "System V shared memory": LIBC + (
        "libc.shmat.restype = ctypes.c_void_p\n"
        "found = libc.shmat(SHARED, None, 0o10000)\n"
        "return 0 if found in (None, 2 ** 64 - 1) else ctypes.string_at(found)\n"
    ),
    "the users of the machine": (
        "return open('/etc/passwd').read() and 'esc' + 'aped-7f3a'"
    ),
    "the mounts of the machine": "return open('/proc/self/mounts').read() and 'esc' + 'aped-7f3a'",
    "the command line of the server": (
        "return open(f'/proc/{PARENT}/cmdline').read() and 'esc' + 'aped-7f3a'"
    ),
    "the source of these tests": "return open(SOURCE).read() and 'esc' + 'aped-7f3a'",
    "a file in the home folder": "return open(HOME_FILE).read()",
    "/sys": "import os\nreturn os.listdir('/sys/kernel') and 'esc' + 'aped-7f3a'",
    "a file of Python, to write": (
        "import os\nos.open(os.__file__, os.O_WRONLY)\nreturn 'esc' + 'aped-7f3a'"
    ),
}  # fmt: skip

CALLING: Mapping[str, str] = {
    "TCP": "import socket\nsocket.create_connection(('127.0.0.1', PORT), 2)",
    "UDP": "import socket\nsocket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', PORT))",
    "_socket": "import _socket\n_socket.socket(2, 1).connect(('127.0.0.1', PORT))",
    "a Unix socket": "import socket\nsocket.socket(socket.AF_UNIX).connect(UNIX)",
    "an abstract Unix socket": "import socket\nsocket.socket(socket.AF_UNIX).connect(ABSTRACT)",
    "ctypes": (
        LIBC + "import struct\n"
        "made = libc.socket(2, 1, 0)\n"
        "where = struct.pack('=H', 2) + struct.pack('>H', PORT) + b'\\x7f\\0\\0\\1' + bytes(8)\n"
        "libc.connect(made, where, 16)\n"
    ),
    "urllib": (
        "import urllib.request\n"
        "urllib.request.urlopen(f'http://127.0.0.1:{PORT}', timeout=1)\n"
    ),
    "asyncio": (
        "import asyncio\n"
        "asyncio.new_event_loop().run_until_complete(asyncio.open_connection('127.0.0.1', PORT))\n"
    ),
}  # fmt: skip

HARMING: Mapping[str, str] = {
    "kill": "import os\nos.kill(VICTIM, 9)",
    "killpg": "import os\nos.killpg(VICTIM, 9)",
    "kill by ctypes": LIBC + "libc.kill(VICTIM, 9)",
    "tgkill": LIBC + "libc.syscall(234 if MACHINE == 'x86_64' else 131, VICTIM, VICTIM, 9)",
    "tkill": LIBC + "libc.syscall(200 if MACHINE == 'x86_64' else 130, VICTIM, 9)",
    "pidfd": "import os, signal\nsignal.pidfd_send_signal(os.pidfd_open(VICTIM), 9)",
    "the signal of a pipe": (
        "import fcntl, os\n"
        "here, there = os.pipe()\n"
        "fcntl.fcntl(here, fcntl.F_SETOWN, VICTIM)\n"
        "fcntl.fcntl(here, 10, 9)\n"
        "fcntl.fcntl(here, fcntl.F_SETFL, fcntl.fcntl(here, fcntl.F_GETFL) | os.O_ASYNC)\n"
        "os.write(there, b'x')\n"
    ),
    "priority": "import os\nos.setpriority(os.PRIO_PROCESS, VICTIM, 19)",
    "limits": "import resource\nresource.prlimit(VICTIM, resource.RLIMIT_NOFILE, (9, 9))",
}

GAINING: Mapping[str, str] = {
    "signal to everybody": "import os\nos.kill(-1, 0)\n" + DID.format(1),
    "ptrace": LIBC + DID.format("libc.ptrace(0x4206, VICTIM, 0, 0) == 0"),
    "memory of another process": (
        LIBC + "room = (ctypes.c_long * 2)(id(libc), 8)\n"
        + DID.format("libc.process_vm_readv(VICTIM, room, 0, room, 0, 0) == 0")
    ),
    "namespaces": LIBC + DID.format("libc.unshare(0x10000000) == 0"),
    "a session": "import os\nif os.getpid() == os.getpgid(0):\n    " + DID.format(1)
    + "os.setsid()\n" + DID.format(1),
    "io_uring": LIBC + "room = ctypes.create_string_buffer(120)\n"
    + DID.format("libc.syscall(425, 1, room) >= 0"),
    "a handle of a file": LIBC + "room = ctypes.create_string_buffer(256)\nroom[0] = 128\n"
    "mount = ctypes.c_int()\n"
    + DID.format("libc.name_to_handle_at(-100, b'.', room, ctypes.byref(mount), 0) == 0"),
}  # fmt: skip


@dataclass
class World:
    """What an attack may reach for outside, and what it did to it."""

    folder: Path
    victim: subprocess.Popen[bytes]
    names: dict[str, object]
    listeners: list[socket.socket] = field(default_factory=list)

    def source(self, body: str) -> str:
        """A module whose ``f`` is the attack; its docstring has the example."""
        head = "".join(f"{name} = {value!r}\n" for name, value in self.names.items())
        lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
        return f'{head}\n\ndef f():\n    """f() => 0"""\n{lines}'

    def damage(self) -> str:
        """What an attack left outside; "" when nothing."""
        if os.path.lexists(str(self.names["MARKER"])) or list(self.folder.glob("marker*")):
            return "it wrote"
        for listener in self.listeners:
            with suppress(BlockingIOError):
                listener.recv(1) if listener.type == socket.SOCK_DGRAM else listener.accept()
                return "it called"
        if self.victim.poll() is not None:
            return "it killed"
        other = psutil.Process(self.victim.pid)
        if other.nice() != 0 or other.rlimit(psutil.RLIMIT_NOFILE)[0] == 9:
            return "it changed another process"
        file = Path(str(self.names["VICTIM_FILE"]))
        if not file.exists():
            return "it deleted"
        found = file.stat()
        if (found.st_mode & 0o777, file.read_text(), found.st_mtime) != (0o644, "precious", 9e8):
            return "it changed"
        return "it set an attribute" if os.listxattr(file) else ""


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """A world made for one attack."""
    secret, file, base = folder / "secret", folder / "victim", folder / "base"
    secret.write_text(SECRET + "\n")
    file.write_text("precious")
    file.chmod(0o644)
    os.utime(file, (9e8, 9e8))
    _database(base)
    (folder / ESCAPED).touch()
    victim = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _WAIT],
        stdout=subprocess.PIPE,
        process_group=0,
        env={"SECRET": SECRET},
    )
    at_home = Path.home() / f".tabwright-test-{os.urandom(8).hex()}"
    at_home.write_text(SECRET)
    descriptor = os.open(secret, os.O_RDONLY)
    os.set_inheritable(descriptor, True)
    listeners = [_listener(*one) for one in _addresses(folder)]
    port = listeners[0].getsockname()[1]
    listeners.append(_listener(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", port)))
    shared = _shared_memory()
    assert victim.stdout is not None and victim.stdout.read(1)
    names: dict[str, object] = {
        "MARKER": str(folder / "marker"),
        "SECRET_FILE": str(secret),
        "VICTIM_FILE": str(file),
        "DATABASE": str(base),
        "SOURCE": __file__,
        "HOME_FILE": str(at_home),
        "PORT": port,
        "UNIX": listeners[1].getsockname(),
        "ABSTRACT": listeners[2].getsockname().decode(),
        "DESCRIPTOR": descriptor,
        "VICTIM": victim.pid,
        "PARENT": os.getpid(),
        "SHARED": shared,
        "MACHINE": os.uname().machine,
    }
    try:
        yield World(folder, victim, names, listeners)
    finally:
        victim.kill()
        victim.communicate()
        os.close(descriptor)
        at_home.unlink()
        _libc().shmctl(shared, 0, None)
        for listener in listeners:
            listener.close()


_WAIT = "import sys, time; sys.stdout.write('x'); sys.stdout.flush(); time.sleep(600)"


def _addresses(folder: Path) -> Iterator[tuple[int, int, tuple[str, int] | str]]:
    yield socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)
    yield socket.AF_UNIX, socket.SOCK_STREAM, str(folder / "s")
    yield socket.AF_UNIX, socket.SOCK_STREAM, f"\0tabwright-{os.getpid()}-{os.urandom(4).hex()}"


def _listener(family: int, kind: int, address: tuple[str, int] | str) -> socket.socket:
    made = socket.socket(family, kind)
    made.bind(address)
    if kind == socket.SOCK_STREAM:
        made.listen()
    made.setblocking(False)
    return made


def _database(path: Path) -> None:
    base = sqlite3.connect(path)
    base.execute("create table t (a)")
    base.execute("insert into t values (?)", (SECRET,))
    base.commit()
    base.close()


def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None)
    libc.shmat.restype = ctypes.c_void_p
    return libc


def _shared_memory() -> int:
    libc = _libc()
    made = libc.shmget(0, 4096, 0o1600)
    assert made >= 0
    where = libc.shmat(made, None, 0)
    ctypes.memmove(where, SECRET.encode(), len(SECRET))
    libc.shmdt(ctypes.c_void_p(where))
    return int(made)
