"""A shop's stock: what it is worth, and what has to be ordered."""

from dataclasses import dataclass


@dataclass
class Item:
    """Something on the shelf."""

    name: str
    supplier: str
    price: float
    quantity: int
    reorder_level: int = 5


def total_value(items: list[Item]) -> float:
    """Sum of price times quantity over all items."""
    return sum(item.price * item.quantity for item in items)


def needs_reorder(items: list[Item]) -> list[str]:
    """Names of the items whose quantity fell below their reorder level."""
    return [item.name for item in items if item.quantity < item.reorder_level]


def group_by_supplier(items: list[Item]) -> dict[str, list[Item]]:
    """Items of each supplier, in the order they came."""
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(item.supplier, []).append(item)
    return groups
