"""`minimise`: what a destination is not to know of people is taken out of an event before it is rendered.

What is found in one place of the event (shared/delivery/personal.py) is replaced in all its texts; addresses are found
in texts by themselves, too. The keys by which episodes are found again stay. What cannot be minimised is not sent.
"""

import hmac
import ipaddress
import json
import re
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Members
from itertools import groupby
from os.path import commonprefix
from typing import Any, Final, Literal
from urllib.parse import quote

from pydantic import BaseModel

from shared.delivery.links import Links
from shared.delivery.mapping import Keys, Minimise
from shared.delivery.personal import SERVER, addresses_in, is_person, names_in, users_in, users_of_sentence
from shared.delivery.templates import Context
from shared.events.episode import Affected, Cause, Suspect, Turn
from shared.events.outcome import Rejected

Kind = Literal["users", "addresses", "names"]
_LETTERS: Final[dict[Kind, str]] = {"users": "u", "addresses": "a", "names": "n"}
_MARKS: Final[dict[Kind, str]] = {"users": "[user]", "addresses": "[address]", "names": "[name]"}
_DROPPED: Final = frozenset(_MARKS.values())
_USER_KIND: Final = "User"
_CLUSTER_KIND: Final = "Cluster"
_DIGITS: Final = 20  # of a pseudonym: 80 bits
_MOST: Final = 400  # values of one event: a timeline may name 200
_LONG: Final = 160  # characters: so long a text may be one that was cut, with no sign of it
_LEAST: Final = 3  # characters of the beginning of a name at the end of a text that was cut
_BRANCHES: Final = 20  # of a pattern, inside each other
_KEPT: Final[dict[str, frozenset[str]]] = {
    "observation": frozenset({"identity", "dialect", "fingerprint", "operation"}),
    "verdict": frozenset(
        {"category", "subcategory", "severity", "phase", "about", "problem_key", "condition", "ends", "owner_ends"}
        | {"rule", "source", "version", "runbook"}
    ),
    "episode": frozenset(
        {"id", "problem_key", "scope", "state", "transition", "category", "subcategory", "severity", "condition"}
        | {"rule", "runbook"}
    ),
    "change": frozenset({"id", "key", "scope", "state", "transition", "category", "subcategory", "severity"}),
}
"""Members that are keys, or words of ours: they stay as they are, or nothing would be found again."""
_KEPT_INSIDE: Final[dict[type[BaseModel], frozenset[str]]] = {
    Affected: frozenset({"condition", "severity"}),
    Cause: frozenset({"kind", "id", "problem_key"}),
    Suspect: frozenset({"id"}),
    Turn: frozenset({"what"}),
}
"""The same of what stands inside an episode."""
_OF_MEMBER: Final = re.compile(r"([A-Z]\w*(?:/[^\s/]+){1,2}): ")
"""How a line begins that a member of a group said: with its path."""
_NO_NAMES: Final = frozenset({"image", "group"})  # relations that are no objects
_ADDRESS: Final = re.compile(
    r"(?<![0-9])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9])"
    r"|(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{0,4}:){2,8}(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f]{0,4})(?![0-9A-Za-z])"
)


def minimised(context: Context, wanted: Minimise, keys: Keys) -> Context | Rejected:
    """Return what a template may see of an event; Rejected where it cannot be told what must go."""
    if "delivery" in context:
        return context  # a report has keys and numbers, and nothing that the event said
    subject = context.get("episode") or context.get("change") or context["observation"]
    try:
        values = _values(subject, wanted)
        if len(values) > _MOST:
            return Rejected("mapping", f"the event holds more than {_MOST} names, which cannot be minimised")
        asks = "pseudonym" in wanted
        untold = frozenset(_untold(subject)) if wanted.users != "keep" else frozenset()
        work = _Work(values, untold, wanted, keys(subject.cluster) if asks else b"")
        return {
            name: work.model(model, _KEPT[name]) if name in _KEPT else work.value(model)
            for name, model in context.items()
        }
    except RecursionError:
        return Rejected("mapping", "the event is nested too deeply to be minimised")


