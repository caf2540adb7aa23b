"""Import this to import ``bench``, which is not installed: it is found in the checkout."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
# The folder tests/bench must not hide the package of that name.
sys.modules.pop("bench", None)
