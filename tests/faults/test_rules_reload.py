"""Rules under fire: hostile patterns, and sets that break while the function runs."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from functions.classifier.handler import Classifier, ClassifierSettings, new
from functions.classifier.live import live_rules
from shared.cli.recognised import recognise
from shared.events.cloudevent import CloudEvent
from shared.events.outcome import Done, Retry
from shared.rules.classify import classify
from shared.rules.loader import load, pack_files
from shared.rules.regex import PatternError, compiled, finder
from shared.rules.ruleset import RuleSet
from shared.rules.shipped import load_shipped
from shared.runtime.function import Call
from shared.runtime.live import Live
from shared.telemetry.metrics import Metrics
from tests.support.records import classified

PACK = """\
pack: own
description: own
defaults: {{category: infrastructure, subcategory: pod, severity: high}}
rules:
  - {{name: {name}, match: {{reason: OwnReason}}}}
"""
CALL = Call(deadline=0.0)


def observed(reason: str) -> CloudEvent:
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "e", "namespace": "shop", "uid": "u"},
        "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web"},
        "reason": reason,
        "message": "m",
        "type": "Warning",
        "lastTimestamp": "2026-01-01T00:00:00Z",
    }
    return CloudEvent(id="1", source="s", type="dev.knative.apiserver.resource.add", data=event)


def swap(mount: Path, version: str, text: str) -> None:
    """Put a pack in place as the kubelet does for a ConfigMap: a new folder, and `..data` swapped to it at once."""
    folder = mount / f"..{version}"
    folder.mkdir()
    (folder / "own.yaml").write_text(text, encoding="utf-8")
    link = mount / "..data_tmp"
    link.symlink_to(folder.name)
    link.replace(mount / "..data")
    if not (mount / "own.yaml").is_symlink():
        (mount / "own.yaml").symlink_to("..data/own.yaml")


def classifier(mount: Path, metrics: Metrics, shipped: Path) -> tuple[Classifier, Live[RuleSet]]:
    def load_both(own: Path | None) -> RuleSet:
        return load_shipped(own, folder=shipped)

    rules = live_rules(mount, metrics, load=load_both, every=0.01)
    return Classifier(ClassifierSettings(), metrics, rules), rules


async def rule_of(function: Classifier) -> str:
    result = await function.handle(observed("OwnReason"), CALL)
    assert result.outcome == Done()
    assert result.reply is not None
    return str(result.reply.data["verdict"]["rule"])


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the watch tells nobody when it has looked
            await asyncio.sleep(0.01)


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    folder = tmp_path / "shipped" / "rules"
    folder.mkdir(parents=True)
    text = PACK.format(name="shipped-rule").replace("pack: own", "pack: base").replace("OwnReason", "Other")
    (folder / "base.yaml").write_text(text, encoding="utf-8")
    return folder


def _seconds(found: Callable[[str], bool], text: str) -> float:
    start = time.process_time()
    assert not found(text)
    return time.process_time() - start


def test_f29_a_catastrophic_pattern_is_linear() -> None:
    """F29: rule with catastrophic regex | RE2: linear; load-time complexity refusal."""
    for pattern in (r"(a+)+$", r"(a|aa)+$", r"(a|a)+$", r"(.*a){12}$"):
        found = finder(pattern)
        assert _seconds(found, "a" * 26 + "!") < 0.2, (
            "an engine that goes back would take seconds here, and years below"
        )
        seconds = [min(_seconds(found, "a" * length + "!") for _ in range(5)) for length in (4_000, 32_000)]
        assert seconds[1] < 0.2
        assert seconds[1] < 4 * 8 * max(seconds[0], 1e-5), "eight times the text, and far from 64 times the work"


@pytest.mark.parametrize("match", ["message: {regex: '(a+)+$'}", "message: {not: {regex: '(a+)+$'}}"])
def test_f29_a_rule_with_a_catastrophic_pattern_is_judged_in_no_time(match: str, tmp_path: Path) -> None:
    """F29: rule with catastrophic regex | RE2: linear; load-time complexity refusal.

    By the index over all rules as well as by the rule's own test, which `not` needs.
    """
    file = tmp_path / "own.yaml"
    file.write_text(PACK.format(name="slow").replace("reason: OwnReason", match), encoding="utf-8")
    loaded = load([file])
    assert loaded.good
    for length in (26, 32_000):
        observation = classified(message="a" * length + "!").observation
        start = time.process_time()
        assert (classify(observation, loaded.ruleset).rule == "slow") is ("not" in match)
        assert time.process_time() - start < 0.2


def test_f29_a_pattern_beyond_measure_is_refused_at_load(tmp_path: Path) -> None:
    """F29: rule with catastrophic regex | RE2: linear; load-time complexity refusal."""
    for pattern in ("((a{1,30}){1,30}){1,30}", "(abcdefghij){1,900}", "a" * 1001, r"(a)\1", "(?=a)b"):
        with pytest.raises(PatternError):
            compiled(pattern)
    file = tmp_path / "own.yaml"
    for match, words in (("regex: '(abcdefghij){1,900}'", "too complex"), (f"glob: '{'a*' * 200}'", "longer than")):
        body = PACK.format(name="bad").replace("reason: OwnReason", f"message: {{{match}}}")
        file.write_text(body, encoding="utf-8")
        problems = load([file]).problems
        assert [(problem.line, words in problem.message) for problem in problems] == [(5, True)]


BROKEN = {
    "no YAML": ("pack: own\nrules: [", 2),
    "one good rule, one bad": (
        f"{PACK.format(name='half')}  - {{name: bad, match: {{message: {{regex: '(?=a)'}}}}}}\n",
        6,
    ),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_f30_a_broken_set_pushed_live_keeps_the_last_good_one(
    broken: str, tmp_path: Path, shipped: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """F30, word for word.

    broken rules ConfigMap pushed live | keeps last good set, not-ready only on first start; metric `rules_load_failed`

    All of the last good set: the good half of a broken one is not put in force.
    """
    text, line = BROKEN[broken]

    async def run() -> None:
        mount = tmp_path / "mount"
        mount.mkdir()
        metrics = Metrics()
        swap(mount, "1", PACK.format(name="first"))
        function, rules = classifier(mount, metrics, shipped)
        await function.start()
        assert await rule_of(function) == "first"
        assert metrics.value("tidings_rules_loaded", pack="own") == 1

        swap(mount, "2", text)
        await until(lambda: rules.problems)
        assert metrics.value("tidings_rules_load_failed_total") == 1
        assert function.readiness().ready
        assert await rule_of(function) == "first"
        said = [record.getMessage() for record in caplog.records]
        assert any("the last good rules stay in force" in one for one in said)
        assert any(f"own.yaml:{line}" in one for one in said), "and what is wrong with the new ones"
        await asyncio.sleep(0.1)  # looked at many times more, counted once
        assert metrics.value("tidings_rules_load_failed_total") == 1
        assert b"\ntidings_rules_load_failed_total 1.0\n" in metrics.render()[0]

        swap(mount, "3", PACK.format(name="second"))
        await until(lambda: not rules.problems)
        assert await rule_of(function) == "second"
        (mount / "own.yaml").unlink()
        await until(lambda: metrics.value("tidings_rules_loaded", pack="own") == 0)
        assert await rule_of(function) == "unknown-warning"
        await function.stop()

    asyncio.run(run())


def test_f30_a_broken_set_at_the_first_start_is_not_ready_until_mended(tmp_path: Path, shipped: Path) -> None:
    """F30, word for word.

    broken rules ConfigMap pushed live | keeps last good set, not-ready only on first start; metric `rules_load_failed`
    """

    async def run() -> None:
        mount = tmp_path / "mount"
        mount.mkdir()
        metrics = Metrics()
        swap(mount, "1", "pack: own\nrules: [")
        function, _ = classifier(mount, metrics, shipped)
        await function.start()
        assert function.readiness().problems == ("the rules cannot be loaded: run `tidings validate`",)
        assert isinstance((await function.handle(observed("OwnReason"), CALL)).outcome, Retry)
        assert metrics.value("tidings_rules_load_failed_total") == 1
        swap(mount, "2", PACK.format(name="first"))
        await until(lambda: function.readiness().ready)
        assert await rule_of(function) == "first"
        await function.stop()

    asyncio.run(run())


def test_f30_a_folder_that_vanishes_or_a_loader_that_fails_keeps_the_last_good_set(
    tmp_path: Path, shipped: Path
) -> None:
    """F30, word for word.

    broken rules ConfigMap pushed live | keeps last good set, not-ready only on first start; metric `rules_load_failed`
    """

    async def run() -> None:
        mount = tmp_path / "mount"
        mount.mkdir()
        metrics = Metrics()
        swap(mount, "1", PACK.format(name="first"))
        function, rules = classifier(mount, metrics, shipped)
        await function.start()
        mount.rename(tmp_path / "gone")
        await until(lambda: rules.problems)
        assert await rule_of(function) == "first"
        await function.stop()

        def fail(_own: Path | None) -> RuleSet:
            raise RecursionError

        failing = live_rules(None, metrics, load=fail)
        await failing.start()
        assert failing.value is None
        assert "RecursionError" in failing.problems[0].message

    asyncio.run(run())


def test_packs_are_read_at_any_depth_and_followed_there(tmp_path: Path, shipped: Path) -> None:
    mount = tmp_path / "mount"
    team = mount / "teams" / "shop"
    team.mkdir(parents=True)
    swap(team, "v1", PACK.format(name="first"))
    (mount / "teams" / "around").symlink_to(mount)
    function, rules = classifier(mount, Metrics(), shipped)

    async def run() -> tuple[str, str, bool]:
        await function.start()
        try:
            first, before = await rule_of(function), rules.value
            swap(team, "v2", PACK.format(name="second"))
            await until(lambda: rules.value is not before)
            return first, await rule_of(function), await rules.refresh()
        finally:
            await function.stop()

    assert asyncio.run(run()) == ("first", "second", False)


def test_what_a_configmap_puts_into_a_folder_is_read_once_as_validate_reads_it(tmp_path: Path) -> None:
    """Kubernetes makes of an item with a path, as `shop/own.yaml`, a link to the folder."""
    (tmp_path / "..v1" / "shop").mkdir(parents=True)
    (tmp_path / "..data").symlink_to("..v1")
    (tmp_path / "shop").symlink_to("..data/shop")
    (tmp_path / "shop" / "own.yaml").write_text(PACK.format(name="own"), encoding="utf-8")
    assert pack_files([tmp_path], []) == recognise([tmp_path]).packs == [tmp_path / "shop" / "own.yaml"]


def test_a_folder_that_was_never_there_is_said_at_start(tmp_path: Path) -> None:
    async def run() -> None:
        function = new({"CLASSIFIER_RULES": str(tmp_path / "none")}, Metrics())
        await function.start()
        assert not function.readiness().ready
        await function.stop()

    asyncio.run(run())
