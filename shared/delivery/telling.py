"""What a mapping may say of an episode: the episode, what is new in it, and where people see more. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field

from shared.delivery.links import NO_LINKS, Places, links_of
from shared.events.episode import Episode, Turn
from shared.events.model import Frozen


class News(Frozen):
    """What is new since people were last told; nothing where it is not remembered what they were told."""

    turns: tuple[Turn, ...] = Field(
        default=(), description="The turns of the timeline that they do not know, oldest first."
    )
    message: bool = Field(default=False, description="True where a kind of message is among them.")


_NOTHING: Final = News()


def news_of(episode: Episode, told: int) -> News:
    """Return what is new in a snapshot to those who know it up to revision `told`; 0 is not known."""
    turns = tuple(turn for turn in episode.timeline if turn.revision > told) if told else ()
    return News(turns=turns, message=any(turn.what == "message" for turn in turns)) if turns else _NOTHING


def context_of(episode: Episode, told: int = 0, places: Places | None = None) -> Mapping[str, Any]:
    """Return what the templates of an operation on an episode may begin with."""
    links = NO_LINKS if places is None else links_of(episode, places)
    return {"episode": episode, "news": news_of(episode, told), "links": links}
