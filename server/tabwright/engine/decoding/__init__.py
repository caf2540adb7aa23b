"""The decode loop: reuse, prefill, healing, sampling, stops."""
