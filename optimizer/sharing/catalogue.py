"""The table of rules for readers: id, words for citizens, and the properties each keeps."""

from __future__ import annotations

from optimizer.sharing.rule import Property
from optimizer.sharing.rules import rules

_SHORT = {
    Property.MONOTONE: "monotone",
    Property.SYMMETRIC: "symmetric",
    Property.BOUNDED: "bounded",
    Property.CONSISTENT: "consistent",
    Property.SOUND_REQUESTS: "requests",
    Property.SOUND_NEEDS: "needs",
}


def table() -> str:
    """All rules in the order of composition, as a Markdown table that ends with a line break."""
    head = ["rule", "in plain words", *_SHORT.values(), "on networks"]
    rows = [head, ["---"] * len(head)]
    for name, kind in rules().items():
        kept = ["yes" if prop in kind.keeps else "no" for prop in _SHORT]
        rows.append([f"`{name}`", kind.words, *kept, "exact" if kind.exact_on_networks else "divide, then route"])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
