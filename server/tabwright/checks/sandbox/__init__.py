"""Runs code that a model wrote where it can touch nothing: Linux namespaces, Landlock, seccomp.

``runs`` is the server's side. ``launcher`` is what it starts: a process that shuts itself in with
``namespaces``, ``landlock`` and ``seccomp`` before it reads the code. These four import only the
standard library and each other, since they run in a process without our packages.
"""
