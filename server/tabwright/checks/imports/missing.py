"""Find standard library imports that an edit to Python needs but lacks."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Mapping

from tabwright.core.syntax.python_names import unbound_names
from tabwright.core.syntax.python_parse import tree_of

# Names that only one module of the standard library defines, or one that is meant nearly always.
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
_MODULE_OF = {name: module for module, names in _NAMES_OF_MODULES.items() for name in names}


def missing_imports(before: str, after: str) -> tuple[str, ...]:
    """Return the import lines for standard library names that the edit leaves undefined.

    The name of a module counts only where one of its attributes is used.
    """
    unbound_after, unbound_before = unbound_names(after), unbound_names(before)
    new = (unbound_after or frozenset()) - (unbound_before or frozenset())
    tree = tree_of(after)
    if not new or tree is None:
        return ()
    bases = {
        node.value.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    modules = {name for name in new & bases if name in sys.stdlib_module_names}
    # `datetime` is a module and a class; the table above decides for the class.
    modules -= _MODULE_OF.keys()
    sources = {name: _MODULE_OF[name] for name in new if name in _MODULE_OF}
    lines = [f"import {name}" for name in modules]
    lines += [f"from {module} import {name}" for name, module in sources.items()]
    return tuple(sorted(lines))
