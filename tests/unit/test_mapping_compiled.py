"""Shipped mappings compiled: the same fields, only when fresh, and neither YAML nor Jinja on the way of a start."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from functions.elastic_forwarder.settings import MAPPING as OF_DOCUMENTS
from functions.servicenow_incident.handler import MAPPING as OF_TICKETS
from functions.siem_forwarder.settings import MAPPING as OF_RECORDS
from shared.delivery import mapping_compiled
from shared.delivery.mapping import Mapping, Terms, load_mapping, render
from shared.delivery.mapping_compiled import compile_mapping, compiled_file, fingerprint
from shared.delivery.telling import context_of
from shared.events.outcome import Rejected
from shared.events.problem import Problem
from shared.runtime.registry import FUNCTIONS, load
from shared.start import compiled
from shared.telemetry.metrics import Metrics
from tests.support.tickets import episode

TEXT = """\
lookups: {l: {low: "3"}}
operations:
  open:
    a: '[{{ episode.cluster }}] {{ episode.count + 1 }}'
    b: {value: '{{ episode.severity }}', lookup: l, default: "9", max: 2, type: number, when: episode.count > 0}
    c: {fields: {d: {from: episode.object.name}, e: constant}}
    f: {items: ['<{{ episode.id }}>', {value: '{"g": "{{ episode.summary }}"}', type: json}]}
    h: {value: '<b>{{ episode.summary }}', escape: mrkdwn}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "mapping.yaml"
    made.write_text(TEXT, encoding="utf-8")
    return made


def shipped(file: Path, ours: frozenset[str] = frozenset()) -> Mapping | list[Problem]:
    return load_mapping(file, Terms({"open": ours}, shipped=file))


def no_yaml(*_: object) -> Mapping:
    raise AssertionError("the mapping was read again")


def test_a_compiled_mapping_is_the_mapping(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled_file(file).write_bytes(compile_mapping(file))
    read = load_mapping(file)
    monkeypatch.setattr(mapping_compiled, "_read", no_yaml)
    made = shipped(file)
    assert isinstance(made, Mapping)
    assert made == read
    assert render(made, "open", context_of(episode())) == render(read, "open", context_of(episode()))


@pytest.mark.parametrize("path", [OF_TICKETS, OF_RECORDS, OF_DOCUMENTS])
def test_what_is_shipped_can_be_compiled(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / path.name
    copy.write_bytes(path.read_bytes())
    compiled_file(copy).write_bytes(compile_mapping(copy))
    assert shipped(copy) == load_mapping(path)


def test_a_checkout_reads_yaml_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = shipped(file)
    monkeypatch.setattr(mapping_compiled, "_read", no_yaml)
    assert shipped(file) == first


def test_a_changed_mapping_makes_the_compiled_form_stale(file: Path) -> None:
    shipped(file)
    file.write_text(TEXT.replace("e: constant", "e: other"), encoding="utf-8")
    made = shipped(file)
    assert isinstance(made, Mapping)
    fields = render(made, "open", context_of(episode()))
    assert not isinstance(fields, Rejected)
    assert fields["c"]["e"] == "other"


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"\xe9\x03\x00"])
def test_a_damaged_compiled_form_is_made_anew(file: Path, damage: bytes) -> None:
    compiled_file(file).write_bytes(damage)
    assert isinstance(shipped(file), Mapping)


def test_a_mistake_in_a_shipped_mapping_is_told_with_its_line_and_never_compiled(file: Path) -> None:
    file.write_text(TEXT.replace("episode.cluster", "episode.clutser"), encoding="utf-8")
    found = shipped(file)
    assert isinstance(found, list)
    assert [(one.file, one.line) for one in found] == [(str(file), 4)]
    assert not compiled_file(file).exists()
    with pytest.raises(ValueError, match=r"mapping\.yaml:4"):
        compile_mapping(file)


@pytest.mark.parametrize(("name", "line"), [("b", 5), ("c.e", 6)])
def test_a_reserved_field_is_refused_also_in_what_was_compiled(file: Path, name: str, line: int) -> None:
    compiled_file(file).write_bytes(compile_mapping(file))
    found = shipped(file, frozenset({name}))
    assert isinstance(found, list)
    assert [one.line for one in found] == [line]


