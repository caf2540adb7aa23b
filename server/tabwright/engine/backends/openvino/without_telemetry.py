"""Import OpenVINO without its telemetry; no other file imports ``openvino``.

The import alone sends data over the network (package ``openvino_telemetry``, unless a file in the
home folder disables it). When that package cannot be imported, OpenVINO uses a stub.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import cast

cast(dict[str, ModuleType | None], sys.modules)["openvino_telemetry"] = None

import openvino as ov  # noqa: E402
from openvino import opset13 as ops  # noqa: E402
from openvino._offline_transformations import (  # noqa: E402
    apply_make_stateful_transformation,
    paged_attention_transformation,
)

__all__ = ["apply_make_stateful_transformation", "ops", "ov", "paged_attention_transformation"]
