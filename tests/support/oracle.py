"""What tickets there are to be: a plain and slow oracle.

Written from the words alone that people are told (docs/episodes.md, and what is wanted of policy), by another hand than
the correlator: it goes through time second by second, with the facts in the order in which they happened, and looks at
everything each time. It knows no stores, ticks, records or keys with hashes. All times are whole seconds.
"""

from collections.abc import Iterable

from tests.support.oracle_values import SUMMARY, Fact, Problem, Rules, Setting, Ticket

__all__ = ["SUMMARY", "Fact", "Oracle", "Rules", "Setting", "Ticket", "oracle"]


class Oracle:
    """Goes through one history."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.tickets: list[Ticket] = []
        self._problems: dict[str, Problem] = {}
        self._members: dict[str, list[str]] = {}  # the keys of each group, in the order in which they were first seen
        self._newest: dict[str, Ticket] = {}  # of each group
        self._waits: dict[str, int] = {}  # groups that gather, and since when
        self._owed: dict[
            str, tuple[int, int]
        ] = {}  # what waited long enough, but was over when it was looked at: since
        # when, and which of the problems of its key it was
        self._under: dict[str, str] = {}  # what takes a key in
        self._freed: dict[str, int] = {}  # when something last took a key in
        self._outlived: set[str] = set()  # what has outlived that
        self._summed: set[str] = set()  # groups that are in the summary

    def tell(self, facts: Iterable[Fact], end: int) -> list[Ticket]:
        """Return the tickets that there are at `end`, in the order in which they first opened."""
        at: dict[int, list[Fact]] = {}
        for fact in facts:
            at.setdefault(fact.time, []).append(fact)
        for second in range(end + 1):
            self._silences(second)
            for fact in sorted(at.get(second, ()), key=lambda each: (not each.problem, each.key, each.source)):
                self._happens(fact)
            self._deserve(second)
            self._reopen(second)
            if second % self.setting.every == 0:
                self._look_for_causes(second)
            self._gather(second)
            if second % self.setting.every == 0:
                self._consequences(second)
                self._pay(second)
            self._open(second)
            self._close(second)
        return self.tickets

    def lives(self, key: str) -> int:
        """Return how many problems of a key there were: what came back soon enough is the same."""
        return self._problems[key].life if key in self._problems else 0

    def _silences(self, now: int) -> None:
        for key, problem in self._problems.items():
            rules = self.setting.rules_of(key)
            held = problem.ending is not None and now >= problem.ending + problem.calm
            quiet = bool(rules.resolve_after) and now >= problem.last + rules.resolve_after
            if problem.alive and (held or quiet):
                problem.over(now)
                self._forget(key)

    def _happens(self, fact: Fact) -> None:
        if fact.key not in self._problems:
            self._problems[fact.key] = Problem()
            self._members.setdefault(self.setting.group(fact.key), []).append(fact.key)
        problem = self._problems[fact.key]
        rules = self.setting.rules_of(fact.key)
        if fact.problem:
            problem.see(fact, rules)
        elif problem.alive:
            problem.well(fact, rules)

    def _deserve(self, now: int) -> None:
        """Note what occurred often enough: once is for good, as long as it is the same problem."""
        for key, problem in self._problems.items():
            rules = self.setting.rules_of(key)
            if not problem.alive:
                self._forget(key)
                continue
            if not problem.deserves:
                since = now - rules.open_within if rules.open_within else 0
                problem.deserves = sum(at >= since for at in problem.happened) >= rules.open_after

    def _forget(self, key: str) -> None:
        """Forget what took in a problem that is over."""
        self._under.pop(key, None)
        self._freed.pop(key, None)
        self._outlived.discard(key)

    def _alive(self, key: str) -> bool:
        return key in self._problems and self._problems[key].alive

    def _wants(self, key: str, now: int) -> bool:
        """Return whether a key is to have a ticket, waits aside: often enough, for long enough, and nobody's fault."""
        if not self._alive(key) or self._is_taken(key):
            return False
        problem, rules = self._problems[key], self.setting.rules_of(key)
        return problem.deserves and now >= problem.begun + rules.open_lasting

    def _is_taken(self, key: str) -> bool:
        return bool(self._under.get(key)) or (key in self._freed and key not in self._outlived)

    def _look_for_causes(self, now: int) -> None:
        for key, problem in self._problems.items():
            before = self._under.get(key)
            self._under[key] = self._cause(key) if problem.alive and problem.deserves else ""
            if before or self._under[key]:
                self._freed[key] = now
                self._outlived.discard(key)
            free = key in self._freed and not self._under[key]
            if free and problem.ending is None and now >= self._freed[key] + self.setting.outlive:
                self._outlived.add(key)  # what is about to end does not outlive anything

    def _cause(self, key: str) -> str:
        """Return the problem at the bottom of a key that lasts and deserves a ticket; empty where there is none."""
        return next((self._cause(cause) or cause for cause in self._causes(key)), "")

    def _causes(self, key: str) -> list[str]:
        """Return what takes a key in at once; the first is what counts."""
        causes = self.setting.causes.get(key, ())
        return [cause for cause in causes if self._alive(cause) and self._problems[cause].deserves]

    def _lasting(self, group: str) -> list[str]:
        """Return the keys of a group that last, happened often enough, and are no consequence of anything."""
        return [key for key in self._deserving(group) if not self._is_taken(key)]

    def _deserving(self, group: str) -> list[str]:
        return [key for key in self._members.get(group, ()) if self._alive(key) and self._problems[key].deserves]

    def _consequences(self, now: int) -> None:
        """Close what turns out to be the consequence of something else."""
        for ticket in self.tickets:
            if ticket.open and ticket.group != SUMMARY:
                members = self._deserving(ticket.group)
                causes = {self._under.get(key, "") for key in members}
                if members and "" not in causes:
                    ticket.close(now, "consequence", min(causes))

    def _gather(self, now: int) -> None:
        """Note since when a group wants a ticket, and what was over before anybody looked."""
        for group, members in self._members.items():
            wanting = [key for key in members if self._wants(key, now)]
            if wanting:
                waited = any(key in self._freed for key in wanting) * self.setting.rules_of(wanting[0]).group_wait
                self._waits[group] = min(self._waits.get(group, now), now - waited)
                continue
            since = self._waits.pop(group, None)
            if since is None or group in self._summed or group not in self._problems or self._alive(group):
                continue
            newest = self._newest.get(group)
            if now > since + self.setting.rules_of(group).group_wait and not (newest and self._same(newest, now)):
                self._owed[group] = (now, self._problems[group].life)

    def _pay(self, now: int) -> None:
        """Give what was over before anybody looked the ticket that it should have had, unless a cause takes it in."""
        for group, (since, life) in list(self._owed.items()):
            rules = self.setting.rules_of(group)
            if now >= since + (self.setting.certain if rules.open_lasting else 0):
                del self._owed[group]
                if not self._cause(group):
                    self._opens(group, {group}, now, rules, life)

    def _reopen(self, now: int) -> None:
        """Give what came back its ticket again; whether something takes it in is looked at later."""
        for key in self._problems:
            newest = self._newest.get(key)
            if newest and not newest.open and self._same(newest, now) and self._lasting(key):
                newest.reopen(now)

    def _open(self, now: int) -> None:
        for group, members in self._members.items():
            newest = self._newest.get(group)
            same = newest is not None and self._same(newest, now)
            wanting = [key for key in members if self._wants(key, now)]
            if same and group in self._problems and self._lasting(group):
                wanting = [group]
            looked = now % self.setting.every == 0  # one key's own ticket comes back with it; a group's is looked at
            if not wanting or (same and group not in self._problems and not looked):
                continue
            if newest is not None and (newest.open or same):
                newest.keys |= set(wanting)
                if not newest.open:
                    newest.reopen(now)
                continue
            rules = self.setting.rules_of(wanting[0])
            waited = now >= self._waits[group] + rules.group_wait
            certain = not rules.open_lasting or any(
                now >= self._problems[key].begun + rules.open_lasting + self.setting.certain for key in wanting
            )
            if waited and certain and looked:
                self._opens(group, set(wanting), now, rules, self.lives(group))

    def _same(self, ticket: Ticket, now: int) -> bool:
        """Return whether what wants a ticket now is what this one is, or was, about."""
        if ticket.group in self._problems:
            return ticket.life == self._problems[ticket.group].life
        closed = ticket.spans[-1][1]
        rules = self.setting.rules_of(min(ticket.keys))
        return closed is None or now <= closed + rules.reopen_within

    def _opens(self, group: str, keys: set[str], now: int, rules: Rules, life: int) -> None:
        """Open a ticket, or, beyond the limit, let the summary stand for it."""
        if group in self._summed:
            return
        recent = [one for one in self.tickets if one.group != SUMMARY and one.spans[0][0] > now - rules.limit_within]
        if not rules.limit or len(recent) < rules.limit:
            self._make(Ticket(group, [(now, None)], set(keys), life=life))
            return
        if not self._lasting(group):
            return  # it is over: the summary is of what lasts
        self._summed.add(group)
        summary = self._newest.get(SUMMARY)
        if summary is None or not self._same(summary, now):
            self._make(Ticket(SUMMARY, [(now, None)], set(keys)))
            return
        if not summary.open:
            summary.reopen(now)
        summary.keys |= keys

    def _make(self, ticket: Ticket) -> None:
        self.tickets.append(ticket)
        self._newest[ticket.group] = ticket

    def _close(self, now: int) -> None:
        self._summed = {group for group in self._summed if self._lasting(group)}
        for ticket in self.tickets:
            if ticket.open and not (self._summed if ticket.group == SUMMARY else self._is_about(ticket)):
                ticket.close(now, "over")

    def _is_about(self, ticket: Ticket) -> bool:
        """Return whether what the ticket is about lasts; what came back too late to be the same has its own."""
        return bool(self._lasting(ticket.group)) and ticket.life == self.lives(ticket.group)


def oracle(facts: Iterable[Fact], end: int, setting: Setting | None = None) -> list[Ticket]:
    """Return the tickets that there are to be at `end`."""
    return Oracle(setting or Setting()).tell(facts, end)
