"""Which backend computes a model on this machine; finds out without loading any."""

from __future__ import annotations

import ctypes
import importlib.util
import platform
import sys
from pathlib import Path
from typing import Final

from tabwright import extras
from tabwright.core.message import Message
from tabwright.engine.backends import BackendOptions, Name
from tabwright.models import config_file, store
from tabwright.models.names import Keep
from tabwright.models.shape import Shape

_OF_NUMBA = ("auto", "int8")
_OF_OPENVINO = ("auto", "int8", "mixed", "int4")
_FEATURES = ("avx2", "fma", "f16c")
_NOT_INSTALLED: Final = Message("it is not installed")


def unsupported_reason(name: Name, folder: Path, options: BackendOptions) -> Message | None:
    """Return why a library cannot compute a model here; None where it can. torch computes all."""
    if reason := unsupported_here_reason(name, options):
        return reason
    if name == "torch":
        return None
    # Weights in 8 bits alone are computed on the CPU: torch needs the full ones for a GPU.
    if store.has_full_weights(folder) and (gpu := _gpu_instead(options)):
        return Message("torch computes on {0}", gpu)
    config = config_file.read(folder)
    if Shape.of(config) is None:
        kind = config.get("model_type", folder.name)
        return Message("it does not know models like {0}", kind)
    return None


def unsupported_here_reason(name: Name, options: BackendOptions) -> Message | None:
    """Return why a library cannot compute any model with these options on this machine."""
    if name == "torch":
        return None if extras.is_installed(name) else _NOT_INSTALLED
    if options.device not in ("auto", "cpu"):
        return Message("it computes on a CPU, not on {0}", options.device)
    wanted = {"numba": _OF_NUMBA, "openvino": _OF_OPENVINO}[name]
    if options.precision not in (*wanted, *["float32"] * (options.backend == "openvino")):
        return Message("its weights are not {0}", options.precision)
    if name == "openvino" and not extras.is_installed(name):
        return _NOT_INSTALLED
    return unsupported_kernels_reason() if name == "numba" else None


def with_install_command(name: Name, reason: Message) -> Message:
    """Return a reason with the command that installs the library, where only that is missing."""
    if name not in ("openvino", "torch") or reason != _NOT_INSTALLED:
        return reason
    return Message("{0}; run: {1}", reason, extras.install_command(name))


def missing_weights(name: Name, folder: Path, options: BackendOptions) -> Message | None:
    """Return what to run where the weights that a library needs are not stored; else None."""
    if _needs_int8_only(name, options) or store.has_full_weights(folder):
        return None
    model = store.name_of(folder)
    flags = f"--backend {name}"
    if options.precision != "auto":
        flags += f" --precision {options.precision}"
    command = f"{store.pull_command(model)} {flags}"
    return Message(
        "{0} needs the weights of {1} in 16 bits, and those in 8 bits alone were kept; run: {2}",
        name,
        model,
        command,
    )


def kept_weights(options: BackendOptions) -> Keep:
    """Which weights of a model of the Llama family are used on this machine with these options."""
    if _gpu_instead(options):
        return "full"
    quick: tuple[Name, ...] = ("numba", "openvino")
    names = quick if options.backend == "auto" else (options.backend,)
    for name in names:
        if not unsupported_here_reason(name, options):
            return "int8" if _needs_int8_only(name, options) else "full"
    return "full"


def install_command(folder: Path, options: BackendOptions) -> str:
    """Return the command that installs a library that can compute a model here."""
    on_cpu = options.device in ("auto", "cpu") and options.precision in _OF_OPENVINO
    in_family = Shape.of(config_file.read(folder)) is not None
    openvino = on_cpu and in_family and not extras.is_installed("openvino")
    return extras.install_command("openvino" if openvino else "torch")


def _needs_int8_only(name: Name, options: BackendOptions) -> bool:
    """Tell whether weights in 8 bits are all that a library needs."""
    return name != "torch" and options.precision in ("auto", "int8")


def unsupported_kernels_reason() -> Message | None:
    """Return why our kernels cannot run on this machine; None where they can."""
    if importlib.util.find_spec("numba") is None:
        return _NOT_INSTALLED
    import llvmlite.binding

    known = llvmlite.binding.get_host_cpu_features()
    missing = [feature for feature in _FEATURES if not known.get(feature)]
    return Message("this CPU lacks {0}", ", ".join(missing)) if missing else None


def _gpu_instead(options: BackendOptions) -> Message | None:
    """Return the GPU that torch uses when the options leave the choice open; None without one."""
    if options.device != "auto" or options.backend != "auto":
        return None
    return _gpu() if extras.is_installed("torch") else None


def _gpu() -> Message | None:
    """Return the GPU that torch uses; None without one, and then torch is not imported."""
    if sys.platform == "darwin":
        return Message("Apple's GPU") if platform.machine() == "arm64" else None
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return None
    count = ctypes.c_int(0)
    found = driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0
    if not (found and count.value):
        return None
    import torch

    return Message("the CUDA GPU") if torch.cuda.is_available() else None
