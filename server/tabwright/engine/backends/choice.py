"""Which backend computes a model on this machine; finds out without loading any."""

from __future__ import annotations

import ctypes
import importlib.util
import platform
import sys
from pathlib import Path

from tabwright import extras
from tabwright.core.message import Message
from tabwright.engine.backends import BackendOptions, Name
from tabwright.models import config_file, store
from tabwright.models.names import Keep
from tabwright.models.shape import Shape

_OF_NUMBA = ("auto", "int8")
_OF_OPENVINO = ("auto", "int8", "mixed", "int4")
_FEATURES = ("avx2", "fma", "f16c")


def refuses(name: Name, folder: Path, options: BackendOptions) -> str:
    """Why a library does not compute a model here; empty where it does. torch computes all."""
    if refused := refuses_here(name, options):
        return refused
    if name == "torch":
        return ""
    # Weights in 8 bits alone are computed on the CPU: torch needs the full ones for a GPU.
    if store.has_full_weights(folder) and (gpu := _gpu_instead(options)):
        return f"torch computes on {gpu}"
    config = config_file.read(folder)
    if Shape.of(config) is None:
        return f"it does not know models like {config.get('model_type', folder.name)}"
    return ""


def refuses_here(name: Name, options: BackendOptions) -> str:
    """Why a library does not compute on this machine with these options, whatever the model."""
    if name == "torch":
        return "" if extras.is_installed(name) else _not_installed(name)
    if options.device not in ("auto", "cpu"):
        return f"it computes on a CPU, not on {options.device}"
    wanted = {"numba": _OF_NUMBA, "openvino": _OF_OPENVINO}[name]
    if options.precision not in (*wanted, *["float32"] * (options.backend == "openvino")):
        return f"its weights are not {options.precision}"
    if name == "openvino" and not extras.is_installed(name):
        return _not_installed(name)
    return lacking() if name == "numba" else ""


def _not_installed(extra: str) -> str:
    return f"it is not installed; run: {extras.install_command(extra)}"


def lacks_weights(name: Name, folder: Path, options: BackendOptions) -> Message | None:
    """What to run where the weights that a library needs are not kept; None where they are."""
    if _narrow_do(name, options) or store.has_full_weights(folder):
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
        if not refuses_here(name, options):
            return "int8" if _narrow_do(name, options) else "full"
    return "full"


def suggestion(folder: Path, options: BackendOptions) -> str:
    """The command that installs what computes a model here."""
    on_cpu = options.device in ("auto", "cpu") and options.precision in _OF_OPENVINO
    in_family = Shape.of(config_file.read(folder)) is not None
    openvino = on_cpu and in_family and not extras.is_installed("openvino")
    return extras.install_command("openvino" if openvino else "torch")


def _narrow_do(name: Name, options: BackendOptions) -> bool:
    """Whether weights in 8 bits are all that a library needs."""
    return name != "torch" and options.precision in ("auto", "int8")


def lacking() -> str:
    """What this machine lacks of what our kernels were written for."""
    if importlib.util.find_spec("numba") is None:
        return "it is not installed"
    import llvmlite.binding

    known = llvmlite.binding.get_host_cpu_features()
    missing = [feature for feature in _FEATURES if not known.get(feature)]
    return f"this CPU has no {' and no '.join(missing)}" if missing else ""


def _gpu_instead(options: BackendOptions) -> str:
    """The GPU that torch computes on where nothing else is asked for; empty without one."""
    if options.device != "auto" or options.backend != "auto":
        return ""
    return _gpu() if extras.is_installed("torch") else ""


def _gpu() -> str:
    """The GPU that torch computes on; empty without one, and then torch need not be loaded."""
    if sys.platform == "darwin":
        return "Apple's GPU" if platform.machine() == "arm64" else ""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return ""
    count = ctypes.c_int(0)
    found = driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0
    if not (found and count.value):
        return ""
    import torch

    return "the CUDA GPU" if torch.cuda.is_available() else ""