def _values(subject: Any, wanted: Minimise) -> dict[str, Kind]:
    """Return what is to be replaced, and as what."""
    found: dict[str, Kind] = {}
    if wanted.names != "keep":
        found |= dict.fromkeys(_names(subject), "names")
    if wanted.addresses != "keep":
        found |= dict.fromkeys(addresses_in(getattr(subject, "original", {})), "addresses")
    if wanted.users != "keep":
        found |= dict.fromkeys(_users(subject), "users")
    return {value: kind for value, kind in found.items() if value.strip()}


def _names(subject: Any) -> Iterator[str]:
    for reference in _references(subject):
        if reference.kind not in (_USER_KIND, _CLUSTER_KIND):
            yield reference.name
    yield getattr(subject, "host", "")
    for path in _paths(subject):
        yield path.rpartition("/")[2]
    yield from names_in(getattr(subject, "original", {}))


def _paths(subject: Any) -> Iterator[str]:
    """Yield the paths of other objects that an episode names; the image that a pod wants is none."""
    yield from (one.path for one in getattr(subject, "affected", ()))
    yield from (thing for turn in getattr(subject, "timeline", ()) for thing in turn.things)
    if "group" in getattr(subject, "relations", {}):
        # What a member said begins with its path; who left the group since is not affected any more.
        said = (line for _, _, message in _said(subject) for line in message.splitlines())
        yield from (found[1] for line in said if (found := _OF_MEMBER.match(line)))
    cause = getattr(subject, "cause", None)
    if cause is not None and not cause.object.startswith(f"{_CLUSTER_KIND}/"):
        yield cause.object
    yield from (thing for name, thing in getattr(subject, "relations", {}).items() if name not in _NO_NAMES)


def _users(subject: Any) -> Iterator[str]:
    yield from (one.name for one in _references(subject) if one.kind == _USER_KIND and is_person(one.name))
    yield from filter(is_person, [getattr(subject, "user", "")])
    for place in ("original", "annotations", "labels"):
        yield from users_in(getattr(subject, place, {}))
    for sentence in _said(subject):
        yield from users_of_sentence(*sentence) or ()
    yield from (one.who for one in getattr(subject, "suspects", ()) if is_person(one.who))


def _untold(subject: Any) -> Iterator[str]:
    """Yield the texts that name somebody, nobody can tell whom: they go as a whole."""
    for sentence in _said(subject):
        if users_of_sentence(*sentence) is None:
            yield from (sentence[2], getattr(subject, "part", ""), getattr(subject, "summary", ""))


def _said(subject: Any) -> Iterator[tuple[str, str, str]]:
    """Yield component, reason and message of all that was seen. Who told of the end is not known: maybe an audit."""
    component = getattr(subject, "component", "")
    yield from ((component, one.reason, one.message) for one in (subject, *getattr(subject, "history", ())))
    yield SERVER, getattr(subject, "ended_by", ""), getattr(subject, "ended_message", "")


def _references(subject: Any) -> list[Any]:
    return [one for name in ("object", "owner", "related") if (one := getattr(subject, name, None)) is not None]


