"""An episode as people read it: where its ticket stands, then what a ticket says of it (shared/delivery/texts.yaml)."""

from functools import cache
from typing import Final

from shared.delivery.mapping import Mapping, render
from shared.delivery.mapping_file import read_text
from shared.delivery.telling import context_of
from shared.events.episode import Cause, Episode
from shared.events.outcome import Rejected

_TEXTS = """
operations:
  open: {title: '{{ texts.title }}', text: '{{ texts.description }}'}
  resolve: {title: '{{ texts.title }}', text: "{{ texts.over }}\\n\\n{{ texts.description }}"}
"""


# It was taken in before its group or summary had an episode, and is not told anew when that has.
_UNNAMED: Final = {
    "consequence": "a consequence of something that is not known yet",
    "group": "in a group, whose ticket is the one that `list` shows for what stands for it",
    "limit": "beyond the limit, in a summary, whose ticket is the one that `list` shows for what stands for it",
}


def page(episode: Episode, had: Cause | None = None) -> str:
    """Return the page of one episode; `had` is the group that one was in which is over."""
    said = render(_mapping(), "resolve" if episode.state == "resolved" else "open", context_of(episode))
    text = episode.summary if isinstance(said, Rejected) else f"{said['title']}\n\n{said['text']}"
    standing = _standing(episode, episode.cause or had)
    return "\n".join([f"{episode.id}, revision {episode.revision}", *standing, "", text])


def _standing(episode: Episode, cause: Cause | None) -> list[str]:
    ticket = "has a ticket" if episode.ticket else "known before first contact" if episode.baseline else "has no ticket"
    lines = [f"{episode.state}, {ticket}"]
    if cause is not None:
        kind = {"consequence": "a consequence of", "group": "in the group of", "limit": "beyond the limit, in"}
        named = cause.summary or cause.object
        said = f"{kind[cause.kind]} {named} {cause.id}".rstrip()
        lines.append(said if named else _UNNAMED[cause.kind])
    if episode.quiet:
        lines.append(f"kept quiet by {episode.quiet}")
    if episode.flapping:
        lines.append("flapping")
    return lines


@cache
def _mapping() -> Mapping:
    found = read_text(_TEXTS, "episode")
    assert isinstance(found, Mapping)  # noqa: S101 - a constant, and read by tests
    return found
