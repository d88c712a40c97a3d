"""The script of a crowd: the same numbers give the same people, ids and moves, and a fair game."""

from collections import Counter

from drills.crowd import script

SMALL = {"merchants": 4, "photographers": 3, "customers": 9, "events": 2000, "seed": 7}


def test_the_same_seed_gives_the_same_script():
    assert script.write(**SMALL) == script.write(**SMALL)


def test_any_other_number_gives_a_crowd_that_shares_nobody_and_no_product_and_no_key():
    one = script.write(**SMALL)
    for name, number in SMALL.items():
        other = script.write(**(SMALL | {name: number + 1}))
        assert not {p.name for p in one.people} & {p.name for p in other.people}
        assert not {m.product for m in one.moves} & {m.product for m in other.moves}
        assert not {m.key for m in one.moves} & {m.key for m in other.moves}


def test_everybody_has_a_name_of_their_own_however_many_they_are():
    crowd = script.write(merchants=300, photographers=300, customers=300, events=1, seed=1)
    assert len({person.name for person in crowd.people}) == len(crowd.people) == 900


def test_there_are_exactly_as_many_moves_as_asked_for_each_with_a_key_of_its_own():
    moves = script.write(**SMALL).moves
    assert len(moves) == len({move.key for move in moves}) == SMALL["events"]


def test_a_product_is_listed_once_and_by_its_first_move_but_for_the_unseen():
    moves = script.write(**SMALL).moves
    first = {move.product: move.kind for move in reversed(moves)}
    assert max(Counter(m.product for m in moves if m.kind == "list").values()) == 1
    assert set(first.values()) == {"list", "buy"}
    assert Counter(first.values())["buy"] == 1  # one in twenty
    assert [m.kind for m in moves if not m.is_listed] == ["buy"]


def test_only_its_merchant_updates_a_product():
    moves = script.write(**SMALL).moves
    merchant = {move.product: move.person for move in moves if move.kind == "list"}
    assert all(m.person == merchant[m.product] for m in moves if m.kind == "update")


def test_few_products_sell_most():
    sold = Counter(m.product for m in script.write(**SMALL).moves if m.kind == "buy")
    best = [count for _, count in sold.most_common()]
    assert sum(best[:4]) > sum(best) / 2 > sum(best[-10:])
