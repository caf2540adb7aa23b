"""Imports that an edit to Python forgot: names it uses whose home is beyond doubt."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Mapping

from tabwright.core.syntax.python_names import unbound_names
from tabwright.core.syntax.python_parse import tree_of

# What the standard library has under one name only, or as good as.
_NAMES_OF_MODULES: Mapping[str, Iterable[str]] = {
    "abc": ("ABC", "abstractmethod"),
    "collections": ("Counter", "OrderedDict", "defaultdict", "deque", "namedtuple"),
    "contextlib": ("asynccontextmanager", "contextmanager", "suppress"),
    "dataclasses": ("dataclass",),
    "datetime": ("datetime", "timedelta"),
    "decimal": ("Decimal",),
    "enum": ("Enum", "IntEnum"),
    "fractions": ("Fraction",),
    "functools": ("cached_property", "lru_cache", "partial", "reduce"),
    "itertools": ("combinations", "permutations", "zip_longest"),
    "pathlib": ("Path",),
    "typing": (
        *("Any", "Callable", "ClassVar", "Dict", "Final", "FrozenSet", "Generator", "Generic"),
        *("Iterable", "Iterator", "List", "Literal", "Mapping", "NamedTuple", "NoReturn"),
        *("Optional", "Protocol", "Sequence", "Set", "Tuple", "Type", "TypeVar", "Union"),
    ),
}
_MODULE_OF = {name: home for home, names in _NAMES_OF_MODULES.items() for name in names}


def missing_imports(before: str, after: str) -> tuple[str, ...]:
    """The import lines for names of the standard library that nothing binds any more, or yet.

    A module is only meant where one of its attributes is used.
    """
    now, then = unbound_names(after), unbound_names(before)
    fresh = (now or frozenset()) - (then or frozenset())
    tree = tree_of(after)
    if not fresh or tree is None:
        return ()
    bases = {
        node.value.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    modules = {name for name in fresh & bases if name in sys.stdlib_module_names}
    # `datetime.now()` and `datetime.date` do not tell which of the two was meant.
    modules -= _MODULE_OF.keys()
    homes = {name: _MODULE_OF[name] for name in fresh if name in _MODULE_OF}
    lines = [f"import {name}" for name in modules]
    lines += [f"from {home} import {name}" for name, home in homes.items()]
    return tuple(sorted(lines))
