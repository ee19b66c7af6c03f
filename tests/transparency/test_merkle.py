"""The tree agrees with the recursion of RFC 9162 written down naively, and its proofs convince of nothing else."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stockpile import merkle

SIZES = [*range(1, 35), 63, 64, 65, 127, 128, 129, 1000]
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def naive(leaves: list[bytes]) -> bytes:
    """MTH of RFC 9162, section 2.1.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + naive(leaves[:k]) + naive(leaves[k:])).digest()


def leaves_of(count: int) -> list[bytes]:
    return [merkle.leaf(str(n).encode()) for n in range(count)]


def subtree_of(leaves: list[bytes]) -> merkle.Subtree:
    return lambda level, index: naive(leaves[index << level : (index + 1) << level])


def test_the_published_roots_of_certificate_transparency_come_out() -> None:
    # The test vectors of the certificate-transparency project: these eight inputs and their roots are public facts.
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    leaves = [merkle.leaf(bytes.fromhex(one)) for one in inputs]
    assert merkle.root([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert merkle.root(leaves[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert merkle.root(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


@pytest.mark.parametrize("size", SIZES)
def test_the_growing_tree_has_the_root_of_the_naive_recursion(size: int) -> None:
    assert merkle.root(leaves_of(size)) == naive(leaves_of(size))


@pytest.mark.parametrize("size", SIZES[:36])
def test_every_leaf_is_proven_and_no_other_leaf_is(size: int) -> None:
    leaves = leaves_of(size)
    root = naive(leaves)
    for index in range(size):
        proof = merkle.inclusion_proof(index, size, subtree_of(leaves))
        assert merkle.verify_inclusion(leaves[index], index, size, proof, root)
        assert not merkle.verify_inclusion(merkle.leaf(b"forged"), index, size, proof, root)
        for other in {0, size // 2, size - 1, size} - {index}:
            assert not merkle.verify_inclusion(leaves[index], other, size, proof, root)


@pytest.mark.parametrize("size", SIZES[:36])
def test_every_earlier_head_is_proven_to_be_the_beginning_and_a_rewritten_one_is_not(size: int) -> None:
    leaves = leaves_of(size)
    for old in range(1, size + 1):
        proof = merkle.consistency_proof(old, size, subtree_of(leaves))
        assert merkle.verify_consistency(old, size, naive(leaves[:old]), naive(leaves), proof)
        rewritten = [merkle.leaf(b"rewritten"), *leaves[1:old]]
        assert not merkle.verify_consistency(old, size, naive(rewritten), naive(leaves), proof)


@PATIENT
@given(size=st.integers(2, 80), data=st.data())
def test_a_proof_with_a_step_changed_dropped_or_added_convinces_nobody(size: int, data: st.DataObject) -> None:
    leaves = leaves_of(size)
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(index, size, subtree_of(leaves))
    where = data.draw(st.integers(0, len(proof) - 1))
    changed = [*proof[:where], merkle.leaf(b"x"), *proof[where + 1 :]]
    dropped = [*proof[:where], *proof[where + 1 :]]
    added = [*proof[:where], merkle.leaf(b"x"), *proof[where:]]
    for forged in (changed, dropped, added):
        assert not merkle.verify_inclusion(leaves[index], index, size, forged, naive(leaves))


@PATIENT
@given(old=st.integers(0, 200), more=st.integers(0, 100))
def test_a_tree_taken_up_again_grows_as_if_it_had_never_stopped(old: int, more: int) -> None:
    whole, leaves = merkle.Frontier(), leaves_of(old + more)
    for one in leaves[:old]:
        whole.append(one)
    again = merkle.Frontier(whole.size, whole.peaks)
    one_by_one = [node for one in leaves[old:] for node in whole.append(one)]
    assert again.extend(leaves[old:]) == sorted(one_by_one)
    assert (again.size, again.peaks, again.root()) == (whole.size, whole.peaks, naive(leaves))


def test_peaks_that_do_not_fit_the_size_are_refused() -> None:
    with pytest.raises(ValueError, match="a tree of 3 leaves has 2 peaks, not 1"):
        merkle.Frontier(3, [merkle.leaf(b"")])
