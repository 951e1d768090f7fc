"""The entropy option: long words that look random are masked, names and ordinary sentences stay."""

import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.classifier.handler import ClassifierSettings
from shared.events.model import Observation
from shared.events.redaction import MASK
from shared.events.redaction_entropy import MIN_LENGTH, without_random
from shared.settings.environment import SettingsError, read
from tests.support.records import classified

RANDOM = "x9KqT4vLmZ7pRw2YbN8cHs5J"
BITS = 4.0


def seen(**changes: Any) -> Observation:
    return without_random(classified(original={}).observation.model_copy(update=changes), BITS)


def test_f42_high_entropy_words_are_masked_wherever_they_stand() -> None:
    """F42: ConfigMap with password-looking keys, env vars with tokens in Pod spec, URL userinfo in message.

    masked by default list + entropy option.
    """
    found = seen(
        message=f"connect with {RANDOM}, then stop",
        labels={"a": RANDOM},
        annotations={"b": f"x {RANDOM}"},
        original={"spec": {"list": [{"c": RANDOM}, 5, None], RANDOM: "a key stays"}},
        host=RANDOM,
    )
    assert found.message == f"connect with {MASK}, then stop"
    assert (found.labels, found.annotations, found.host) == ({"a": MASK}, {"b": f"x {MASK}"}, MASK)
    assert found.original == {"spec": {"list": [{"c": MASK}, 5, None], RANDOM: "a key stays"}}
    assert found.masked == dict.fromkeys(
        ("message", "host", "labels.a", "annotations.b", "original.spec.list.0.c"), "entropy"
    )


@pytest.mark.parametrize(
    "text",
    [
        "Back-off restarting container web in pod web-6c9f7d8b5-x2x4z_shop(1f0e8a52-70b5-4a0b-9d3e-0a1b2c3d4e5f)",
        "pulled image registry.example/app@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "FailedCreatePodSandBox FailedPostStartHook1 TerminationGracefulTerminationFinished",
        "/var/lib/kubelet/pods/1f0e8a52-70b5-4a0b-9d3e-0a1b2c3d4e5f/volumes/kubernetes.io~projected",
        RANDOM[: MIN_LENGTH - 1],
        "",
    ],
)
def test_what_people_need_to_read_stays(text: str) -> None:
    one = classified(message=text, original={"text": [text]}).observation
    assert without_random(one, BITS) is one


@settings(deadline=None)
@given(st.text(string.ascii_letters + string.digits + " =/+-_.:", max_size=200), st.floats(0.1, 8))
def test_f42_what_is_left_holds_no_word_that_would_be_masked(text: str, bits: float) -> None:
    """F42: ConfigMap with password-looking keys, env vars with tokens in Pod spec, URL userinfo in message.

    masked by default list + entropy option.
    """
    once = without_random(classified(message=text).observation, bits)
    assert without_random(once, bits) == once


def test_f42_the_option_is_off_by_default_and_refuses_what_is_no_entropy() -> None:
    """F42: ConfigMap with password-looking keys, env vars with tokens in Pod spec, URL userinfo in message.

    masked by default list + entropy option.
    """
    assert read(ClassifierSettings, {}).mask_entropy == 0
    assert read(ClassifierSettings, {"MASK_ENTROPY": "4.2"}).mask_entropy == 4.2
    for wrong in ("yes", "-1", "9"):
        with pytest.raises(SettingsError, match="MASK_ENTROPY"):
            read(ClassifierSettings, {"MASK_ENTROPY": wrong})
