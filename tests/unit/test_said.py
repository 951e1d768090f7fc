"""What an event says is read by its type, by everybody alike."""

import pytest
from pydantic import ValidationError

from shared.events.change import Change
from shared.events.cloudevent import DELIVERY, OBSERVED, TICK, CloudEvent, type_of_change, type_of_verdict
from shared.events.delivery import DeliveryReport
from shared.events.episode import Episode
from shared.events.model import Classified
from shared.events.said import model_of, said_by
from shared.events.vocabulary import CATEGORIES
from tests.support.changes import completed
from tests.support.records import classified, classified_event
from tests.support.rigs.place import event_of
from tests.support.tickets import episode


def test_each_type_has_its_model() -> None:
    assert {model_of(type_of_verdict(category)) for category in CATEGORIES} == {Classified}
    assert model_of("dev.tidings.problem.reopened.v1") is Episode
    assert model_of(type_of_change("failed")) is Change
    assert model_of(DELIVERY) is DeliveryReport
    for other in (OBSERVED, TICK, "dev.knative.apiserver.resource.add", ""):
        assert model_of(other) is None


def test_another_version_has_no_model_here() -> None:
    for kind in ("infrastructure", "problem.opened", "change.started", "delivery"):
        assert model_of(f"dev.tidings.{kind}.v1") is not None
        assert model_of(f"dev.tidings.{kind}.v2") is None


def test_what_was_written_is_read() -> None:
    assert said_by(classified_event(classified())) == classified()
    assert said_by(event_of(episode())) == episode()
    assert said_by(event_of(completed())) == completed()


def test_what_is_not_wanted_is_not_even_looked_at() -> None:
    wrong = CloudEvent("1", "s", DELIVERY, data={"no": "report"})
    assert said_by(wrong, {Episode}) is None
    with pytest.raises(ValidationError):
        said_by(wrong)
