"""The receiver of webhooks, driven by clients that we did not write."""

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from shared.local.standins import webhook
from tests.support.servers import serve, standin


def posted(url: str, body: bytes = b'{"a": 1}', method: str = "POST", **headers: str) -> int:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, body, {"content-type": "application/json", **names}, method=method)  # noqa: S310 - our own
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - our own
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def signature(key: str, body: bytes, now: datetime) -> dict[str, str]:
    """Return the headers as Standard Webhooks' own library makes them."""
    made = Webhook(webhook.SECRET).sign(key, now, body.decode())
    return {"webhook_id": key, "webhook_timestamp": str(int(now.timestamp())), "webhook_signature": made}


def test_it_takes_what_another_library_signed_and_nothing_else() -> None:
    app = webhook.new_app(options=webhook.Options(token="", secrets=(webhook.SECRET,)))
    now, body = datetime.now(UTC), b'{"a": 1}'
    with serve(app) as url:
        good = signature("m1", body, now)
        assert posted(url + "/x", body, **good) == 202
        assert posted(url + "/x", b'{"a": 2}', **good) == 400
        assert posted(url + "/x", body) == 400
        assert posted(url + "/x", body, **signature("m1", body, datetime.fromtimestamp(1, UTC))) == 400
    assert [one["body"] for one in app.notices()] == [{"a": 1}]
    app.close()


def test_it_wants_its_token_and_tells_copies_by_their_key() -> None:
    app = webhook.new_app()
    with serve(app) as url:
        bearer = {"authorization": f"Bearer {webhook.TOKEN}"}
        assert posted(url, authorization="Bearer no") == 401
        assert [posted(url, idempotency_key="k", **bearer) for _ in range(2)] == [202, 202]
        assert posted(url, method="PUT", **bearer) == 202
        assert posted(url, method="HEAD", **bearer) == 405
    assert [(one["key"], one["again"]) for one in app.notices()] == [("k", False), ("k", True), ("", False)]
    assert len(app.notices(copies=False)) == 2
    app.close()


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/services/T/B/x", {"text": "x"}, 200),
        (
            "/services/T/B/x",
            {"text": "x", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": ""}}]},
            400,
        ),
        ("/services/T/B/x", {"text": "x", "blocks": [{"type": "divider"}] * 51}, 400),
        ("/services/T/B/x", [], 400),
        ("/v2/enqueue", {"routing_key": "0" * 32, "event_action": "resolve", "dedup_key": "k"}, 202),
        ("/v2/enqueue", {"routing_key": "0" * 32, "event_action": "resolve"}, 400),
        ("/v2/enqueue", {"event_action": "resolve", "dedup_key": "k"}, 400),
        ("/v2/enqueue", {"routing_key": "0" * 32, "event_action": "trigger", "payload": {"summary": "s"}}, 400),
        ("/workflows/1/invoke", {"type": "message", "attachments": []}, 400),
        ("/workflows/1/invoke", {"text": "x" * 30_000}, 413),
        ("/jsm/ops/integration/v2/alerts", {"message": "m"}, 401),
        ("/api/now/import/u_x", {"u_short_description": "no key"}, 201),
        ("/api.php/v2/Assistance/Ticket", {}, 400),
        ("/anything/else", {"x": 1}, 202),
    ],
)
def test_it_answers_as_the_target_of_the_path_does(path: str, body: object, status: int) -> None:
    app = webhook.new_app(options=webhook.Options(token=""))
    with serve(app) as url:
        assert posted(url + path, json.dumps(body).encode()) == status
    assert len(app.notices()) == (status < 300)
    app.close()


def test_what_it_took_is_there_after_a_kill_and_people_can_look_at_it(tmp_path: Path) -> None:
    database = tmp_path / "notices.db"
    with standin("webhook", database) as one:
        bearer = {"authorization": f"Bearer {webhook.TOKEN}"}
        assert posted(one.url + "/x", b'{"text": "<script>"}', idempotency_key="k", **bearer) == 202
        one.kill()
    with standin("webhook", database) as one:
        with urllib.request.urlopen(one.url + "/_standin/notices", timeout=5) as answer:  # noqa: S310 - our own
            assert json.load(answer)["count"] == 1
        with urllib.request.urlopen(one.url + "/", timeout=5) as answer:  # noqa: S310 - our own
            page = answer.read().decode()
    assert "1 notice" in page
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
