from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from support.edits import program

from tabwright.checks.tools.child_process import ToolFailed, run, run_until_timeout


async def has_ended(pid: int) -> bool:
    """Whether a process ends within two seconds; one that waits to be reaped has ended."""
    for _ in range(100):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        await asyncio.sleep(0.02)
    return False


async def test_output_and_status(tmp_path: Path) -> None:
    tool = program(
        tmp_path / "tool", "print(sys.stdin.read()[::-1]); sys.exit('\\n  wrong  \\nmore')"
    )
    output = await run([str(tool)], timeout_s=10, stdin="ab")
    assert (output.status, output.stdout, output.error_line) == (1, "ba\n", "wrong")


async def test_a_program_that_does_not_read_its_input(tmp_path: Path) -> None:
    tool = program(tmp_path / "tool", "print('done')")
    output = await run([str(tool)], timeout_s=10, stdin="x" * 5_000_000)
    assert output.stdout == "done\n"


async def test_a_program_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(ToolFailed, match="could not be started"):
        await run([str(tmp_path / "none")], timeout_s=10)


async def test_a_program_that_prints_forever(tmp_path: Path) -> None:
    tool = program(tmp_path / "tool", "while True: print('x' * 100000)")
    with pytest.raises(ToolFailed, match="printed more than 16 MiB"):
        await run([str(tool)], timeout_s=30)


@pytest.mark.timing
async def test_a_program_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    note = f"open({str(pids)!r}, 'a').write(f'{{os.getpid()}} ')\n"
    tool = program(
        tmp_path / "tool", f"os.fork()\n{note}print('begun', flush=True)\ntime.sleep(60)"
    )
    started = time.monotonic()
    output, ended = await run_until_timeout([str(tool)], timeout_s=1)
    assert not ended and "begun" in output.stdout
    assert time.monotonic() - started < 5
    family = [int(pid) for pid in pids.read_text().split()]
    assert len(family) == 2
    assert all([await has_ended(pid) for pid in family])
    with pytest.raises(ToolFailed, match=r"did not answer in 0\.2 s"):
        await run([str(tool)], timeout_s=0.2)


async def test_cancelling_kills_the_program(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    tool = program(
        tmp_path / "tool", f"open({str(pid)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)"
    )
    task = asyncio.create_task(run([str(tool)], timeout_s=60))
    while not (pid.is_file() and pid.read_text()):
        await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await has_ended(int(pid.read_text()))
