"""Runs llama.cpp's server from ``xllamacpp`` on a port of loopback, until its stdin is closed.

A process of its own, so that its memory and threads are too: ``peer_process.py MODEL THREADS``
prints the address when the model is loaded. Settings are what llama.vim tells its users to
start llama-server with: ``--cache-reuse 256``, one slot, a context of 8192 tokens.
"""

from __future__ import annotations

import sys

import xllamacpp


def main(model: str, threads: int) -> None:
    """Load the model, print the address, and serve until the other side has gone."""
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.n_ctx = 8192
    params.n_parallel = 1
    params.n_cache_reuse = 256
    params.cache_prompt = True
    params.cpuparams.n_threads = threads
    params.cpuparams_batch.n_threads = threads
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()
    del server


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
