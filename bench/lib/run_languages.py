"""Runs generated JavaScript, Java and C++ against a test set, isolated as Python programs are."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.lib.scoring import Limits, Verdict, run_isolated, verdict

RUN = Limits(seconds=15, memory=3 << 30, address_space=False)
COMPILE = Limits(seconds=30, memory=4 << 30, address_space=False, file=64 << 20)
_JAVA_HEAP = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


@dataclass(frozen=True)
class Runner:
    """How a language's programs run: the file's name, the commands, and the word put at the end.

    ``needs`` are the programs that must be installed.
    """

    file: str
    needs: tuple[str, ...]
    finish: Callable[[str, str], str]
    run: tuple[str, ...]
    compile: tuple[str, ...] = ()
    libraries: Mapping[str, tuple[str, ...]] | None = None


def missing(language: str) -> tuple[str, ...]:
    """Programs that running a language needs and that are not installed."""
    return tuple(name for name in RUNNERS[language].needs if shutil.which(name) is None)


def run(language: str, program: str) -> Verdict:
    """Run a program with its tests; it passes when it reaches its end without an error."""
    runner = RUNNERS[language]
    word = secrets.token_hex(8)
    with tempfile.TemporaryDirectory(prefix="tabwright-check-") as name:
        folder = Path(name)
        text = runner.finish(program, word)
        (folder / runner.file).write_text(text, encoding="utf-8", errors="replace")
        if runner.compile:
            libraries = [
                argument
                for sign, arguments in (runner.libraries or {}).items()
                if sign in program
                for argument in arguments
            ]
            compiled = run_isolated([*runner.compile, *libraries], folder, COMPILE)
            if compiled.status != 0:
                return Verdict(False, f"does not compile: {_first_error(compiled.err)}")
        ended = run_isolated(runner.run, folder, RUN)
    return verdict(ended, word, RUN)


def _first_error(said: str) -> str:
    lines = [line for line in said.splitlines() if "error" in line] or said.splitlines()
    return lines[0] if lines else "no reason given"


def _javascript(program: str, word: str) -> str:
    # console.assert only prints, so a failed one would go unseen.
    check = "console.assert = (good) => { if (!good) throw new Error('assertion failed'); };\n"
    return f"{check}{program}\nconsole.log('{word}');\n"


def _java(program: str, word: str) -> str:
    check = f'Main.main(arguments); System.out.println("{word}");'
    return (
        f"{program}\nclass Check {{ public static void main(String[] arguments) "
        f"throws Exception {{ {check} }} }}\n"
    )


def _cpp(program: str, word: str) -> str:
    # The tests' main ends the file: the word is printed right before its closing brace.
    body, brace, _ = program.rstrip().rpartition("}")
    return f'{body}puts("{word}");\n{brace}\n'


RUNNERS: Mapping[str, Runner] = {
    "javascript": Runner(
        "program.js",
        ("node",),
        _javascript,
        ("node", "--max-old-space-size=512", "program.js"),
    ),
    "java": Runner(
        "Main.java",
        ("javac", "java"),
        _java,
        ("java", "-ea", *_JAVA_HEAP, "-cp", ".", "Check"),
        ("javac", *(f"-J{option}" for option in _JAVA_HEAP), "-nowarn", "Main.java"),
    ),
    "cpp": Runner(
        "program.cpp",
        ("g++",),
        _cpp,
        ("./program",),
        ("g++", "-std=c++17", "-w", "-o", "program", "program.cpp"),
        {"openssl/": ("-lcrypto",)},
    ),
}
