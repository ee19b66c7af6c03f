"""The Merkle tree of RFC 9162, section 2.1, unmodified: roots, inclusion proofs, consistency proofs.

Hashes are 32 bytes. A leaf is SHA-256(0x00 || data), a node SHA-256(0x01 ||
left || right); the tree over n leaves splits at the largest power of two below
n. Nothing here knows a database: whoever proves says how to get the hash of a
complete subtree (`Subtree`: level and index to hash; level 0 holds the leaves).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final

Subtree = Callable[[int, int], bytes]
"""Hash of the complete subtree of 2**level leaves whose first leaf is index * 2**level."""

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()


_sha256: Final = hashlib.sha256


def leaf(data: bytes) -> bytes:
    """The hash of one entry."""
    return hashlib.sha256(b"\x00" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash of two neighbouring subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The complete subtrees of a growing tree, largest first: all that is needed to append and to know the root."""

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        """Go on from a tree of `size` leaves with these peaks; raises ValueError where they do not fit the size."""
        if size < 0 or size.bit_count() != len(peaks):
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} peaks, not {len(peaks)}")
        self.size, self._peaks = size, list(peaks)

    @property
    def peaks(self) -> tuple[bytes, ...]:
        """The hashes of the complete subtrees, largest first."""
        return tuple(self._peaks)

    def append(self, leaf_hash: bytes) -> list[tuple[int, int, bytes]]:
        """Add one leaf; returns the inner subtrees that it completed, as (level, index, hash), lowest first."""
        completed = []
        level, index, current = 0, self.size, leaf_hash
        while index & 1:
            current = node(self._peaks.pop(), current)
            level, index = level + 1, index >> 1
            completed.append((level, index, current))
        self._peaks.append(current)
        self.size += 1
        return completed

    def extend(self, leaf_hashes: Sequence[bytes], *, from_level: int = 1) -> list[tuple[int, int, bytes]]:
        """Add leaves one after the other; returns the inner subtrees completed of `from_level` and larger, by level.

        The same tree as by `append`, hashed level by level, which takes half the time.
        """
        completed: list[tuple[int, int, bytes]] = []
        level, row, ends = 0, list(leaf_hashes), []
        while row:
            first = self.size >> level
            if first & 1:
                row.insert(0, self._peaks.pop())
            if level >= from_level:
                completed += [(level, first + place, hashed) for place, hashed in enumerate(row[first & 1 :])]
            if len(row) & 1:
                ends.append(row.pop())
            row = [_sha256(b"\x01" + left + right).digest() for left, right in zip(row[::2], row[1::2], strict=True)]
            level += 1
        self._peaks += reversed(ends)
        self.size += len(leaf_hashes)
        return completed

    def root(self) -> bytes:
        """The root of the tree so far."""
        if not self._peaks:
            return EMPTY_ROOT
        current = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            current = node(peak, current)
        return current


def root(leaves: Iterable[bytes]) -> bytes:
    """The root over these leaf hashes."""
    frontier = Frontier()
    for one in leaves:
        frontier.append(one)
    return frontier.root()


def inclusion_proof(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """The audit path of leaf `index` in the tree of `size` leaves (RFC 9162, 2.1.3.1), nearest first."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    return _path(index, 0, size, subtree)


def consistency_proof(old: int, size: int, subtree: Subtree) -> list[bytes]:
    """That the tree of `old` leaves is the beginning of the one of `size` leaves (RFC 9162, 2.1.4.1)."""
    if not 0 < old <= size:
        raise ValueError(f"no proof leads from {old} to {size} leaves")
    return [] if old == size else _subproof(old, 0, size, subtree, whole=True)


def verify_inclusion(leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root_hash: bytes) -> bool:
    """Whether the proof shows the leaf at `index` under this root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    ends = _climb(index, size - 1, [leaf_hash, *proof])
    return ends is not None and ends[1] == root_hash


def verify_consistency(old: int, size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the proof shows the old tree to be the beginning of the new one (RFC 9162, 2.1.4.2)."""
    if not 0 < old <= size:
        return False
    if old == size:
        return not proof and old_root == new_root
    steps = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    shift = (old & -old).bit_length() - 1  # the complete subtree at the old tree's end is a node of both trees
    if not steps:
        return False
    ends = _climb((old - 1) >> shift, (size - 1) >> shift, steps)
    return ends == (old_root, new_root)


def _climb(place: int, last: int, steps: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """From the node `steps[0]` at `place` of a row that ends at `last`: the root of it and all left of it, and of all.

    None where the number of steps does not fit.
    """
    before = after = steps[0]
    for step in steps[1:]:
        if last == 0:
            return None
        if place & 1 or place == last:
            before, after = node(step, before), node(step, after)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            after = node(after, step)
        place, last = place >> 1, last >> 1
    return (before, after) if last == 0 else None


def _split(size: int) -> int:
    """The largest power of two below `size` (at least 2)."""
    return 1 << (size - 1).bit_length() - 1


def _range_root(start: int, size: int, subtree: Subtree) -> bytes:
    """The root over `size` leaves from `start`; a complete, aligned range is asked for as one subtree."""
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return subtree(level, start >> level)
    half = _split(size)
    return node(_range_root(start, half, subtree), _range_root(start + half, size - half, subtree))


def _path(index: int, start: int, size: int, subtree: Subtree) -> list[bytes]:
    if size == 1:
        return []
    half = _split(size)
    if index < half:
        return [*_path(index, start, half, subtree), _range_root(start + half, size - half, subtree)]
    return [*_path(index - half, start + half, size - half, subtree), _range_root(start, half, subtree)]


def _subproof(old: int, start: int, size: int, subtree: Subtree, *, whole: bool) -> list[bytes]:
    if old == size:
        return [] if whole else [_range_root(start, size, subtree)]
    half = _split(size)
    if old <= half:
        left = _subproof(old, start, half, subtree, whole=whole)
        return [*left, _range_root(start + half, size - half, subtree)]
    right = _subproof(old - half, start + half, size - half, subtree, whole=False)
    return [*right, _range_root(start, half, subtree)]
