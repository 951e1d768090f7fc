"""Change requests as tickets of roll-outs, by the change management API, whose state model alone says what may follow.

The mark gets its revision with the last request of each walk. What ends in between is as if it had not been told: it
goes on, from the state that is found, once the snapshot comes again.
"""

import asyncio
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from shared.delivery.claim import Memory
from shared.delivery.failure import Failure, Refused
from shared.delivery.plan import untouched
from shared.delivery.preview import Preview
from shared.delivery.ticket import Found, Mark, Order, is_key
from shared.destinations.finding import Finding
from shared.destinations.http import naming
from shared.destinations.servicenow.answers import Rows
from shared.destinations.servicenow.change_check import check_changes
from shared.destinations.servicenow.change_record import (
    ANNOUNCED,
    CANCELED,
    CLOSED,
    CORE_FIELDS,
    IMPLEMENT,
    LABELS,
    NOT_SENT,
    OURS,
    REVIEW,
    ROOT,
    TABLE,
    TEMPLATES,
    TYPE,
    found_of,
    judge_conflicts,
    judge_created,
    judge_following,
    judge_patched,
    step_to,
)
from shared.destinations.servicenow.client import Client
from shared.destinations.servicenow.keyed import UNKEYED, Keyed
from shared.destinations.servicenow.lookups import Lookups, groups_and_items, people, sent_as_they_are
from shared.destinations.servicenow.record import JOURNALS, display_of, plain
from shared.destinations.servicenow.references import KEEP, is_safe, is_sys_id
from shared.destinations.servicenow.settings import ChangeSettings
from shared.events.delivery import DeliveryOperation

_NUMBER: Final = re.compile(r"[A-Z]{2,6}\d{4,12}")
_MOST: Final = 20
_NO_TEMPLATE: Final = Refused("a standard change needs SERVICENOW_CHANGE_TEMPLATE, by a name or sys_id that is there")
_STAYED: Final = Refused("the instance answered well and did not change the state")
_STANDARD: Final = "standard"
_GROUP: Final = "assignment_group"


