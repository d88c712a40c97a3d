"""Who is late, who said STOP, and who comes again and again: what the photo desk makes of them."""

from __future__ import annotations

import pytest
from desk_moves import IMAGE, MEDIA, PII, WAIT_S, Told

from chalicelib.decisions.desk import FETCH, MESSAGE, OFFER, TOLD_MS, Offer, decide, unless_doubted
from chalicelib.decisions.desk.doubts import MOST_LEFT
from chalicelib.errors import NoAssignment
from chalicelib.events import desk

ADA = "ada"


class Story(Told):
    """What happens to Ada, and to the product that she is asked for."""

    def come(self, who: str = ADA) -> str:
        """They register for three pictures."""
        came = desk.PhotographerRegistered(
            pii=PII, phone_key=who[0] * 43, assignments=3, stay_s=7200
        )
        return self.say(came, who)[1]

    def stop(self) -> None:
        assert self.say(desk.PhotographerLeft(photographer=ADA), ADA)[1] == "counted"

    def ask(self) -> None:
        """The offer that is owed is made."""
        (todo,) = self.desk.owed(OFFER)
        fact = decide(self.desk, Offer(todo=todo, now=self.clock, wait_s=WAIT_S), "system")
        assert self.say(fact)[1] == "counted"

    def send(self, media: str = MEDIA) -> str:
        return self.say(desk.PictureReceived(media=media), ADA)[1]

    def looked_at(self, *, fits: bool) -> None:
        """The picture that was sent comes to this."""
        (todo,) = self.desk.owed(FETCH)
        passed, refused = desk.PicturePassedOn, desk.PictureRefused
        said = passed(todo=todo, image=IMAGE) if fits else refused(todo=todo, fault="no-picture")
        assert self.say(said)[1] == "counted"

    def told_all(self) -> list[str]:
        """What messages are about that are owed now; then they are sent."""
        found = {name: self.desk.todos[name].about for name in self.desk.owed(MESSAGE)}
        for name in found:
            self.say(desk.Notified(todo=name, told=True))
        return list(found.values())

    @property
    def ada(self):
        return self.desk.photographers[ADA]


@pytest.fixture
def story():
    """Ada is asked for a picture of p1, and knows it."""
    made = Story()
    made.say(desk.ProductWaiting(product="p1"))
    made.come()
    made.ask()
    assert made.told_all() == ["registered", "assigned"]
    return made


class TestLate:
    def test_a_picture_counts_to_the_very_end_of_its_time(self, story):
        story.clock = story.ada.assignment.until
        assert story.send() == "counted"

    def test_after_that_it_is_late_though_nobody_said_yet_that_the_time_is_out(self, story):
        before, story.clock = story.desk, story.ada.assignment.until + 1
        assert story.send() == "late"
        assert story.desk == before

    def test_what_came_in_time_is_taken_however_long_the_looking_takes(self, story):
        story.send()
        (timer,) = story.desk.owed("time-out")
        story.clock += 3_600_000
        story.say(desk.AssignmentExpired(todo=timer))
        story.looked_at(fits=True)
        assert (story.ada.completed, story.told_all()) == (1, ["thanks"])

    def test_whoever_has_a_clock_at_the_door_is_refused_with_that_reason(self, story):
        said, until = desk.PictureReceived(media=MEDIA), story.ada.assignment.until
        assert unless_doubted(story.desk, said, ADA, until) == said
        with pytest.raises(NoAssignment, match="your time for this picture is over"):
            unless_doubted(story.desk, said, ADA, until + 1)


class TestStopped:
    def test_what_another_pictured_meanwhile_gives_nothing_back_and_is_not_told(self, story):
        story.send()
        story.stop()
        story.say(desk.ProductPictured(product="p1", photographer="bob"))
        assert (story.ada.left, story.ada.assignment) == (0, None)
        assert story.told_all() == []

    def test_who_did_not_leave_is_given_it_back_and_told(self, story):
        story.send()
        story.say(desk.ProductPictured(product="p1", photographer="bob"))
        assert (story.ada.left, story.told_all()) == (3, ["withdrawn"])

    def test_a_picture_that_is_none_lets_the_product_go_to_somebody_else(self, story):
        story.send()
        story.stop()
        story.looked_at(fits=False)
        assert (list(story.desk.waiting), story.ada.assignment) == (["p1"], None)
        assert story.told_all() == []
        story.come("bob")
        story.ask()
        assert story.desk.holder("p1") == "bob"

    def test_a_picture_that_is_one_is_taken_and_nothing_is_said(self, story):
        story.send()
        story.stop()
        story.looked_at(fits=True)
        assert (story.ada.completed, story.told_all()) == (1, [])

    def test_what_was_still_to_be_said_is_not_said(self, story):
        story.send()
        story.looked_at(fits=False)
        assert story.desk.owed(MESSAGE)
        story.stop()
        assert not story.desk.owed(MESSAGE)

    def test_the_last_of_what_they_may_be_asked_is_no_stop(self, story):
        for name in ("p2", "p3"):
            story.send()
            story.looked_at(fits=True)
            story.say(desk.ProductWaiting(product=name))
            story.ask()
        story.told_all()
        story.send()
        story.looked_at(fits=False)
        assert (story.ada.left, story.ada.assignment.product) == (0, "p3")
        assert story.told_all() == ["refused"]

    def test_who_comes_again_is_asked_and_told_again(self, story):
        story.stop()
        story.come()
        assert story.ada.left == 3
        story.ask()
        assert story.told_all() == ["assigned"]


class TestAgainAndAgain:
    def test_who_comes_again_within_ten_minutes_is_not_told_that_again(self, story):
        came, begun = 0, story.clock
        while story.clock < begun + TOLD_MS - 1000:
            story.clock += 1000
            came += story.come() == "counted"
            story.stop()
            assert "registered" not in story.told_all()
        assert came

    def test_after_ten_minutes_they_are(self, story):
        story.clock += TOLD_MS
        story.come()
        assert "registered" in story.told_all()

    def test_who_leaves_between_is_given_no_more_than_who_stays(self):
        staying, leaving = Story(), Story()
        for _ in range(MOST_LEFT // 3):
            assert (staying.come(), leaving.come()) == ("counted", "counted")
            leaving.stop()
        assert (staying.come(), leaving.come()) == ("enough", "enough")

    def test_who_leaves_what_they_were_asked_for_was_given_that_too(self, story):
        for _ in range(MOST_LEFT // 3 - 1):
            story.stop()
            assert story.come() == "counted"
            story.ask()
        story.stop()
        assert story.come() == "enough"

    def test_when_their_time_is_over_they_begin_anew(self):
        story = Story()
        while story.come() == "counted":
            story.stop()
        story.clock = story.ada.until + 1
        assert story.come() == "counted"
        assert story.ada.returned == 0
