"""An issuer's keys: asked for once however many wait, bounded whatever is asked, kept while the issuer is away."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from shared.runtime.auth.asked import UNAVAILABLE, Denied
from shared.runtime.auth.discovery import public_keys
from shared.runtime.auth.keys import Key, Keys, KeySet
from tests.support.senders import EC, RSA, jwk

ONE, TWO = Key("one", "RS", "public"), Key("two", "ES256", "public")


class Answers:
    """What the issuer answers, one after the other, the last for ever; counts how often it was asked."""

    def __init__(self, *answers: KeySet | None) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def fetch(self) -> KeySet | None:
        self.asked += 1
        await asyncio.sleep(0.01)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


class Time:
    """A clock that one sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def play(answers: Answers, script: Callable[[Keys, Time], Awaitable[None]]) -> None:
    async def run() -> None:
        clock = Time()
        await script(Keys(answers.fetch, clock), clock)

    asyncio.run(run())


def test_many_who_wait_ask_once() -> None:
    answers = Answers(KeySet("i", (ONE,)))

    async def script(keys: Keys, _clock: Time) -> None:
        found = await asyncio.gather(*(keys.find("one", "RS") for _ in range(500)))
        assert all(one == (KeySet("i", (ONE,)), (ONE,)) for one in found)

    play(answers, script)
    assert answers.asked == 1


def test_made_up_key_ids_ask_once_in_ten_seconds_and_never_block_a_known_one() -> None:
    answers = Answers(KeySet("i", (ONE,)))

    async def script(keys: Keys, clock: Time) -> None:
        assert await keys.find("zero", "RS") == Denied("key")
        for number in range(1000):
            assert await keys.find(f"made-up-{number}", "RS") == UNAVAILABLE
        assert answers.asked == 1
        assert not isinstance(await keys.find("one", "RS"), Denied)
        clock.now += 10
        assert await keys.find("made-up", "RS") == Denied("key"), "asked again, and it is none"

    play(answers, script)
    assert answers.asked == 2


def test_a_new_key_is_found_as_soon_as_a_token_names_it() -> None:
    async def script(keys: Keys, clock: Time) -> None:
        assert not isinstance(await keys.find("one", "RS"), Denied)
        clock.now += 11
        assert not isinstance(await keys.find("two", "ES256"), Denied)

    play(Answers(KeySet("i", (ONE,)), KeySet("i", (ONE, TWO))), script)


def test_a_key_that_is_withdrawn_counts_no_more_after_five_minutes() -> None:
    async def script(keys: Keys, clock: Time) -> None:
        await keys.find("one", "RS")
        clock.now += 301
        assert not isinstance(await keys.find("one", "RS"), Denied), "nobody waits for the new ones"
        await asyncio.sleep(0.05)
        assert isinstance(await keys.find("one", "RS"), Denied)

    play(Answers(KeySet("i", (ONE,)), KeySet("i", (TWO,))), script)


def test_keys_are_used_for_a_day_while_their_issuer_is_away() -> None:
    async def script(keys: Keys, clock: Time) -> None:
        await keys.find("one", "RS")
        for hours, known in ((1, True), (23, True), (25, False)):
            clock.now = 1000.0 + hours * 3600
            assert (await keys.find("one", "RS") != UNAVAILABLE) is known
            await asyncio.sleep(0.02)

    play(Answers(KeySet("i", (ONE,)), None), script)


def test_an_issuer_that_does_not_answer_is_no_senders_fault() -> None:
    answers = Answers(None, KeySet("i", (ONE,)))

    async def script(keys: Keys, clock: Time) -> None:
        found = await asyncio.gather(*(keys.find("one", "RS") for _ in range(20)))
        assert set(found) == {UNAVAILABLE}
        assert await keys.find("one", "RS") == UNAVAILABLE
        assert answers.asked == 1
        clock.now += 10
        assert not isinstance(await keys.find("one", "RS"), Denied)

    play(answers, script)


def test_who_gives_up_waiting_takes_the_question_from_nobody_else() -> None:
    answers = Answers(KeySet("i", (ONE,)))

    async def script(keys: Keys, _clock: Time) -> None:
        waiting = [asyncio.create_task(keys.find("one", "RS")) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(found[0], asyncio.CancelledError)
        assert not isinstance(found[1], Denied | BaseException)

    play(answers, script)
    assert answers.asked == 1


def test_a_token_without_a_key_id_may_be_of_any_key_of_its_family() -> None:
    assert KeySet("i", (ONE, TWO)).of(None, "ES256") == (TWO,)
    assert KeySet("i", (ONE, TWO)).of("one", "ES256") == ()


GOOD_RSA, GOOD_EC = jwk(RSA, "one", "RS256"), jwk(EC, "two", "ES256")


def test_the_keys_of_a_set_are_read_with_their_families() -> None:
    found = public_keys({"keys": [GOOD_RSA, GOOD_EC, {**GOOD_RSA, "kid": "three", "alg": "RS512"}]})
    assert [(key.id, key.family) for key in found] == [("one", "RS"), ("two", "ES256"), ("three", "RS")]


@pytest.mark.parametrize(
    "entry",
    [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "one", "alg": "HS256"},
        {**GOOD_RSA, "use": "enc"},
        {**GOOD_RSA, "alg": "HS256"},
        {**GOOD_RSA, "alg": "PS256"},
        {**GOOD_RSA, "d": "AQAB"},
        {**GOOD_RSA, "n": "!"},
        {**GOOD_RSA, "n": None},
        {**GOOD_EC, "crv": "secp256k1"},
        {**GOOD_EC, "crv": "P-384"},
        {**GOOD_EC, "x": GOOD_EC["y"]},
        {"kty": "EC"},
        {"kty": ["RSA"]},
        {**GOOD_RSA, "alg": 7},
        "RSA",
        None,
    ],
)
def test_what_is_no_public_key_that_may_sign_is_left_out(entry: Any) -> None:
    assert [key.id for key in public_keys({"keys": [entry, GOOD_EC]})] == ["two"]


@pytest.mark.parametrize("document", [{}, {"keys": None}, {"keys": {}}, {"keys": "RSA"}])
def test_a_document_without_keys_has_none(document: dict[str, Any]) -> None:
    assert public_keys(document) == ()


def test_of_too_many_keys_the_first_count() -> None:
    assert len(public_keys({"keys": [GOOD_EC] * 1000})) == 64
