"""Listed: that all objects of a kind in a cluster have been looked at, up to a version."""

from pydantic import AwareDatetime, Field

from shared.events.model import Frozen


class Listed(Frozen):
    """Data of `dev.tidings.listed.v1`: what was not told until then is not there."""

    cluster: str
    api_version: str
    kind: str
    resource_version: str = Field(description="Version of the list: what happened later was not looked at.")
    objects: int = Field(ge=0, description="How many there are.")
    changed: int = Field(ge=0, description="How many of them were not known in this version.")
    gone: int = Field(ge=0, description="How many that were known are there no more.")
    complete: bool = Field(description="False where an object could not be read: then nothing is said of gone ones.")
    started: AwareDatetime
    ended: AwareDatetime
