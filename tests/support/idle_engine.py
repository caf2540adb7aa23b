"""What fake engines have in common: they know a model, have no status and no connections."""

from __future__ import annotations

from tabwright.core.prompting.prompt import family_by_name
from tabwright.core.task import ModelInfo


class IdleEngine:
    """Base class of fake engines; a subclass adds ``generate``."""

    async def model_info(self, name: str) -> ModelInfo:
        return ModelInfo(name, family_by_name("qwen2.5-coder"), 32768)

    async def status(self) -> dict[str, object]:
        return {}

    async def aclose(self) -> None:
        return None