class Changes:
    """The change requests of one instance as a ticket destination. `fields` are those that the mapping can set."""

    journals: Final = JOURNALS

    def __init__(self, client: Client, settings: ChangeSettings, name: str, fields: Iterable[str]) -> None:
        self.name = name
        self._client = client
        self._settings = settings
        self._mapped = frozenset(fields) - NOT_SENT
        self._lookups = Lookups(
            {**groups_and_items(client, settings), "requested_by": people(client, "user", "")},
        )
        self._template = ("", float("-inf"))
        others = (self._mapped | {_GROUP}) - set(CORE_FIELDS) - self.journals
        self._fields = ",".join([*CORE_FIELDS, *sorted(others)])
        self._end = REVIEW if settings.end == "review" else CLOSED
        self._keyed = Keyed(self._found)

    def open(self) -> None:
        """Build the HTTP client. Raises SettingsError for a CA file that cannot be used."""
        with naming("SERVICENOW_CA_FILE"):
            self._client.open()

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def check(self) -> list[Finding]:
        """Return what `tidings doctor` says."""
        return await check_changes(self._client, self._settings, self._mapped)

    def preview(self, order: Order, operation: DeliveryOperation) -> list[Preview]:
        """Return the request that creates the change, changes or ends it; each state on the way is one more."""
        place = f"{self._settings.instance}{ROOT}"
        if operation != "open":
            body = _marked(order)
            body = {**_closing(body, {}), "state": self._end} if operation == "resolve" else body
            return [Preview(self.name, "PATCH", f"{place}/{{sys_id}}", body)]
        named = sent_as_they_are(order.fields, self._lookups.fields)
        kind = self._type(order)
        path = f"{place}/{kind}/{{template}}" if kind == _STANDARD else f"{place}/{kind}"
        return [Preview(self.name, "POST", path, {**_marked(order), **named})]

    async def find(self, episode: str, problem: str, seconds: float) -> tuple[Found, ...] | Failure:
        """Return the requests of the roll-out, compared again in code. Those of other roll-outs are none of its own."""
        if not (is_key(episode) and is_key(problem)):
            return Refused("the change's keys are not keys")
        query = f"correlation_id={episode}^ORDERBYDESCsys_created_on"
        answer = await self._client.search(TABLE, query, self._fields, _MOST, seconds)
        if not isinstance(answer, Rows):
            return answer
        rows = [row for row in answer.rows if row.get("sys_id") and row.get("correlation_id") == episode]
        return tuple(self._found(row, problem) for row in rows)

    async def create(self, order: Order, seconds: float) -> Found | Failure:
        """Make the request, or take the one that people announced, and put it to Implement as far as that may be."""
        deadline = asyncio.get_running_loop().time() + seconds
        if self._keyed.refuses:
            return UNKEYED
        begun = replace(order, mark=replace(order.mark, revision=0))
        made, notes = await self._announced(begun, seconds)
        if made is None:
            made = await self._made(begun, notes, deadline)
        made = self._keyed.created(made)
        if not isinstance(made, Found):
            return made
        found = await self._client.ask("GET", f"{ROOT}/{made.ref}/conflict", None, judge_conflicts, _left(deadline))
        values = {"correlation_display": display_of(order.mark)}
        if isinstance(found, tuple) and found:  # not being told of conflicts is no reason to wait
            values["work_notes"] = "Conflicts with other changes:\n" + "\n".join(found)
        return await self._walk(made, IMPLEMENT, values, order.mark, deadline)

    async def update(self, found: Found, order: Order, seconds: float) -> Found | Failure:
        """Change fields and mark, and go on to Implement where the roll-out runs and people do not hold it back."""
        deadline = asyncio.get_running_loop().time() + seconds
        values = await self._values(order, found, deadline)
        runs = order.mark.standing == "open" and found.standing == "active"
        return await self._walk(found, IMPLEMENT if runs else "", values, order.mark, deadline)

    async def resolve(self, found: Found, order: Order, seconds: float) -> Found | Failure:
        """Put it to its end. Where its state model does not allow that, people are told, and it stays where it is."""
        deadline = asyncio.get_running_loop().time() + seconds
        values = _closing(await self._values(order, found, deadline), found.fields)
        return await self._walk(found, self._end, values, order.mark, deadline)

    async def reopen(self, found: Found, order: Order, seconds: float) -> Found | Failure:  # noqa: ARG002
        """Refuse: what was rolled out is not rolled out again, a further roll-out is another change."""
        return Refused("a change that has ended is not begun again")

    async def cancel(self, found: Found, keeper: Found, seconds: float) -> Found | Failure:
        """Cancel a second request of ours, with a link to the one that stays."""
        mark = replace(found.mark, standing="void")
        values = {
            "state": CANCELED,
            "correlation_display": display_of(mark),
            "work_notes": f"Made twice for one roll-out. {keeper.number} stays: {keeper.link}",
        }
        return self._keyed.one(await self._patch(found.ref, values, seconds), mark)

    async def _made(self, order: Order, notes: list[str], deadline: float) -> Found | Failure:
        kind = self._type(order)
        template = await self._template_id(_left(deadline) / 2) if kind == _STANDARD else ""
        if not isinstance(template, str):
            return template
        path = f"{ROOT}/{kind}/{template}" if template else f"{ROOT}/{kind}"
        found, missing = await self._lookups.resolve(self._lookups.of(order.fields), _left(deadline) / 2)
        body = {name: text for name, text in _marked(order).items() if name not in self._lookups.fields} | found
        told = "\n".join(part for part in (body.get("work_notes", ""), *notes, *missing) if part)
        body |= plain({"work_notes": told} if told else {})
        answer = await self._client.ask("POST", path, body, judge_created, _left(deadline))
        return self._keyed.one(answer, order.mark)

    async def _announced(self, order: Order, seconds: float) -> tuple[Found | Failure | None, list[str]]:
        """Take the request whose number people announced, unless it is closed or another roll-out's; else say why."""
        number = order.fields.get(ANNOUNCED, "")
        if not _NUMBER.fullmatch(number):
            return None, []
        deadline = asyncio.get_running_loop().time() + seconds
        answer = await self._client.search(TABLE, f"number={number}", self._fields, 2, seconds / 3)
        if isinstance(answer, Refused):
            return None, [f"{number} was announced and could not be read."]
        if not isinstance(answer, Rows):
            return answer, []
        row = next((row for row in answer.rows if row.get("number") == number and row.get("sys_id")), None)
        if row is None:
            return None, [f"{number} was announced and is not there."]
        found = self._found(row, order.mark.problem)
        if not found.active or row.get("correlation_id"):
            why = "has another roll-out already" if found.active else "is closed"
            return None, [f"{number} was announced and {why}."]
        values = await self._values(order, found, deadline)
        mark = {name: values.pop(name) for name in ("correlation_id", "correlation_display")}
        body = untouched(values, found, Memory(), self.journals) | mark
        return self._keyed.one(await self._patch(found.ref, body, _left(deadline)), order.mark), []

    async def _walk(
        self, found: Found, target: str, values: dict[str, str], mark: Mark, deadline: float
    ) -> Found | Failure:
        """Put a request to the target, one state after the other as each may follow; write values with the last one."""
        state = found.fields.get("state", "")
        step = await self._next(found.ref, state, target, deadline)
        while isinstance(step, str) and step not in {"", target}:
            early = {_GROUP: values[_GROUP]} if _GROUP in values else {}  # without one no state is taken
            moved = self._keyed.one(await self._patch(found.ref, {**early, "state": step}, _left(deadline)), found.mark)
            if not isinstance(moved, Found):
                return moved
            if moved.fields.get("state") != step:
                return _STAYED
            state = step
            step = await self._next(found.ref, state, target, deadline)
        if not isinstance(step, str):
            return step
        if not step and state != target and mark.standing == "over" and target:
            left = (
                f"It stays in {LABELS.get(state, state)}: this instance does not let it go on to {LABELS[target]} now."
            )
            values = {**values, "work_notes": "\n".join(filter(None, (values.get("work_notes", ""), left)))}
        body = {**values, "state": step} if step else values
        return self._keyed.one(await self._patch(found.ref, body, _left(deadline)), mark)

    async def _next(self, ref: str, state: str, target: str, deadline: float) -> str | Failure:
        if state == target or not target:
            return ""
        answer = await self._client.ask("GET", f"{ROOT}/{ref}/nextstates", None, judge_following, _left(deadline))
        return answer if isinstance(answer, Failure) else step_to(target, state, answer)

    async def _values(self, order: Order, found: Found, deadline: float) -> dict[str, str]:
        """Return the body of a change: fields, mark, and the references that were found; a group where it has none."""
        values = _marked(order)
        named = self._lookups.taken_from(values)
        named |= {} if found.fields.get(_GROUP) else {_GROUP: named.get(_GROUP, "")}
        return {**values, **(await self._lookups.resolve(named, _left(deadline) / 2))[0]}

    async def _patch(self, ref: str, values: Mapping[str, str], seconds: float) -> Rows | Failure:
        return await self._client.ask("PATCH", f"{ROOT}/{ref}", values, judge_patched, seconds)

    async def _template_id(self, seconds: float) -> str | Failure:
        """Return the sys_id of the standard change template, asked for by its name every ten minutes."""
        name, now = self._settings.template, asyncio.get_running_loop().time()
        if is_sys_id(name) or now < self._template[1]:
            return name if is_sys_id(name) else self._template[0]
        if not is_safe(name):
            return _NO_TEMPLATE
        answer = await self._client.search(TEMPLATES, f"name={name}^active=true", "sys_id,name", 2, seconds)
        if not isinstance(answer, Rows):
            return answer
        found = next((row.get("sys_id", "") for row in answer.rows if row.get("name", "").lower() == name.lower()), "")
        if not found:
            return _NO_TEMPLATE
        self._template = (found, now + KEEP)
        return found

    def _type(self, order: Order) -> str:
        return order.fields.get(TYPE) or (_STANDARD if self._settings.template else "normal")

    def _found(self, row: Mapping[str, str], problem: str) -> Found:
        return found_of(row, problem, self._settings.instance)


def _left(deadline: float) -> float:
    return max(0.0, deadline - asyncio.get_running_loop().time())


def _marked(order: Order) -> dict[str, str]:
    """Return the body that every write has: the mapped fields and the mark."""
    values = {name: value for name, value in order.fields.items() if name not in OURS | NOT_SENT}
    return {**plain(values), "correlation_id": order.mark.episode, "correlation_display": display_of(order.mark)}


def _closing(values: dict[str, str], now: Mapping[str, str]) -> dict[str, str]:
    """Return the body that ends one: what someone wrote there already stays."""
    code = now.get("close_code") or values.get("close_code") or "successful"
    notes = now.get("close_notes") or values.get("close_notes") or "The roll-out has ended."
    return {**values, "close_code": code, "close_notes": notes}
