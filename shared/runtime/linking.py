"""Where people see more of what a ticket is about, as settings (docs/settings.md)."""

from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from shared.delivery.links import Places, wrong_search
from shared.settings.environment import Settings

_SCHEMES: Final = ("https", "http")


def _url(text: str) -> str:
    if text and (urlsplit(text).scheme not in _SCHEMES or not urlsplit(text).hostname):
        raise ValueError("must be a URL, as https://console.example.com")
    return text


def _searched(text: str) -> str:
    wrong = wrong_search(text) if text else ""
    if wrong:
        raise ValueError(wrong)
    return _url(text)


def _by_cluster(value: Any) -> Any:
    """Return URLs by cluster, of pairs as `prod-1=https://…`; a URL without a name is for every other cluster."""
    if not isinstance(value, str):
        return value
    found: dict[str, str] = {}
    for part in value.replace("\n", ",").split(","):
        name, given, url = part.strip().partition("=")
        if not given or urlsplit(name).scheme in _SCHEMES:
            name, url = "", part.strip()
        if part.strip():
            found[name.strip()] = _url(url.strip())
    return found


class LinkSettings(Settings):
    """The links that tickets show; one that is not set makes no line."""

    consoles: Annotated[dict[str, str], BeforeValidator(_by_cluster)] = Field(
        default_factory=dict,
        alias="LINKS_CONSOLE",
        description="OpenShift consoles by cluster, as `prod-1=https://console.apps.prod-1.example.com, prod-2=…`; a "
        "URL alone is that of every other cluster.",
    )
    tidings: Annotated[str, AfterValidator(_url)] = Field(
        default="", alias="LINKS_TIDINGS", description="Address of `tidings up`, whose API shows the episode."
    )
    siem: Annotated[str, AfterValidator(_searched)] = Field(
        default="",
        alias="LINKS_SIEM",
        description="URL of a search, with `{episode}`, `{problem_key}`, `{cluster}`, `{namespace}` or `{name}` in it.",
    )

    def places(self) -> Places:
        """Return where people look."""
        return Places(self.consoles, self.tidings, self.siem)
