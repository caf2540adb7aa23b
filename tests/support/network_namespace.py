"""A Linux network namespace in which every attempt to send a packet is counted by the kernel.

It has the loopback device and no route anywhere, so that nothing leaves it; what is tried still
shows in the counters of the namespace (``/proc/net/snmp`` and ``snmp6``): a connection or datagram
that finds no route, a datagram or connection on loopback. Names are looked up by DNS alone, at an
address without a route: neither a cache nor a resolver outside can answer over a Unix socket.

Run as a program, it prepares the namespace that it was started in, and holds it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

READY = "ready"
# Counters of attempts, those that found no route among them; IPv6 talks to itself on loopback.
COUNTED = (
    *("IpOutNoRoutes", "Ip6OutNoRoutes", "IpOutRequests"),
    *("TcpActiveOpens", "UdpOutDatagrams", "Udp6OutDatagrams"),
)
# Sockets by which names could be looked up outside of the namespace.
_RESOLVERS = ("/run/nscd", "/run/systemd/resolve", "/run/dbus", "/run/avahi-daemon")
_LISTENS = "0A"  # the state of a listening socket in /proc/net/tcp


@dataclass(frozen=True)
class Namespace:
    """One that lives as long as the process ``pid``, which holds it."""

    pid: int
    enter: tuple[str, ...]

    def attempts(self) -> dict[str, int]:
        """How much was tried so far, by the kernel's counters; only those above zero."""
        found = _counters(Path(f"/proc/{self.pid}/net"))
        return {name: found[name] for name in COUNTED if found.get(name)}

    def listening(self) -> list[str]:
        """Local addresses of TCP sockets that accept connections, as the kernel writes them."""
        return [
            line.split()[1]
            for name in ("tcp", "tcp6")
            for line in _lines(Path(f"/proc/{self.pid}/net/{name}"))[1:]
            if line.split()[3] == _LISTENS
        ]


class Unavailable(Exception):
    """This machine makes no such namespace; says why."""


@contextlib.contextmanager
def namespace() -> Iterator[Namespace]:
    """Make one, for root directly and for others in a user namespace; raises Unavailable."""
    if sys.platform != "linux":
        raise Unavailable("only Linux has network namespaces")
    missing = [each for each in ("unshare", "nsenter", "mount") if shutil.which(each) is None]
    if missing:
        raise Unavailable(f"{', '.join(missing)} of util-linux is not here")
    user = os.geteuid() != 0
    command = ["unshare", "--net", "--mount", *(["--map-root-user"] if user else [])]
    with (
        tempfile.TemporaryDirectory(prefix="tw-") as folder,
        subprocess.Popen(
            [*command, sys.executable, "-I", __file__, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as holder,
    ):
        assert holder.stdout is not None
        said = holder.stdout.readline().strip()
        if said != READY:
            holder.kill()
            raise Unavailable(f"a network namespace cannot be made here: {said}")
        enter = ("nsenter", f"--target={holder.pid}", "--net", "--mount")
        entered = (*enter, *(("--user", "--preserve-credentials") if user else ()))
        found = Namespace(holder.pid, entered)
        try:
            _assert_counts(found)
            yield found
        finally:
            holder.kill()


def _assert_counts(found: Namespace) -> None:
    """The kernel must count what is tried: one datagram to an address for documentation."""
    code = "import socket; socket.socket(type=socket.SOCK_DGRAM).connect(('192.0.2.1', 9))"
    before = _counters(Path(f"/proc/{found.pid}/net")).get("IpOutNoRoutes", 0)
    subprocess.run([*found.enter, sys.executable, "-I", "-c", code], stderr=subprocess.DEVNULL)
    after = _counters(Path(f"/proc/{found.pid}/net")).get("IpOutNoRoutes", 0)
    if after == before:
        raise Unavailable("this kernel does not count packets without a route")


def _counters(folder: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    lines = _lines(folder / "snmp")
    for names, values in zip(lines[::2], lines[1::2], strict=True):
        protocol, *keys = names.split()
        for key, value in zip(keys, values.split()[1:], strict=True):
            found[protocol.rstrip(":") + key] = int(value)
    for line in _lines(folder / "snmp6"):
        key, value = line.split()
        found[key] = int(value)
    return found


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("ascii").splitlines()
    except FileNotFoundError:  # a kernel without IPv6
        return []


# Inside the namespace -----------------------------------------------------------------------------


def _prepare(folder: Path) -> None:
    _loopback_up()
    names = folder / "nsswitch.conf"
    names.write_text("hosts: files dns\n", "ascii")
    resolver = folder / "resolv.conf"
    resolver.write_text("nameserver 192.0.2.53\noptions timeout:1 attempts:1\n", "ascii")
    empty = folder / "empty"
    empty.mkdir()
    _bind(names, Path("/etc/nsswitch.conf"))
    _bind(resolver, Path("/etc/resolv.conf").resolve())
    for each in map(Path, _RESOLVERS):
        if each.is_dir():
            _bind(empty, each)


def _bind(source: Path, target: Path) -> None:
    if target.exists():
        _run(("mount", "--bind", str(source), str(target)))


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")


def _loopback_up() -> None:
    import fcntl
    import socket
    import struct

    set_flags, up, runs = 0x8914, 0x1, 0x40
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sH14x", b"lo", up | runs))


def main() -> int:
    try:
        _prepare(Path(sys.argv[1]))
    except OSError as error:
        sys.stdout.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    sys.stdin.read()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
