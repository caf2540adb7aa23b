"""Which backend computes a model on this machine; finds out without loading any."""

from __future__ import annotations

import ctypes
import importlib.util
import platform
import sys
from pathlib import Path

from tabwright.engine.backends import BackendOptions, Name
from tabwright.models import config_file
from tabwright.models.shape import Shape

_OF_NUMBA = ("auto", "int8")
_OF_OPENVINO = ("auto", "int8", "mixed", "int4")
_FEATURES = ("avx2", "fma", "f16c")


def refuses(name: Name, folder: Path, options: BackendOptions) -> str:
    """Why a library does not compute a model here; empty where it does. torch computes all."""
    if name == "torch":
        return ""
    if options.device not in ("auto", "cpu"):
        return f"it computes on a CPU, not on {options.device}"
    wanted = {"numba": _OF_NUMBA, "openvino": _OF_OPENVINO}[name]
    if options.precision not in (*wanted, *["float32"] * (options.backend == "openvino")):
        return f"its weights are not {options.precision}"
    if importlib.util.find_spec(name) is None:
        return "it is not installed"
    if name == "numba" and (missing := lacking()):
        return missing
    if options.device == "auto" and options.backend == "auto" and (gpu := _gpu()):
        return f"torch computes on {gpu}"
    config = config_file.read(folder)
    if Shape.of(config) is None:
        return f"it does not know models like {config.get('model_type', folder.name)}"
    return ""


def lacking() -> str:
    """What this CPU lacks of what our kernels were written for."""
    import llvmlite.binding

    known = llvmlite.binding.get_host_cpu_features()
    missing = [feature for feature in _FEATURES if not known.get(feature)]
    return f"this CPU has no {' and no '.join(missing)}" if missing else ""


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
