"""The tree is RFC 6962's: pymerkle, which others wrote, is asked beside it."""

import hashlib

import pymerkle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import Malformed
from chalicelib.signing import tree

MOST = 100
DATA = [b"leaf %d" % number for number in range(MOST)]
LEAVES = [tree.leaf_hash(each) for each in DATA]
NODE = tree.of(LEAVES)
ORACLE = pymerkle.InmemoryTree(algorithm="sha256")
ORACLE.append_entries(DATA)


def root(size):
    return tree.root(LEAVES[:size])


def sizes(least=1):
    return st.integers(least, MOST)


def test_a_tree_of_nothing_is_the_hash_of_nothing():
    assert tree.root([]) == hashlib.sha256(b"").digest() == tree.joined([])


def test_a_leaf_never_hashes_as_a_node():
    left, right = LEAVES[:2]
    assert tree.leaf_hash(left + right) != tree.node_hash(left, right) == root(2)


@pytest.mark.parametrize("size", range(1, MOST + 1))
def test_the_root_of_every_size_is_the_oracles_and_its_frontiers(size):
    assert root(size) == ORACLE.get_root(size)
    spans = tree.frontier(size)
    assert all(tree.is_complete(*span) for span in spans)
    assert tree.joined([NODE(*span) for span in spans]) == root(size)


@pytest.mark.parametrize("size", range(1, MOST + 1))
def test_every_path_is_the_oracles_and_leads_to_the_root(size):
    """Row 30."""
    for index in range(size):
        path = tree.inclusion(index, size, NODE)
        theirs = ORACLE.prove_inclusion(index + 1, size)
        assert path == theirs.path[1:]
        assert tree.climbed(LEAVES[index], index, size, path) == root(size)


@pytest.mark.parametrize("size", range(1, MOST + 1))
def test_every_consistency_path_holds_between_the_oracles_roots(size):
    for old in range(1, size + 1):
        path = tree.consistency(old, size, NODE)
        roots = ORACLE.get_root(old), ORACLE.get_root(size)
        assert tree.is_consistent(old, roots[0], size, roots[1], path)


def test_the_paths_of_the_rfcs_example():
    """RFC 6962 §2.1.3: seven leaves."""
    a, b, c, d, e, f, j = LEAVES[:7]
    (g, h), i = map(tree.node_hash, (a, c), (b, d)), tree.node_hash(e, f)
    k, l = tree.node_hash(g, h), tree.node_hash(i, j)  # noqa: E741
    assert tree.inclusion(0, 7, NODE) == [b, h, l]
    assert tree.inclusion(3, 7, NODE) == [c, g, l]
    assert tree.inclusion(4, 7, NODE) == [f, j, k]
    assert tree.inclusion(6, 7, NODE) == [i, k]
    assert tree.consistency(3, 7, NODE) == [c, d, g, l]
    assert tree.consistency(4, 7, NODE) == [l]
    assert tree.consistency(6, 7, NODE) == [i, j, k]


@given(sizes(2), st.data())
def test_a_forged_path_leads_elsewhere_or_is_refused(size, data):
    """Row 30: a bit of it flipped, a step left out or added, another leaf, another place."""
    index = data.draw(st.integers(0, size - 1))
    path = tree.inclusion(index, size, NODE)
    forged = forge(data, path)
    try:
        assert tree.climbed(LEAVES[index], index, size, forged) != root(size)
    except Malformed:
        assert len(forged) != len(path)
    other = data.draw(st.integers(0, size - 1).filter(lambda place: place != index))
    assert tree.climbed(LEAVES[other], index, size, path) != root(size)
    try:
        assert tree.climbed(LEAVES[index], other, size, path) != root(size)
    except Malformed:
        assert len(tree.inclusion(other, size, NODE)) != len(path)


@given(sizes(2), st.data())
def test_a_forged_consistency_path_shows_nothing(size, data):
    """Row 26."""
    old = data.draw(st.integers(1, size - 1))
    path = tree.consistency(old, size, NODE)
    forged = forge(data, path)
    assert not tree.is_consistent(old, root(old), size, root(size), forged)
    assert not tree.is_consistent(old, LEAVES[0][::-1], size, root(size), path)
    assert not tree.is_consistent(old, root(old), size, LEAVES[0][::-1], path)
    assert not tree.is_consistent(size, root(size), old, root(old), path)


def forge(data, path):
    if not path:
        return [LEAVES[0]]
    at = data.draw(st.integers(0, len(path) - 1))
    bit = data.draw(st.integers(0, 255))
    flipped = (int.from_bytes(path[at], "big") ^ 1 << bit).to_bytes(32, "big")
    changes = [[*path[:at], *path[at + 1 :]], [*path, LEAVES[0]], [LEAVES[0], *path]]
    changes.append([*path[:at], flipped, *path[at + 1 :]])
    return data.draw(st.sampled_from(changes))


@pytest.mark.parametrize("index", [-1, 5, 6])
def test_a_leaf_that_the_tree_does_not_have_is_refused(index):
    with pytest.raises(Malformed):
        tree.climbed(LEAVES[0], index, 5, [])


def test_a_tree_is_consistent_with_itself_and_with_nothing_alone():
    assert tree.is_consistent(7, root(7), 7, root(7), [])
    assert not tree.is_consistent(7, root(7), 7, root(8), [])
    assert not tree.is_consistent(7, root(7), 7, root(7), [root(7)])
    assert tree.is_consistent(0, tree.root([]), 7, root(7), [])
    assert not tree.is_consistent(0, root(1), 7, root(7), [])


@given(sizes(), st.data())
def test_any_hash_over_leaves_is_made_of_complete_ones(size, data):
    start = 0
    asked = []

    def complete(left, right):
        asked.append((left, right))
        return NODE(left, right)

    assert tree.over(start, size, complete) == root(size)
    assert all(tree.is_complete(*span) for span in asked)
    index = data.draw(st.integers(0, size - 1))
    path = tree.inclusion(index, size, lambda a, b: tree.over(a, b, complete))
    assert path == tree.inclusion(index, size, NODE)
