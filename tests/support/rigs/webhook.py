"""webhook against its stand-in."""

from typing import Any

from shared.local.standins import webhook
from shared.local.standins.faults import Rule
from tests.support.rigs.place import App, Told


class Notices:
    """Requests of the mapping that is not for a particular target."""

    function = "webhook"
    writes = "notice"
    url, secret, ca = "WEBHOOK_URL", "WEBHOOK_TOKEN", "WEBHOOK_CA_FILE"
    hurried = {"WEBHOOK_TIMEOUT": "0.5"}  # noqa: RUF012 - read only
    shares, refuses_copies = False, False
    stranger = "dev.tidings.tick.v1"
    foreign = (Rule(do="html"),)

    def opened(self) -> App:
        return webhook.new_app(options=webhook.Options(secrets=(webhook.SECRET,)))

    def settings(self, url: str) -> dict[str, str]:
        return {"WEBHOOK_URL": f"{url}/notices", "WEBHOOK_TOKEN": webhook.TOKEN, "WEBHOOK_SECRET": webhook.SECRET}

    def records(self, app: Any) -> list[str]:
        return [one["key"] for one in app.notices()]

    def told(self, app: Any) -> list[Told]:
        return [
            Told(
                one["key"], one["body"]["type"].removeprefix("problem."), one["body"]["data"]["revision"], one["again"]
            )
            for one in app.notices()
        ]
