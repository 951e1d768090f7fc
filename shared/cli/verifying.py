"""What `tidings trail verify` says of an archive."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path

import typer

from shared.archive.verify import Finding, Verifier
from shared.cli import configured
from shared.cli.buses import done
from shared.cli.output import Output, complain, fail, print_line, print_rows, show, waiting
from shared.cli.places import judge, place_at, roots_of
from shared.events.words import counted

_COLUMNS = ("segment", "state", "records", "said")


def verified(at: str, roots: str, public_key: Path | None, output: Output) -> None:
    """Verify an archive and say what was found; the command ends with 1 where anything is wrong, or nothing sealed."""
    states: Counter[str] = Counter()
    unsound: list[Finding] = []

    async def work() -> None:
        environ = configured.effective()
        who = judge(public_key, environ)
        async with place_at(at, environ) as place, place_at(roots_of(at, roots), environ) as proofs:
            verifier = Verifier(place, proofs, who)
            for topic in await verifier.topics():
                async for one in verifier.verify(topic):
                    states[one.state] += 1
                    update(f"verifying {one.segment}")
                    if output is Output.jsonl:
                        print_line(asdict(one))
                    elif output is Output.json or one.state != "whole":
                        unsound.append(one)

    with waiting("verifying") as update:
        done(work)
    if output is not Output.jsonl and (unsound or output is Output.json):
        print_rows([asdict(one) for one in unsound], _COLUMNS, output)
    if output is Output.table:
        counts = [f"{counted(count, 'segment')} {_WORDS[state]}" for state, count in states.items() if state in _WORDS]
        show("; ".join(counts), soft_wrap=True, end="\n" if counts else "")
    if not states:
        fail(f"there is no archive at {at}: tidings archive export makes one")
    if not states["whole"] and not states["erased"] and not states["wrong"]:
        fail("nothing there is sealed: tidings archive seal comes first")
    if not roots:
        complain("the seals lie in the archive itself: who can cut off its end can cut off theirs; see --roots")
    if states["wrong"]:
        raise typer.Exit(1)


_WORDS = {
    "whole": "as sealed",
    "erased": "erased on purpose",
    "unsealed": "not sealed yet",
    "wrong": "wrong",
}