def test_an_own_mapping_is_read_as_yaml_whatever_lies_beside_it(file: Path) -> None:
    """Only what is shipped is as trusted as code."""
    compiled_file(file).write_bytes(
        compiled.dump({"operations": {"open": ()}, "overrides": (), "minimise": None}, fingerprint(file))
    )
    assert load_mapping(file, Terms(shipped=OF_TICKETS)) == load_mapping(file)


def test_the_compiled_form_cannot_carry_a_template_that_the_sandbox_refuses(file: Path) -> None:
    """Templates are in it as text, and pass the sandbox again before they render."""
    evil = ("x", ("{{ ''.__class__ }}", None, ()), None, (), (), (), None, None, 0, "text", "")
    compiled_file(file).write_bytes(
        compiled.dump({"operations": {"open": (evil,)}, "overrides": (), "minimise": None}, fingerprint(file))
    )
    made = shipped(file)
    assert isinstance(made, Mapping)
    assert isinstance(render(made, "open", context_of(episode())), Rejected)


def test_prepared_templates_are_compiled_and_those_that_need_no_jinja_are_left_alone(file: Path) -> None:
    made = shipped(file)
    assert isinstance(made, Mapping)
    made.prepare()
    one, two, three, _list, _escaped = made.operations["open"]
    assert one.text is not None
    assert one.text._compiled is not None
    assert two.text is not None
    assert two.text._compiled is None
    assert two.when is not None
    assert two.when._compiled is not None
    assert three.group[1].text is not None
    assert three.group[1].text._compiled is None


@pytest.mark.parametrize("function", ["siem_forwarder", "elastic_forwarder", "servicenow_incident", "correlator"])
def test_a_start_imports_nothing_that_only_an_event_needs(function: str, root: Path) -> None:
    load_mapping(OF_TICKETS, Terms(shipped=OF_TICKETS))
    load_mapping(OF_RECORDS, Terms(shipped=OF_RECORDS))
    load_mapping(OF_DOCUMENTS, Terms(shipped=OF_DOCUMENTS))
    code = (
        "import asyncio, sys\n"
        "from shared.runtime.registry import load\n"
        "from shared.telemetry.metrics import Metrics\n"
        "from tests.bench.starts import settings_of\n"
        "async def start():\n"
        f"    function = load({function!r}, settings_of({function!r}), Metrics())\n"
        "    await function.start()\n"
        "    assert function.readiness().ready\n"
        "    print(*sys.modules)\n"
        "    await function.stop()\n"
        "asyncio.run(start())\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True, timeout=60)
    heavy = {"yaml", "jinja2", "httpx2", "rich", "typer", "prometheus_client", "shared.delivery.mapping_file"}
    assert not set(ran.stdout.split()) & heavy


@pytest.mark.parametrize("name", ["servicenow_incident", "siem_forwarder", "elastic_forwarder"])
def test_a_function_has_its_templates_compiled_soon_after_its_start(name: str) -> None:
    async def run() -> bool:
        example = FUNCTIONS[name].destination
        assert example is not None
        function = load(name, example.example, Metrics())
        holder: Any = getattr(function, "_siem", function)  # who holds the mapping
        mapping: Mapping = holder._mapping
        prepared = asyncio.Event()
        loop = asyncio.get_running_loop()

        class Watched(Mapping):
            def prepare(self) -> None:
                super().prepare()
                loop.call_soon_threadsafe(prepared.set)

        holder._mapping = Watched(mapping.operations, mapping.names)
        await function.start()
        try:
            await asyncio.wait_for(prepared.wait(), 10)
        finally:
            await function.stop()
        texts = [one.text for fields in mapping.operations.values() for one in fields if one.text is not None]
        return all(text._compiled is not None for text in texts if text.needs_jinja)

    assert asyncio.run(run())


def test_a_date_in_a_mapping_is_refused_with_its_line(file: Path) -> None:
    file.write_text(TEXT.replace("from: episode.object.name", "value: x, default: 2024-01-01"), encoding="utf-8")
    (problem,) = problems_of(load_mapping(file))
    assert problem.line == 6
    assert "2024-01-01" in problem.message
    assert "quotes" in problem.suggestion


def problems_of(found: Mapping | list[Problem]) -> list[Problem]:
    assert isinstance(found, list)
    return found
