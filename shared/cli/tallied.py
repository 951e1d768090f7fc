"""How commands print what became of events that were handed over again."""

from dataclasses import asdict

from shared.cli.output import Output, complain, print_document, print_line, print_rows, show
from shared.runtime.replay import Tally

_COLUMNS = ("outcome", "events")
_LISTED = 20


def print_tally(tally: Tally, output: Output) -> None:
    """Print how many events ended how, and each that was refused with its place and reason."""
    counts = {name: count for name, count in sorted(tally.outcomes.items()) if count}
    if output is Output.table:
        if counts or tally.why:
            print_rows([{"outcome": name, "events": count} for name, count in counts.items()], _COLUMNS, output)
        else:
            show("there was nothing to hand over")
        for one in tally.refusals[:_LISTED]:
            complain(f"rejected: {one.topic}/{one.partition}/{one.offset} {one.event}: {one.stage}: {one.reason}")
        if (more := tally.outcomes["rejected"] - _LISTED) > 0:
            complain(f"{more} more were rejected; --output json lists the first thousand")
    elif output is Output.jsonl:
        for one in tally.refusals:
            print_line({"rejected": asdict(one)})
        print_line({"outcomes": counts, "why": tally.why})
    else:
        rejected = [asdict(one) for one in tally.refusals]
        print_document({"outcomes": counts, "rejected": rejected, "why": tally.why})
    if tally.why:
        complain(f"not all is done: {tally.why}; run it again to go on")
