"""Overrides and `minimise` in what destinations make of a mapping besides rendering it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from functions.qradar_forwarder.handler import new as new_qradar
from functions.webhook.handler import new as new_webhook
from shared.events.delivery import DeliveryReport
from shared.events.model import Classified
from shared.settings.environment import SettingsError
from shared.telemetry.metrics import Metrics
from tests.support.minimising import audit, judged
from tests.support.tickets import episode


def webhook(tmp_path: Path, text: str) -> Any:
    own = tmp_path / "own.yaml"
    own.write_text(text)
    environ = {"WEBHOOK_URL": "https://hook.example", "WEBHOOK_MAPPING": str(own)}
    return new_webhook(environ, Metrics())


def qradar(tmp_path: Path, text: str) -> Any:
    own = tmp_path / "own.yaml"
    own.write_text(text)
    environ = {"QRADAR_ADDRESS": "tls://qradar.example:6514", "QRADAR_AUDIT": "mapped", "QRADAR_MAPPING": str(own)}
    return new_qradar(environ, Metrics())


OVERRIDDEN = """\
operations:
  open: {body: {fields: {a: b}}}
overrides:
- for: {cluster: prod-*}
  operations:
    open: {url: '/{{ episode.message }}'}
    report: {body: {fields: {of: {from: delivery.key}}}}
"""


def test_what_an_event_says_is_no_delimiter_in_the_url_of_an_override_either(tmp_path: Path) -> None:
    (preview,) = webhook(tmp_path, OVERRIDDEN).preview(episode(cluster="prod-1", message="../a?b"))
    assert preview.url == "https://hook.example/..%2Fa%3Fb"


def test_a_webhook_tells_what_only_an_override_says_and_a_report_is_known_by_its_cluster(tmp_path: Path) -> None:
    def report(cluster: str) -> DeliveryReport:
        now = datetime.now(UTC)
        return DeliveryReport(destination="x", operation="open", key="k", result="done", cluster=cluster, time=now)

    function = webhook(tmp_path, f"{OVERRIDDEN}- for: {{namespace: '*'}}\n  operations: {{report: {{body: no}}}}\n")
    (preview,) = function.preview(report("prod-1"))
    assert preview.body == {"of": "k"}
    assert function.preview(report("test-1")) == []


def test_a_report_goes_out_as_it_is_where_people_are_kept_out(tmp_path: Path) -> None:
    """It has keys and numbers, and nothing that the event said."""
    text = "operations: {report: {body: {fields: {a: {from: delivery.key}}}}}\nminimise: {users: drop, names: drop}\n"
    now = datetime.now(UTC)
    report = DeliveryReport(destination="x", operation="open", key="k", result="done", cluster="c", time=now)
    (preview,) = webhook(tmp_path, text).preview(report)
    assert preview.body == {"a": "k"}


def test_the_condition_of_a_body_sees_what_the_body_is_made_of(tmp_path: Path) -> None:
    text = "operations:\n  open: {body: {value: x, when: episode.host == 'node-1'}}\nminimise: {names: drop}\n"
    assert webhook(tmp_path, text).preview(episode(host="node-1")) == []


@pytest.mark.parametrize("inside", ["method: GET", "headers: {fields: {'a b': c}}", "success: {fields: {status: 500}}"])
def test_mistakes_of_a_webhook_are_told_in_overrides_too(tmp_path: Path, inside: str) -> None:
    with pytest.raises(SettingsError, match=r"WEBHOOK_MAPPING: .*open: `"):
        webhook(tmp_path, f"{OVERRIDDEN}- for: {{cluster: a}}\n  operations: {{open: {{{inside}}}}}\n")


def test_an_override_adds_to_a_line_of_qradar_and_its_keys_are_looked_at(tmp_path: Path) -> None:
    text = (
        "destination: qradar_forwarder\nextends: shipped\noverrides:\n- for: {category: security}\n"
        "  operations: {record: {leef: {fields: {%s: ours}}}}\n"
    )
    seen, verdict = judged(audit())
    classified = Classified(observation=seen, verdict=verdict.model_copy(update={"category": "security"}))
    (preview,) = qradar(tmp_path, text % "policy").preview(classified)
    assert "\tpolicy=ours" in preview.body
    with pytest.raises(SettingsError, match=r"`leef\.a b` is no key"):
        qradar(tmp_path, text % "'a b'")
