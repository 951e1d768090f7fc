"""Tickets of GLPI: what the delivery algorithm asks for, said in what both of its APIs can do."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from shared.delivery.failure import Ambiguous, Failure, Gone, Refused, Temporary
from shared.delivery.preview import Preview
from shared.delivery.ticket import Found, Mark, Order, Standing, is_key
from shared.destinations.finding import Finding
from shared.destinations.glpi.api import Api, Relation
from shared.destinations.glpi.check import check
from shared.destinations.glpi.names import FIELDS, Names
from shared.destinations.glpi.record import (
    JOURNALS,
    OURS,
    Row,
    belongs,
    episode_of,
    found_of,
    is_active,
    mark_text,
    needles_of,
    standing_of,
    tag_of,
)
from shared.destinations.glpi.settings import GlpiSettings
from shared.destinations.glpi.text import html_of, title_of
from shared.destinations.http import as_unsent, naming
from shared.events.delivery import DeliveryOperation

_log = logging.getLogger(__name__)

_UNKEYED: Final = Refused("the ticket does not keep its title: a rule of GLPI changes it")
_PAUSE: Final = 600.0
"""Seconds without creating after a ticket came without its key: nobody finds it, each snapshot would make another."""


class Tickets:
    """The tickets of one GLPI as a ticket destination. `fields` are those that the mapping can set."""

    journals: Final = JOURNALS

    def __init__(self, api: Api, settings: GlpiSettings, name: str, fields: Iterable[str]) -> None:
        self.name = name
        self._api = api
        self._settings = settings
        self._mapped = frozenset(fields)
        self._names = Names(api, settings)
        self._unkeyed_until = float("-inf")

    def open(self) -> None:
        """Build the HTTP client. Raises SettingsError for a CA file that cannot be used."""
        with naming("GLPI_CA_FILE"):
            self._api.open()

    async def close(self) -> None:
        """End the session, and close all connections."""
        await self._api.close()

    async def check(self) -> list[Finding]:
        """Return what `tidings doctor` says."""
        return await check(self._api, self._settings, self._mapped)

    def preview(self, order: Order, operation: DeliveryOperation) -> list[Preview]:
        """Return the requests that create the ticket, change, solve or reopen it. Names stand for their ids."""
        fields = order.fields
        if operation == "open":
            settings = self._settings
            ours = {"itilcategories_id": settings.category, "_groups_id_assign": settings.group}
            ours |= {"_users_id_requester": settings.requester}
            names = {name: fields.get(name) or ours.get(name, "") for name in FIELDS}
            shown = {name: text for name, text in names.items() if text}
            return [Preview(self.name, "POST", *self._api.preview_add(_new_values(order, shown, ())))]
        values = _values(order, {name: text for name in FIELDS if (text := fields.get(name, ""))})
        if "content" in values:
            values["content"] = _note(fields["content"], order.mark)
        requests = [self._api.preview_change(values)] if values else []
        if operation == "resolve":
            requests.append(("POST", *self._api.preview_solve(_note(fields.get("solution", _OVER), order.mark))))
        elif operation == "reopen" or "followup" in fields:
            text = _note(fields.get("followup", _BACK), order.mark)
            requests += self._api.preview_follow(text, reopen=operation == "reopen")
        return [Preview(self.name, *request) for request in requests]

    async def find(self, episode: str, problem: str, seconds: float) -> tuple[Found, ...] | Failure:
        """Return the tickets of the episode and of its problem, compared again in code."""
        if not (is_key(episode) and is_key(problem)):
            return Refused("the episode's keys are not keys")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        rows = await self._api.find(needles_of(episode, problem), seconds)
        if not isinstance(rows, list):
            return as_unsent(rows)
        left = deadline - loop.time()
        found = await asyncio.gather(
            *(self._seen(row, episode, problem, left) for row in rows if belongs(row, episode, problem))
        )
        seen: list[Found] = []
        for one in found:
            if isinstance(one, Found):
                seen.append(one)
            elif not isinstance(one, Gone):
                return as_unsent(one)
        return tuple(seen)

    async def create(self, order: Order, seconds: float) -> Found | Failure:
        """Create a ticket, linked to the assets that are there and to the one that it follows."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        if loop.time() < self._unkeyed_until:
            return _UNKEYED
        ids, notes = await self._names.resolve(order.fields, seconds / 4, new=True)
        assets = await self._names.assets(order.fields, seconds / 4)
        if order.after is not None:
            notes.append(f"Follows {order.after.number} ({order.after.link}), which is closed.")
        made = await self._api.add(_new_values(order, ids, notes), assets, deadline - loop.time())
        if not isinstance(made, str):
            return made
        if order.after is not None:
            await self._related(made, order.after.ref, "link", deadline)
        row = await self._api.read(made, max(deadline - loop.time(), 0.0))
        if isinstance(row, Gone | Temporary | Ambiguous | Refused):
            row = {"id": made, "name": tag_of(order.mark.episode), "status": "1"}  # it is there; how, is seen later
        if episode_of(row) != order.mark.episode:
            self._unkeyed_until = loop.time() + _PAUSE
            return _UNKEYED
        return replace(found_of(row, order.mark.problem, (), self._settings.url), mark=order.mark)

    async def update(self, found: Found, order: Order, seconds: float) -> Found | Failure:
        """Change fields, and say so in a private follow-up, which holds the mark."""
        deadline = asyncio.get_running_loop().time() + seconds
        failure = await self._change(found, order, deadline)
        if failure is None and "followup" in order.fields:
            failure = await self._follow(found, order, deadline)
        return failure or await self._after(found, order, deadline)

    async def resolve(self, found: Found, order: Order, seconds: float) -> Found | Failure:
        """Add a solution, which holds the mark. Where it is solved already, that was wanted.

        A consequence becomes the child of its cause's ticket.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        failure = await self._change(found, order, deadline)
        if failure is not None:
            return failure
        solution = _note(order.fields.get("solution", _OVER), order.mark)
        failure = await self._api.solve(found.ref, solution, deadline - loop.time())
        if isinstance(failure, Refused):  # where it was solved already, that is as good
            row = await self._api.read(found.ref, max(deadline - loop.time(), 0.0))
            if isinstance(row, Gone | Temporary | Ambiguous | Refused):
                return row
            failure = failure if is_active(row) else None
        if failure is None and order.parent is not None:
            await self._related(found.ref, order.parent.ref, "child", deadline)
        return failure or await self._after(found, order, deadline, standing="resolved")

    async def reopen(self, found: Found, order: Order, seconds: float) -> Found | Failure:
        """Make it active again by a follow-up. Refused where GLPI leaves it as it is."""
        deadline = asyncio.get_running_loop().time() + seconds
        failure = await self._change(found, order, deadline) or await self._follow(found, order, deadline, reopen=True)
        if failure is not None:
            return failure
        after = await self._after(found, order, deadline, standing="active")
        return after if after.active else Refused("GLPI did not reopen the ticket")

    async def cancel(self, found: Found, keeper: Found, seconds: float) -> Found | Failure:
        """Solve a second ticket of ours as a duplicate of the one that stays, and link them."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        mark = replace(found.mark, standing="void")
        await self._related(found.ref, keeper.ref, "duplicate", deadline)
        text = f"Opened twice for one problem. {keeper.number} stays: {keeper.link}"
        failure = await self._api.solve(found.ref, _note(text, mark), deadline - loop.time())
        if failure is not None:
            return failure
        return replace(found, mark=mark, standing="resolved")

    async def _seen(self, row: Row, episode: str, problem: str, seconds: float) -> Found | Failure:
        """Return a ticket whole where it matters how it stands: our own, and active ones."""
        if episode_of(row) != episode and not is_active(row):
            return found_of(row, problem, (), self._settings.url)
        whole, notes = await asyncio.gather(self._api.read(row["id"], seconds), self._api.notes(row["id"], seconds))
        if isinstance(whole, Temporary | Ambiguous | Refused | Gone):
            return whole
        if not isinstance(notes, list):
            return notes
        return found_of(whole, problem, notes, self._settings.url)

    async def _change(self, found: Found, order: Order, deadline: float) -> Failure | None:
        """Change plain fields, take over the title's tag, link assets."""
        loop = asyncio.get_running_loop()
        ids, _ = await self._names.resolve(order.fields, (deadline - loop.time()) / 4, new=False)
        values = _values(order, ids)
        if "content" in values:  # with the mark that it had: the new one is that of the follow-up
            values["content"] = _note(order.fields["content"], found.mark)
        if found.mark.episode != order.mark.episode:
            title = order.fields.get("name") or found.fields.get("name", "")
            values |= {"name": title_of(title, tag_of(order.mark.episode)), "externalid": order.mark.episode}
        if values:
            failure = await self._api.change(found.ref, values, deadline - loop.time())
            if failure is not None:
                return failure
        assets = await self._names.assets(order.fields, (deadline - loop.time()) / 4)
        failure = await self._api.attach(found.ref, assets, deadline - loop.time()) if assets else None
        if isinstance(failure, Refused):
            _log.warning("an asset could not be linked", extra={"number": found.number, "why": failure.reason})
            return None
        return failure

    async def _follow(self, found: Found, order: Order, deadline: float, *, reopen: bool = False) -> Failure | None:
        text = _note(order.fields.get("followup", _BACK), order.mark)
        return await self._api.follow(found.ref, text, deadline - asyncio.get_running_loop().time(), reopen=reopen)

    async def _after(self, found: Found, order: Order, deadline: float, *, standing: Standing | None = None) -> Found:
        """Return the ticket as it stands now: GLPI may take a value for another, as an urgency of 9 for 3.

        `standing` is how it should stand, where that was to change.
        """
        left = deadline - asyncio.get_running_loop().time()
        after = replace(found, mark=order.mark, standing=standing or found.standing)
        if (standing or not order.fields.keys() <= JOURNALS) and left > 0:
            row = await self._api.read(found.ref, left)
            if not isinstance(row, Gone | Temporary | Ambiguous | Refused):
                now = found_of(row, order.mark.problem, (), self._settings.url)
                return replace(after, standing=standing_of(row), fields=now.fields)
        return after

    async def _related(self, ticket: str, other: str, relation: Relation, deadline: float) -> None:
        """Link two tickets; that it failed is no reason against the ticket, whose text names the other one."""
        left = deadline - asyncio.get_running_loop().time()
        failure = await self._api.relate(ticket, other, relation, left) if left > 0 else None
        if failure is not None:
            _log.warning("two tickets could not be linked", extra={"number": ticket, "why": failure.reason})


