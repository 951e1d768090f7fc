"""What somebody did about one dead letter of a bus, as an event beside it: a topic cannot delete one record."""

from typing import Final, Literal

from pydantic import AwareDatetime, Field

from shared.events.cloudevent import LETTER_PREFIX
from shared.events.model import Frozen

Act = Literal["retried", "discarded"]
MAX_NOTE: Final = 1024
"""Characters of a note."""


class LetterMark(Frozen):
    """Data of `dev.tidings.dead-letter.{retried,discarded}.v1`: which letter is done with, by what, and why."""

    act: Act
    partition: int = Field(ge=0, description="Where the letter lies in its topic.")
    offset: int = Field(ge=0)
    letter: str = Field(description="Digest of the letter's source, id, subscriber and attempt.")
    event_id: str = Field(default="", description="Id of the event that the letter is; empty where it is none.")
    event_type: str = ""
    subject: str = ""
    subscriber: str = Field(default="", description="Who could not be told of it, as the broker named them.")
    stage: str = ""
    reason: str = ""
    to: str = Field(default="", description="Whom it was handed to again; empty where it was discarded.")
    note: str = Field(default="", max_length=MAX_NOTE, description="Why it was discarded, in somebody's own words.")
    time: AwareDatetime


def type_of_act(act: Act) -> str:
    """Return the event type of a mark, as `dev.tidings.dead-letter.discarded.v1`."""
    return f"{LETTER_PREFIX}{act}.v1"
