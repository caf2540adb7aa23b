"""Linear layers in 8 bits on a CPU: weights quantized by channel, activations by row at run time.

Dynamic post-training quantization as in LLM.int8() (arXiv 2208.07339, section 3) without its
outlier columns, computed by FBGEMM. FBGEMM uses one scale for the whole activation matrix, so one
large row would reduce the precision of all others, and an answer would depend on the chunks of its
prompt. Therefore each row is divided by its largest magnitude before and multiplied by it after.
"""

from __future__ import annotations

import platform
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch

# Without VNNI, FBGEMM adds pairs of 8-bit products in 16 bits: 255 * 63 * 2 just fits, so only
# weights of 7 bits cannot overflow. With VNNI the sums have 32 bits.
_LEVELS_NARROW = 63
_LEVELS_WIDE = 127


def int8_supported() -> bool:
    """Tell whether the kernels are available: an x86 CPU and torch built with FBGEMM."""
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    return x86 and "x86" in torch.backends.quantized.supported_engines


class Int8Linear(torch.nn.Module):
    """A linear layer with its weight [out, in] in 8 bits and its bias in float32."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        super().__init__()
        levels = _LEVELS_WIDE if torch.cpu._is_vnni_supported() else _LEVELS_NARROW
        full = weight.detach().to(torch.float32, copy=True)
        scales = torch.linalg.vector_norm(full, ord=torch.inf, dim=1).clamp_(min=1e-12) / levels
        whole = full.div_(scales[:, None]).round_().to(torch.int8)
        zeros = torch.zeros(len(scales), dtype=torch.long)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # torch warns of a future removal
            quantized = torch._make_per_channel_quantized_tensor(whole, scales, zeros, 0)
        self.packed = torch.ops.quantized.linear_prepack(quantized, None)
        wide = None if bias is None else bias.detach().float()
        self.bias = None if wide is None else torch.nn.Parameter(wide, requires_grad=False)
        self.packed_bytes = whole.numel()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map float32 [..., in] to float32 [..., out]."""
        largest = x.abs().amax(dim=-1, keepdim=True).clamp_(min=1e-12)
        y: torch.Tensor = torch.ops.quantized.linear_dynamic(x / largest, self.packed, False)
        y.mul_(largest)
        return y if self.bias is None else y.add_(self.bias)


class WideEmbedding(torch.nn.Module):
    """An embedding stored in bfloat16 that returns float32."""

    def __init__(self, weight: torch.Tensor) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(weight.detach(), requires_grad=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Map ids [...] to float32 [..., width]."""
        return torch.nn.functional.embedding(ids, self.weight).float()


def quantize_linears(model: Any) -> None:
    """Quantize the linear layers of a bfloat16 model and convert the rest to float32.

    Embeddings stay bfloat16 and return float32.
    """
    torch.backends.quantized.engine = "x86"
    places = [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent.named_children()
        if isinstance(child, torch.nn.Linear | torch.nn.Embedding)
    ]
    # Packing uses one core and releases the GIL, so it runs in several threads.
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        for (parent, name, _), narrow in zip(places, pool.map(_narrow, places), strict=True):
            setattr(parent, name, narrow)
    for module in model.modules():
        if not isinstance(module, WideEmbedding):
            for parameter in module.parameters(recurse=False):
                parameter.data = parameter.data.float()


def _narrow(place: tuple[torch.nn.Module, str, torch.nn.Module]) -> torch.nn.Module:
    child = place[2]
    if isinstance(child, torch.nn.Linear):
        return Int8Linear(child.weight, child.bias)
    assert isinstance(child, torch.nn.Embedding)
    return WideEmbedding(child.weight.clone())  # with a copy, the file can be unmapped
