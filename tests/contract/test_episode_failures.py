"""How every function that is told of episodes fails alike, whether its system has tickets or upserts by key."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.events.outcome import Done, Rejected, Retry
from shared.local.standins.faults import Rule
from shared.runtime.function import Result
from tests.support.rigs.place import Delivering, Tickets, Upserts, placed
from tests.support.rigs.registry import TICKETS, UPSERTS
from tests.support.servers import rotated
from tests.support.tickets import episode

RIGS: dict[str, Any] = {**TICKETS, **UPSERTS}


@pytest.fixture(params=sorted(RIGS))
def place(request: pytest.FixtureRequest) -> Iterator[Tickets | Upserts]:
    with placed(RIGS[request.param]) as one:
        yield one


def test_f17_a_redirect_is_not_followed_with_the_credentials(place: Tickets | Upserts) -> None:
    """F17: redirect 302 to other host: not followed with credentials; Rejected."""
    with placed(place.rig) as other:
        place.app.faults.set([Rule(do="status", status=302, headers={"location": f"{other.url}/"}, count=0)])
        assert isinstance(place.play(lambda deliver: deliver(episode())).outcome, Rejected)
        assert other.app.faults.requests == []


def test_f36_a_credential_in_a_file_is_read_again_once_it_changes(place: Tickets | Upserts, tmp_path: Path) -> None:
    """F36: credential expired mid-run (401): then 503 + `auth_failures_total`; no lock-out; secret file re-read."""
    file = tmp_path / "secret"
    file.write_text("expired-or-wrong")
    right = place.settings[place.rig.secret]

    async def main(deliver: Delivering) -> list[Result]:
        refused = [await deliver(episode()) for _ in range(4)]
        assert len(place.app.faults.requests) <= 2, "a refused credential is not hammered"
        file.write_text(right + "\n")
        return [*refused, await deliver(episode())]

    *refused, last = place.play(main, **{place.rig.secret: "", f"{place.rig.secret}_FILE": str(file)})
    assert {type(answer.outcome) for answer in refused} == {Retry}
    assert place.metrics.value("tidings_auth_failures_total", destination=place.rig.function) >= 1
    assert isinstance(last.outcome, Done)


@pytest.mark.parametrize("name", sorted(RIGS))
def test_f38_a_rotated_ca_file_is_picked_up_without_a_restart(name: str, tmp_path: Path) -> None:
    """F38: TLS cert of sink expires / CA rotated | refuses; clear message; picks up new CA file without restart."""
    bundle, certificate = rotated(tmp_path)
    with placed(RIGS[name], certificate) as place:

        async def main(deliver: Delivering) -> tuple[Result, Result]:
            refused = await deliver(episode())
            bundle.write_text(certificate.read_text())
            return refused, await deliver(episode())

        refused, done = place.play(main, **{place.rig.ca: str(bundle)})
        assert isinstance(refused.outcome, Retry)
        assert "certificate" in refused.outcome.reason
        assert isinstance(done.outcome, Done)
