"""Which backend computes a model on this machine; finds out without importing any."""

from __future__ import annotations

import ctypes
import importlib.util
import platform
import sys
from pathlib import Path

from tabwright.engine.backends import BackendOptions
from tabwright.engine.vocabulary import load_json
from tabwright.models.shape import Shape


def openvino_refuses(folder: Path, options: BackendOptions) -> str:
    """Why a model is not for OpenVINO here; empty where it is, for it is the quickest on a CPU."""
    if options.device not in ("auto", "cpu"):
        return f"it computes on a CPU, not on {options.device}"
    wanted = ("auto", "int8", "mixed", "int4", *["float32"] * (options.backend == "openvino"))
    if options.precision not in wanted:
        return f"its weights are not {options.precision}"
    if importlib.util.find_spec("openvino") is None:
        return "it is not installed"
    if options.device == "auto" and options.backend == "auto" and (gpu := _gpu()):
        return f"torch computes on {gpu}"
    config = load_json(folder / "config.json")
    if Shape.of(config) is None:
        return f"it has no graph for models like {config.get('model_type', folder.name)}"
    return ""


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
