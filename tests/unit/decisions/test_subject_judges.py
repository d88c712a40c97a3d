"""Whether an event counts: once for each id, in the version it expects; what is remembered."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from judging import CLOCK, Judge, event, hashed

from chalicelib.decisions import DECIDERS
from chalicelib.decisions.subject import ENTRY, KEYED_MS, MEMORY_MS, MOST, recall
from chalicelib.store import Row
from chalicelib.subjects import subject_of, subject_row

S = 1000
FRESH_MS = 75 * S  # two copies of one event are never further apart: signing refuses the later one
steps = st.lists(
    st.tuples(
        st.integers(0, 4),  # id
        st.integers(0, 1),  # content
        st.sampled_from([0, 1, 400, 5 * S, 44 * S, 74 * S, 76 * S, 91 * S, 20 * 3600 * S]),
        st.sampled_from([None, None, None, "a", "b"]),  # command
    ),
    max_size=25,
)


def told(steps_):
    clock = CLOCK
    for number, what, gap, command in steps_:
        clock += gap
        keyed = None if command is None else hashed(command)
        move = ("viewed", "purchased")[what]
        yield event(move, clock, id=f"e{number}", commandhash=keyed)


@given(st.integers(0, FRESH_MS), st.lists(st.integers(0, FRESH_MS), max_size=20))
def test_an_event_that_comes_again_within_its_freshness_is_ignored_as_a_repeat(late, between):
    judge = Judge()
    assert judge(event("viewed")) == "counted"
    for number, at in enumerate(sorted(at for at in between if at <= late)):
        judge(event("viewed", CLOCK + at, id=f"other{number}"))
    assert judge(event("viewed", CLOCK + late)) == "repeat"


@given(st.integers(0, FRESH_MS))
def test_a_repeat_is_one_whatever_its_time_says(late):
    judge = Judge()
    judge(event("viewed"))
    assert judge(event("viewed", CLOCK + late, time="2026-11-18T11:07:00.000Z")) == "repeat"


@given(st.integers(0, FRESH_MS))
def test_the_same_id_with_other_content_is_equivocation_from_then_on(late):
    judge = Judge()
    judge(event("viewed"))
    assert judge(event("purchased", CLOCK + late)) == "equivocation"
    assert judge(event("viewed", CLOCK + late)) == "equivocation"


def test_content_is_the_type_and_the_data():
    judge = Judge()
    judge(event("created"))
    assert judge(event("updated", data=event("created").envelope.data)) == "equivocation"
    assert Judge()(event("created", actor="bob")) == "counted"


def test_identity_is_the_source_and_the_id():
    judge = Judge()
    assert judge(event("viewed")) == "counted"
    assert judge(event("viewed", source="urn:tillstream:partner")) == "counted"
    assert judge(event("viewed", source="urn:tillstream:partner")) == "repeat"


def test_an_ignored_event_is_remembered_so_it_does_not_count_when_it_comes_again():
    judge = Judge()
    assert judge(event("updated", id="u")) == "unknown-product"
    assert judge(event("created", id="c")) == "counted"
    assert judge(event("updated", id="u")) == "repeat"


def test_what_expected_another_version_is_remembered_too():
    judge = Judge()
    assert judge(event("created", id="a", expects=3)) == "expects"
    assert judge(event("created", id="a", expects=3)) == "repeat"


@given(st.integers(0, 5))
def test_an_event_counts_only_in_the_version_that_it_expects(expected):
    judge = Judge()
    for number in range(3):
        image = {"image": f"https://pictures.example/{number}.png"}
        judge(event("photographed", id=f"p{number}", data=image))
    verdict = judge(event("created", id="c", expects=expected))
    assert verdict == ("counted" if expected == 3 else "expects")


def test_the_version_is_the_number_of_events_that_changed_the_subject():
    judge = Judge()
    for number, move in enumerate(["created", "viewed", "photographed", "photographed", "viewed"]):
        judge(event(move, id=f"e{number}"))
    assert judge.subject.version == 2


@given(st.integers(1, 3 * MOST), st.integers(0, 400))
def test_the_memory_holds_at_most_256_events(events, gap):
    judge = Judge()
    for number in range(events):
        judge(event("viewed", CLOCK + number * gap, id=f"e{number}"))
    memory = judge.subject.memory
    assert len(memory) % ENTRY == 0
    assert len(memory) <= ENTRY * MOST
    seconds = [(CLOCK + number * gap) // S for number in range(events)]
    young = sum(seconds[-1] - second <= MEMORY_MS // S for second in seconds)
    assert len(memory) // ENTRY == min(young, MOST)


def test_the_256th_last_event_is_remembered_and_the_257th_is_not():
    judge = Judge()
    for number in range(MOST + 1):
        judge(event("viewed", id=f"e{number}"))
    assert judge(event("viewed", id="e1")) == "repeat"
    assert judge(event("viewed", id="e0")) == "counted"


@given(st.integers(MEMORY_MS + S, 10**9))
def test_what_is_older_than_90_s_is_forgotten(late):
    judge = Judge()
    judge(event("viewed"))
    judge(event("viewed", CLOCK + late, id="other"))
    assert len(judge.subject.memory) == ENTRY
    assert judge(event("viewed", CLOCK + late)) == "counted"


@given(st.integers(0, 40), st.integers(0, 65_536 * S))
def test_a_memory_older_than_its_clock_can_count_is_forgotten_whole(turns, beside):
    """The clock's two bytes come round every 18 hours; the row's own clock tells them apart."""
    judge = Judge()
    judge(event("viewed"))
    late = 65_536 * S * turns + beside
    assert bool(recall(judge.subject.memory, judge.subject.clock, CLOCK + late)) == (
        late <= MEMORY_MS and (CLOCK + late) // S - CLOCK // S <= MEMORY_MS // S
    )


def read_back(subject):
    """The subject as its row gives it to a process that never saw it."""
    put = subject_row(DECIDERS["product"], "product/1", subject)
    row = Row(put.key, json.loads(json.dumps(put.body)), put.blob)
    return subject_of(DECIDERS["product"], row)


@given(steps, st.data())
def test_a_judge_who_starts_cold_from_the_row_judges_as_one_who_never_stopped(steps_, data):
    warm, cold = Judge(), Judge()
    for one in told(steps_):
        assert cold(one) == warm(one)
        assert cold.subject == warm.subject
        if data.draw(st.booleans()):
            cold.subject = read_back(cold.subject)


@given(steps)
def test_what_does_not_count_changes_neither_state_nor_version(steps_):
    judge = Judge()
    for one in told(steps_):
        before = judge.subject
        if judge(one) != "counted":
            assert (judge.subject.state, judge.subject.version) == (before.state, before.version)
        assert judge.subject.clock == one.clock


@given(steps)
def test_of_one_key_one_event_counts_in_24_hours(steps_):
    judge, counted = Judge(), {}
    for one in told(steps_):
        if judge(one) == "counted" and one.envelope.commandhash is not None:
            last = counted.get(one.envelope.id)
            assert last is None or one.clock - last >= KEYED_MS
            counted[one.envelope.id] = one.clock


@given(st.integers(0, KEYED_MS - 1))
def test_a_command_that_comes_again_under_its_key_is_a_repeat_though_its_event_differs(late):
    """Prices and encryption may differ from try to try: the command is what is compared."""
    judge = Judge()
    one = hashed("buy one")
    assert judge(event("created", commandhash=one)) == "counted"
    other = event("created").envelope.data | {"name": "other"}
    assert judge(event("created", CLOCK + late, commandhash=one, data=other)) == "repeat"


@given(st.integers(0, KEYED_MS - 1))
def test_another_command_under_a_used_key_is_ignored_and_says_so(late):
    judge = Judge()
    judge(event("viewed", commandhash=hashed("one")))
    assert judge(event("viewed", CLOCK + late, commandhash=hashed("two"))) == "key-reused"


@given(st.integers(KEYED_MS, 10**9))
def test_after_24_hours_a_key_may_be_used_anew(late):
    judge = Judge()
    judge(event("viewed", commandhash=hashed("one")))
    assert judge(event("viewed", CLOCK + late, commandhash=hashed("two"))) == "counted"
    assert judge(event("viewed", CLOCK + late + 1, commandhash=hashed("one"))) == "key-reused"


@given(st.integers(0, FRESH_MS), st.booleans())
def test_an_id_said_once_with_a_key_and_once_without_is_equivocation(late, keyed_first):
    judge = Judge()
    with_key, without = {"commandhash": hashed("one")}, {}
    first, second = (with_key, without) if keyed_first else (without, with_key)
    assert judge(event("viewed", **first)) == "counted"
    assert judge(event("viewed", CLOCK + late, **second)) == "equivocation"
