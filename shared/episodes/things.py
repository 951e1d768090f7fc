"""Whose records an observation goes into: its object's, and its workload's where pods share a problem or its end."""

from shared.events.identity import object_key, workload_of
from shared.events.model import Classified, Verdict


def things_of(classified: Classified) -> tuple[tuple[str, Classified], ...]:
    """Return the keys of the records, and what each of them is told; none where nothing begins or ends with it."""
    seen, verdict = classified.observation, classified.verdict
    if verdict.about == "object" and not verdict.owner_ends:  # nearly always
        told = verdict.phase == "problem" or bool(verdict.ends)
        return ((object_key(seen.cluster, seen.object), classified),) if told else ()
    problem = verdict.phase == "problem"
    of_object = verdict if problem and verdict.about == "object" else _end(verdict, verdict.ends)
    of_owner = (
        verdict.model_copy(update={"ends": verdict.owner_ends})
        if problem and verdict.about == "owner"
        else _end(verdict, verdict.owner_ends)
    )
    keys = (object_key(seen.cluster, seen.object), object_key(seen.cluster, workload_of(seen.object)))
    return tuple(
        (key, classified.model_copy(update={"verdict": each}))
        for key, each in zip(keys, (of_object, of_owner), strict=True)
        if each is not None
    )


def _end(verdict: Verdict, ends: tuple[str, ...]) -> Verdict | None:
    """Return the verdict as the mere end of something; None where it is none."""
    if not ends:
        return None
    if verdict.phase != "problem":
        return verdict.model_copy(update={"ends": ends})
    # A problem's part says which part is broken, not which part its `ends` are about.
    return verdict.model_copy(update={"phase": "recovery", "ends": ends, "part": "", "problem_key": "", "hold": 0})
