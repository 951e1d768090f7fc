"""A problem's key does not depend on what is masked: key(x) = key(redact(x)), over all packs and all dialects."""

from functools import cache
from itertools import product
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from shared.events.cloudevent import OBSERVED, CloudEvent
from shared.events.identity import fingerprint
from shared.events.model import Observation, observed_data
from shared.events.problem import Problem
from shared.events.redaction import redact
from shared.rules.classify import classify
from shared.rules.packtests import read_cases
from shared.rules.ruleset import RuleSet
from shared.rules.shipped import SHIPPED, load_shipped
from shared.sources.registry import decode
from tests.fuzz.corpus import seeds
from tests.fuzz.targets import TARGETS
from tests.support.examples import examples
from tests.support.sentinel import PLANTED, SENTINEL, TEXT, told
from tests.support.specimens import CLUSTER, RECEIVED, Specimen, changed, decoded, observations, places, specimens

SECRETS = (
    *("", TEXT, f" --token {SENTINEL}", f" Authorization: Bearer {SENTINEL}", f" api-key: 1{SENTINEL}"),
    f' "secret": "{SENTINEL}"',
)
AROUND = tuple(product(SECRETS, SECRETS))


@cache
def ruleset() -> RuleSet:
    return load_shipped()


@cache
def all_observations() -> list[Observation]:
    problems: list[Problem] = []
    of_packs = [case.observation for case in read_cases([SHIPPED], problems)]
    assert problems == []
    # A pack's test may have words that are masked, as `Basic Interactive`: no classifier sees them.
    return [*map(redacted, of_packs), *(seen for specimen in specimens() for seen in observations(specimen.payload))]


def redacted(seen: Observation) -> Observation:
    """Return an observation as the classifier has it from whoever sends it."""
    sent = CloudEvent("1", "test", OBSERVED, data=orjson.loads(orjson.dumps(observed_data(seen))))
    found = decode(sent, cluster=CLUSTER, now=RECEIVED)
    assert isinstance(found, list), found
    return found[0]


# Each example is two thousand observations: every one of them, and every pair of secrets around dozens of them.
@settings(max_examples=examples(1), deadline=None, phases=[Phase.generate])
@given(st.randoms(use_true_random=True))
def test_the_key_of_an_observation_is_that_of_the_same_one_redacted(chance: Random) -> None:
    """All that the packs are tested with and all specimens, with secrets in every place that may have some."""
    first = chance.randrange(len(AROUND))
    for number, plain in enumerate(all_observations(), first):
        before, behind = AROUND[number % len(AROUND)]
        message = f"{before} {plain.message}{behind}" if before else plain.message + behind
        secrets = {"password": SENTINEL, "note": TEXT}
        seen = plain.model_copy(
            update={
                "message": message,
                "fingerprint": fingerprint(message),
                "labels": plain.labels | secrets,
                "annotations": plain.annotations | secrets,
                "original": plain.original | PLANTED,
            }
        )
        clean = redacted(seen)
        assert SENTINEL.encode() not in told(clean)
        verdict = classify(clean, ruleset())
        assert verdict.problem_key == classify(seen, ruleset()).problem_key, (verdict.rule, message)
        assert SENTINEL not in repr(verdict)
        assert redacted(clean) == clean


@pytest.mark.parametrize("specimen", specimens(), ids=lambda item: f"{item.dialect}-{item.file}")
def test_the_key_of_a_payload_is_that_of_the_same_one_redacted(specimen: Specimen) -> None:
    """But for what is keyed by all its labels, having no id: before they are masked, so that no new mask changes it."""
    for place, value in places(specimen.payload):
        if isinstance(value, dict) and (specimen.file, place[-1:]) != ("without-fingerprint", ("labels",)):
            payload = changed(specimen.payload, place, {**value, **PLANTED})
            assert keys(payload) == keys(redact(payload)[0]), place


def keys(payload: Any) -> list[str]:
    found = decoded(payload)
    return [classify(seen, ruleset()).problem_key for seen in found] if isinstance(found, list) else []


def test_a_name_that_looks_like_a_secret_is_the_same_name_by_whatever_way_it_comes() -> None:
    about = {"kind": "ClusterRole", "name": "system:my-token:abc123456789"}
    payload = {"kind": "Event", "involvedObject": about, "reason": "Failed", "type": "Warning", "message": TEXT}
    (seen,) = observations(payload)
    again = redacted(seen)
    assert again == seen
    assert again.object.name == about["name"]
    assert keys(payload) == [classify(again, ruleset()).problem_key] != [""]


@pytest.mark.parametrize("target", TARGETS)
def test_what_the_fuzzer_begins_with_breaks_nothing(target: str) -> None:
    for seed in seeds(target):
        TARGETS[target](seed)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(list(TARGETS)), st.binary(max_size=200), st.data())
def test_bytes_and_changed_seeds_break_nothing(target: str, garbage: bytes, data: st.DataObject) -> None:
    seed = data.draw(st.sampled_from(list(seeds(target))))
    at = data.draw(st.integers(0, len(seed)))
    TARGETS[target](garbage)
    TARGETS[target](seed[:at] + garbage[:20] + seed[at:])
