"""The documentation is true: its commands run, its links lead somewhere, and what is made from the code is fresh."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from shared.cli import schema
from shared.cli.app import app
from shared.runtime.document import PAGES, settings_models
from shared.runtime.registry import FUNCTIONS
from shared.telemetry.metrics import METRICS
from tests.conftest import could_not_run
from tests.support.pages import Block, blocks, links, pages, run_page, syntax_error
from tests.support.servers import ROOT

ALL = {str(page.relative_to(ROOT)): blocks(page) for page in pages()}
EVERY_BLOCK = [block for found in ALL.values() for block in found]


@pytest.mark.parametrize("page", [name for name, found in ALL.items() if any(block.runs for block in found)])
def test_every_command_of_a_page_runs(page: str, tmp_path: Path) -> None:
    for environment in re.findall(r"\.venv-\w+", "".join(block.text for block in ALL[page])):
        if not (ROOT / environment).exists():
            could_not_run(f"the environment {environment} is missing", "make hosts")
    problems = run_page([block for block in ALL[page] if block.runs], tmp_path)
    assert not problems, "\n".join(problems)


def test_every_block_is_well_formed_and_its_mark_is_known() -> None:
    errors = {block.place: syntax_error(block) for block in EVERY_BLOCK}
    assert {place: error for place, error in errors.items() if error} == {}
    unknown = [block.place for block in EVERY_BLOCK if not _known(block)]
    assert unknown == [], "the comment before an sh block is `needs: …`, `with: …` or `background`"


def _known(block: Block) -> bool:
    word, _, rest = block.mark.partition(": ")
    return block.mark in {"", "background"} or (word in {"needs", "with"} and bool(rest))


@pytest.mark.parametrize("page", ALL)
def test_every_link_of_a_page_leads_to_a_file(page: str) -> None:
    folder = (ROOT / page).parent
    assert [link for link in links(ROOT / page) if not (folder / link).exists()] == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_made_from_the_code_is_fresh(name: str) -> None:
    written = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert written == PAGES[name](), "run `python -m shared.runtime.document docs`"


def test_the_published_schemas_are_fresh_and_complete() -> None:
    folder = ROOT / "docs" / "schemas"
    assert {file.name for file in folder.iterdir()} == {f"{name}.json" for name in schema.SCHEMAS}
    stale = [name for name in schema.SCHEMAS if (folder / f"{name}.json").read_bytes() != schema.render(name)]
    assert stale == [], "run `make schemas`"


def everything() -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in pages())


def test_every_command_is_documented() -> None:
    text = everything()
    commands = list(get_command(app).commands)  # type: ignore[attr-defined] # a group, since there are several
    assert [name for name in commands if f"tidings {name}" not in text] == []


def test_every_function_is_documented() -> None:
    text = everything()
    assert [name for name in FUNCTIONS if name not in text and name.replace("_", "-") not in text] == []


def test_every_setting_says_what_it_is() -> None:
    silent = [
        field.alias
        for model in settings_models().values()
        for field in model.model_fields.values()
        if not (field.description or "").strip()
    ]
    assert silent == []


def test_every_metric_and_setting_is_in_its_page() -> None:
    metrics = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert [name for name in METRICS if f"`{name}`" not in metrics] == []
    settings = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    aliases = [field.alias for model in settings_models().values() for field in model.model_fields.values()]
    assert [alias for alias in aliases if f"`{alias}`" not in settings] == []


PAGE = """# A page
```sh
echo one > file
```
Text.

<!-- needs: cluster -->
```sh
kubectl get events
```
<!-- background -->
```sh
tidings serve classifier --port 8123
```
```sh
test "$(cat file)" = one
curl -fsS http://127.0.0.1:8123/health > /dev/null
make help && tidings schema rules > /dev/null
```
"""


def test_a_page_is_run_as_a_reader_would(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(PAGE, encoding="utf-8")
    found = blocks(tmp_path / "page.md", tmp_path)
    assert [(block.line, block.mark) for block in found] == [
        (3, ""),
        (9, "needs: cluster"),
        (13, "background"),
        (16, ""),
    ]
    assert run_page([block for block in found if block.runs], tmp_path) == []


@pytest.mark.parametrize(
    "text", ["false", "nobody-has-this-command", "make no-such-target", "false | true", "echo $UNSET_HERE"]
)
def test_a_wrong_command_fails_its_page_with_its_place(text: str, tmp_path: Path) -> None:
    (problem,) = run_page([Block("page.md", 3, text)], tmp_path)
    assert problem.startswith("page.md:3: exit code ")


def test_what_serves_goes_to_the_background_and_is_started_where_a_block_needs_it(tmp_path: Path) -> None:
    assert Block("p", 1, "make run\n").serves
    assert not Block("p", 1, "make run ARGS=--once\n").serves
    assert not Block("p", 1, "tidings explain < up\n").serves
    ask = "curl -fsS http://localhost:8123/health > /dev/null"
    assert run_page([Block("page.md", 3, ask, "with: tidings serve classifier --port 8123")], tmp_path) == []


def test_a_server_that_does_not_serve_fails_its_page(tmp_path: Path) -> None:
    (problem,) = run_page([Block("page.md", 3, "tidings serve nobody --port 8123", "background")], tmp_path)
    assert problem.startswith("page.md:3: ended with 2 instead of serving")
    assert "there is no function" in problem
