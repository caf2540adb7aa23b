"""Our own kernels for x86 CPUs, compiled by numba."""