class _Work:
    """Replaces the values of one event in its texts."""

    def __init__(self, values: Members[str, Kind], untold: frozenset[str], wanted: Minimise, key: bytes) -> None:
        self._untold = untold
        self._wanted = wanted
        self._key = key
        instead = {value: self._instead(value, kind) for value, kind in values.items()}
        forms = {form: value for value in values for form in _forms(value) if form}
        self._by_form = {form.casefold(): instead[value] for form, value in forms.items()}
        self._pattern = _pattern(forms) if forms else None

    def model(self, model: BaseModel, kept: frozenset[str]) -> BaseModel:
        """Return a payload with its texts replaced, at any depth, but for the members that are kept."""
        changed = {name: self.value(item) for name, item in model.__dict__.items() if name not in kept}
        return model.model_copy(update=changed)

    def value(self, value: Any) -> Any:
        """Return a value with its texts replaced, keys among them; what is dropped whole leaves an empty text."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Links):  # an address of which a part was taken leads nowhere
            return value.model_copy(update={name: "" for name, url in value if self._replaced(url) != url})
        if isinstance(value, BaseModel):
            return self.model(value, _KEPT_INSIDE.get(type(value), frozenset()))
        if isinstance(value, dict):
            return {self._replaced(key): self.value(item) for key, item in self._without_extra(value).items()}
        if isinstance(value, list | tuple):
            items = [new for item in value if (new := self.value(item)) != "" or item == ""]
            return items if isinstance(value, list) else tuple(items)
        return value

    def _without_extra(self, value: dict[str, Any]) -> dict[str, Any]:
        """Return an object; of a user without `extra`, which is whatever the log-in says of a person."""
        whole = self._wanted.users == "keep" or "extra" not in value or "username" not in value
        return value if whole else {key: item for key, item in value.items() if key != "extra"}

    def _text(self, text: str) -> str:
        replaced = self._replaced(text) if text not in self._untold else ""
        return "" if replaced in _DROPPED else replaced

    def _replaced(self, text: str) -> str:
        if self._pattern is not None:
            may_be_cut = text.endswith("…") or len(text) >= _LONG
            text = self._pattern.sub(self._known, text)
            # Of a group each line may be a message that was cut.
            text = "\n".join(map(self._without_rest, text.split("\n"))) if may_be_cut else text
        if self._wanted.addresses != "keep":
            text = _ADDRESS.sub(self._address, text)
        return text

    def _known(self, found: re.Match[str]) -> str:
        return self._by_form.get(found[0].casefold(), _MARKS["users"])  # there are letters of two small forms

    def _address(self, found: re.Match[str]) -> str:
        text = found[0]
        for address in (text, text[:-1]):  # a sentence may go on after it with a colon
            try:
                return self._instead(str(ipaddress.ip_address(address)), "addresses") + text[len(address) :]
            except ValueError:
                continue
        return self._instead(text, "addresses") if "." in text else text  # a time such as 09:41:07 is none

    def _without_rest(self, text: str) -> str:
        """Return a long text without the beginning of a value at its end, where somebody cut it."""
        body = text.removesuffix("…")
        small = lower if len(lower := body.lower()) == len(body) else body
        for form in self._by_form:
            place = small.find(form[:_LEAST], max(0, len(small) - len(form) + 1))
            while place >= 0:
                if form.startswith(small[place:]):
                    return f"{body[:place]}…"
                place = small.find(form[:_LEAST], place + 1)
        return text

    def _instead(self, value: str, kind: Kind) -> str:
        if getattr(self._wanted, kind) == "drop" or not self._key:
            return _MARKS[kind]
        letter = _LETTERS[kind]
        digest = hmac.new(self._key, f"{letter}\0{value.casefold()}".encode(errors="surrogatepass"), "sha256")
        return f"{letter}-{digest.hexdigest()[:_DIGITS]}"


def _forms(value: str) -> Iterable[str]:
    """Return how a value may stand in a text: as it is, in a URL, inside a JSON text, cut as names and paths are."""
    written = {value, quote(value, safe=""), quote(value), json.dumps(value)[1:-1]}
    return {*written, value.strip(), value[:253], value.partition("?")[0]}


def _pattern(forms: Iterable[str]) -> re.Pattern[str]:
    """Return what finds whole words only: a user `al` is not in `also`."""
    small = {lower if len(lower := form.lower()) == len(form) else form for form in forms}
    return re.compile(rf"(?<![^\W_])(?:{_either(sorted(small), _BRANCHES)})(?![^\W_])", re.IGNORECASE)


def _either(texts: Iterable[str], branches: int) -> str:
    """Return a pattern for any of some texts, the longest that is there; what they begin with alike is tried once."""
    if not branches:
        return "|".join(map(re.escape, sorted(texts, key=len, reverse=True)))
    parts = []
    for _, group in groupby(texts, key=lambda text: text[0]):
        alike = list(group)
        begin = commonprefix(alike)  # noqa: RUF071 - characters are meant
        rest = [text[len(begin) :] for text in alike if text != begin]
        further = f"(?:{_either(rest, branches - 1)}){'?' if begin in alike else ''}" if rest else ""
        parts.append(re.escape(begin) + further)
    return "|".join(parts)
