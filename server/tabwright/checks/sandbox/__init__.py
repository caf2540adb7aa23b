"""Run code that a model wrote in a sandbox: Linux namespaces, Landlock, seccomp.

``runs`` is the server's side. It starts ``launcher``, whose process isolates itself with
``namespaces``, ``landlock`` and ``seccomp`` before it reads the code. These four, and ``system``,
import only the standard library and each other, because they run without our packages.
"""
