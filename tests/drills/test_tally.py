"""What a crowd counts by itself: the credit rule, and every kind of difference."""

from drills.client import Answer
from drills.crowd import tally
from drills.crowd.play import Known
from drills.crowd.script import Move, Person, Script

MIA, MAX, PIA, PIT = (Person(name, "any") for name in ("Mia", "Max", "Pia", "Pit"))
CLEO = Person("Cleo", "customer")
KNOWN = {who: Known({}, who.name.lower()) for who in (MIA, MAX, PIA, PIT, CLEO)}


def moves(*said):
    return [Move(n, kind, who, "p", f"k{n}") for n, (kind, who) in enumerate(said)]


def counted(*said):
    return dict(tally.counted(moves(*said), KNOWN))


def test_a_sale_is_its_merchants_and_its_photographers():
    assert counted(("list", MIA), ("photograph", PIA), ("buy", CLEO), ("buy", CLEO)) == {
        ("creator", "mia"): 2,
        ("photographer", "pia"): 2,
    }


def test_a_photographer_earns_from_the_photograph_on():
    assert counted(("list", MIA), ("buy", CLEO), ("photograph", PIA), ("buy", CLEO)) == {
        ("creator", "mia"): 2,
        ("photographer", "pia"): 1,
    }


def test_the_latest_photographer_earns():
    said = ("list", MIA), ("photograph", PIA), ("photograph", PIT), ("buy", CLEO)
    assert counted(*said)["photographer", "pit"] == 1
    assert ("photographer", "pia") not in counted(*said)


def test_the_first_who_lists_a_product_keeps_it():
    assert counted(("list", MIA), ("list", MAX), ("buy", CLEO)) == {("creator", "mia"): 1}


def test_a_product_that_was_bought_before_it_was_listed_is_nobodys_for_good():
    said = ("photograph", PIA), ("buy", CLEO), ("list", MIA), ("photograph", PIT), ("buy", CLEO)
    assert counted(*said) == {}


def test_views_and_updates_earn_nothing():
    assert counted(("list", MIA), ("view", CLEO), ("update", MIA)) == {}


def answer(sequence, status=202):
    return Answer(status, {}, {"position": f"s/shardId-000000000000:{sequence}"}, 0.01)


def told(made, answers, scores):
    script = Script("tag", (MIA, PIA), tuple(made))
    return tally.differences(script, dict(zip(made, answers, strict=True)), KNOWN, scores)


def test_nothing_is_told_where_the_shop_agrees():
    made = moves(("list", MIA), ("buy", CLEO))
    assert told(made, [answer(1), answer(2)], {("creator", "mia"): 1}) == []


def test_a_sale_too_few_and_one_too_many_are_told_by_name():
    made = moves(("list", MIA), ("buy", CLEO))
    assert told(made, [answer(1), answer(2)], {}) == ["creator Mia: counted 1, the shop says 0"]
    scores = {("creator", "mia"): 1, ("photographer", "pia"): 4}
    assert told(made, [answer(1), answer(2)], scores) == [
        "photographer Pia: counted 0, the shop says 4"
    ]


def test_a_refused_move_is_told_and_not_counted():
    made = moves(("list", MIA), ("buy", CLEO))
    (line,) = told(made, [answer(1), answer(2, status=409)], {})
    assert line.startswith("move 1 (buy p) was answered 409")


def test_a_move_that_lies_before_an_earlier_one_on_its_product_is_told():
    made = moves(("list", MIA), ("view", CLEO))
    assert told(made, [answer(2), answer(1)], {}) == ["move 1 on p lies before an earlier one"]
