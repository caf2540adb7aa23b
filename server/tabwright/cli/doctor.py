"""``tabwright doctor``: check this machine, the models and the engine, and say what to do."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from tabwright.models.names import Keep

_LITTLE_MEMORY = 3e9
_LITTLE_DISK = 3e9
_ENGINE_TIMEOUT_S = 2.0
_REMOTE_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Finding:
    """The result of one check, and what to do about it."""

    what: str
    level: Literal["ok", "warning", "problem"]
    detail: str


def add_parser(subparsers: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand's arguments."""
    parser = subparsers.add_parser(
        "doctor",
        help="check this machine, the models and the engine",
        description="Check this machine, the models and the engine; exit status 1 for a problem.",
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print one line for each finding; 1 when one of them is a problem."""
    findings = [
        _python(),
        _torch(),
        _numba(),
        _openvino(),
        _memory(),
        *_folders(),
        *_models(),
        _settings(),
        _trust(),
        *_remote(),
        _engine(),
        _examples(),
    ]
    if arguments.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        for finding in findings:
            print(f"{finding.level:8} {finding.what}: {finding.detail}")
    return int(any(finding.level == "problem" for finding in findings))


def _python() -> Finding:
    from tabwright.processes import own_python

    where = f"{platform.system()} {platform.machine()}"
    return Finding("Python", "ok", f"{platform.python_version()} on {where}, {own_python()}")


def _torch() -> Finding:
    from tabwright import extras

    if not extras.is_installed("torch"):
        detail = "not installed; it computes models of other families and on GPUs: "
        return Finding("torch", "ok", detail + extras.install_command("torch"))
    try:
        from tabwright.engine.backends.torch.model import describe_machine

        return Finding("torch", "ok", describe_machine())
    except ImportError as error:
        return Finding("torch", "problem", f"cannot be imported ({error}); install it again")


def _numba() -> Finding:
    from tabwright import extras
    from tabwright.core.message import verbatim

    try:
        from tabwright.engine.backends.choice import unsupported_kernels_reason

        if not (reason := unsupported_kernels_reason()):
            from tabwright.engine.backends.numba.vectors import describe_machine

            return Finding("numba", "ok", describe_machine())
    except ImportError as error:
        reason = verbatim(str(error))
    instead = next((name for name in ("openvino", "torch") if extras.is_installed(name)), "")
    if instead:
        return Finding("numba", "warning", f"not used ({reason}); {instead} computes instead")
    command = extras.install_command("openvino")
    return Finding(
        "numba", "problem", f"not used ({reason}), and nothing else is installed; run: {command}"
    )


def _openvino() -> Finding:
    from tabwright import extras

    if not extras.is_installed("openvino"):
        detail = "not installed; our own kernels come before it: "
        return Finding("OpenVINO", "ok", detail + extras.install_command("openvino"))
    try:
        from tabwright.engine.backends.openvino.model import describe_machine

        return Finding("OpenVINO", "ok", describe_machine())
    except ImportError as error:
        return Finding("OpenVINO", "warning", f"cannot be imported ({error}); install it again")


def _memory() -> Finding:
    import psutil

    free = psutil.virtual_memory().available
    if free < _LITTLE_MEMORY:
        return Finding(
            "memory", "warning", f"{free / 1e9:.1f} GB free; the 0.5B model takes 1.3 GB"
        )
    return Finding("memory", "ok", f"{free / 1e9:.1f} GB free")


def _folders() -> list[Finding]:
    from tabwright import paths

    findings = []
    if why := paths.why_not_models_dir():
        findings.append(Finding("TABWRIGHT_MODELS_DIR", "problem", why))
    for what, find in (
        ("models", paths.models_dir),
        ("cache", paths.cache_dir),
        ("logs", paths.log_dir),
        ("engine socket", paths.runtime_dir),
    ):
        try:
            folder = find()
            nearest = next(path for path in (folder, *folder.parents) if path.exists())
        except OSError as error:
            findings.append(Finding(f"folder of the {what}", "problem", str(error)))
            continue
        findings.append(_folder(what, folder, nearest))
    return findings


def _folder(what: str, folder: Path, nearest: Path) -> Finding:
    name = f"folder of the {what}"
    if not os.access(nearest, os.W_OK):
        return Finding(name, "problem", f"{folder} cannot be written")
    free = shutil.disk_usage(nearest).free
    if what == "models" and free < _LITTLE_DISK:
        return Finding(name, "warning", f"{folder}, only {free / 1e9:.1f} GB free")
    return Finding(name, "ok", f"{folder}, {free / 1e9:.0f} GB free")


def _models() -> list[Finding]:
    from tabwright.models import store
    from tabwright.models.catalog import DEFAULT_COMPLETION

    findings = []
    keep = _kept_weights()
    for found in store.installed():
        repair = f"{found.problem}; run: {store.pull_command(found.name)}"
        detail = repair if found.problem else f"ready, {found.bytes / 1e9:.2f} GB"
        if not found.problem:
            detail += _about_weights(found.path, found.name, keep)
        level: Literal["ok", "problem"] = "problem" if found.problem else "ok"
        findings.append(Finding(f"model {found.name}", level, detail))
    try:
        store.locate(DEFAULT_COMPLETION)
    except store.ModelMissing as error:
        findings.append(Finding("default model", "warning", str(error)))
    except store.ModelError:
        pass  # listed above, with what is wrong
    return findings


def _kept_weights() -> Keep:
    from tabwright.cli.engine_options import engine_options, own_settings
    from tabwright.engine.backends.choice import kept_weights

    return kept_weights(engine_options(None, own_settings()))


def _about_weights(folder: Path, name: str, keep: Keep) -> str:
    """What to run where a model has weights too many or too few for this machine."""
    from tabwright.models import store

    if unused := sum(path.stat().st_size for path in store.unused(folder, keep)):
        return f", {unused / 1e9:.2f} GB of it not used here; run: {store.trim_command(name)}"
    if keep == "full" and not store.has_full_weights(folder):
        return f", in 8 bits alone; for the full weights run: {store.pull_command(name)}"
    return ""


def _examples() -> Finding:
    """Whether the examples of docstrings can be run in the sandbox."""
    import asyncio

    from tabwright.checks.sandbox import runs
    from tabwright.checks.tools.child_process import ToolFailed

    what = "examples"
    try:
        used = " and ".join((*asyncio.run(runs.working_layers()), "seccomp"))
    except runs.SandboxUnavailable as error:
        return Finding(what, "warning", f"never run: this machine cannot isolate them ({error})")
    except (OSError, ToolFailed) as error:
        return Finding(what, "warning", f"could not be checked ({error})")
    return Finding(
        what, "ok", f"run only if tabwright.checks.runExamples is on, isolated by {used}"
    )


def _settings() -> Finding:
    from tabwright import paths, private
    from tabwright.app.settings.layers import of_file

    path = paths.config_file()
    try:
        reason = private.written_by_others(path) if path.exists() else ""
    except OSError as error:
        reason = str(error)
    if reason:
        return Finding("settings", "problem", f"{path} may be changed by others: {reason}")
    if warnings := of_file(path).warnings:
        return Finding("settings", "warning", "; ".join(warnings))
    there = "" if path.exists() else ", does not exist; 'tabwright config --init' creates it"
    return Finding("settings", "ok", f"{path}{there}")


def _trust() -> Finding:
    from tabwright.trust import TrustError, TrustFile

    file = TrustFile()
    try:
        allowed = file.read()
    except TrustError as error:
        return Finding("trust", "problem", str(error))
    missing = [folder for folder in allowed.folders if not os.path.isdir(folder)]
    if missing:
        remove = f"no longer there: {', '.join(missing)}; see 'tabwright trust remove'"
        return Finding("trust", "warning", f"folders that you trusted are {remove}")
    counts = f"{len(allowed.folders)} folders, {len(allowed.addresses)} addresses allowed"
    return Finding("trust", "ok", f"{file.path}, {counts}")


def _remote() -> list[Finding]:
    """The remote engine of the user's own file; it gets a request only if that is allowed."""
    from tabwright import paths
    from tabwright.app.runtime.remote_consent import allow_command
    from tabwright.app.settings.layers import of_file
    from tabwright.trust import Address, TrustError, TrustFile, address_of

    remote = of_file(paths.config_file()).settings.remote
    if not remote.url:
        return []
    what, variable = "remote engine", remote.key_environment
    try:
        wanted = Address(address_of(remote.url), variable)
        allowed = wanted in TrustFile().read().addresses
    except TrustError as error:
        return [Finding(what, "problem", str(error))]
    unset = f"the key's variable {variable} is not set" if variable else ""
    unset = "" if os.environ.get(variable, "").strip() else unset
    if allowed:
        failure = _connection_failure(wanted.url)
        about = f"it does not answer ({failure})" if failure else "it answers"
    else:
        failure, about = "", f"not allowed; to allow it: {allow_command(wanted)}"
    detail = "; ".join(filter(None, (f"{wanted.url}, {about}", unset)))
    return [Finding(what, "ok" if allowed and not failure and not unset else "warning", detail)]


def _connection_failure(url: str) -> str:
    """Why an address does not answer, "" when it does; sends no key and no code."""
    import http.client
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_REMOTE_TIMEOUT_S)
    try:
        connection.request("GET", f"{parts.path}/v1/models")
        connection.getresponse()
    except (OSError, ValueError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()
    return ""


def _engine() -> Finding:
    import http.client
    import socket

    from tabwright import paths, private

    if not hasattr(socket, "AF_UNIX"):
        return Finding("engine", "ok", f"see {paths.engine_address()}")
    connection = http.client.HTTPConnection("localhost", timeout=_ENGINE_TIMEOUT_S)
    try:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(_ENGINE_TIMEOUT_S)
        connection.sock.connect(str(paths.engine_socket()))
        uid = private.foreign_peer(connection.sock)
        if uid is not None:
            where = paths.engine_socket()
            return Finding("engine", "problem", f"another user (number {uid}) listens on {where}")
        connection.request("GET", "/tabwright/status")
        status = json.loads(connection.getresponse().read())
    except (FileNotFoundError, ConnectionRefusedError):
        return Finding("engine", "ok", "not running; it starts with the first request")
    except (OSError, ValueError, http.client.HTTPException) as error:
        return Finding("engine", "warning", f"does not answer ({error}); see {paths.engine_log()}")
    finally:
        connection.close()
    models = (
        ", ".join(f"{model['id']} {model['state']}" for model in status["models"]) or "no model"
    )
    return Finding("engine", "ok", f"running, pid {status['pid']}, {models}")