_OVER: Final = "The problem ended."
_BACK: Final = "The problem came back."


def _new_values(order: Order, ids: Mapping[str, str], notes: Iterable[str]) -> dict[str, object]:
    """Return the fields of a new ticket, keyed and marked whatever the mapping says."""
    fields = order.fields
    text = "\n\n".join([part for part in (fields.get("content", ""), "\n".join(notes)) if part])
    return {
        **_values(order, ids),
        "name": title_of(fields.get("name", ""), tag_of(order.mark.episode)),
        "content": _note(text, order.mark),
        "externalid": order.mark.episode,  # a column of GLPI 11, for reports; 10 drops what it does not know
    }


def _values(order: Order, ids: Mapping[str, str]) -> dict[str, object]:
    """Return the fields that are written as such, numbers as numbers; `ids` stand for what may be names."""
    fields = {name: text for name, text in order.fields.items() if name not in OURS | JOURNALS and name not in FIELDS}
    values: dict[str, object] = {name: _number(text) for name, text in {**fields, **ids}.items()}
    if "name" in fields:
        values["name"] = title_of(fields["name"], tag_of(order.mark.episode))
    return values


def _note(text: str, mark: Mark) -> str:
    """Return a text as the HTML that ends with our mark."""
    return html_of(f"{text.rstrip()}\n\n{mark_text(mark)}")


def _number(text: str) -> object:
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 10 else text  # noqa: PLR2004
