"""The numba backend: our own int8 kernels for x86 CPUs."""
