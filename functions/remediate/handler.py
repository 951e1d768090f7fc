"""The function `remediate`: an episode in, at most one act on its cluster out, by the first hook that takes it.

It does nothing until REMEDIATE and REMEDIATE_HOOKS are set, and only what a hook, RBAC and the switch allow together.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import ValidationError

from functions.remediate.acting import Acting, Bounds, Ended
from functions.remediate.asking import Asking
from functions.remediate.hook import ACTS_ON, Hook, Thing, held, passed_over, start_of, taking
from functions.remediate.kept import Kept, UnreadableError
from functions.remediate.ledger import Act, Refusal
from functions.remediate.live import live_hooks, load
from functions.remediate.mark import Mark
from functions.remediate.reporting import NAME, previews, report_of
from functions.remediate.settings import RemediateSettings
from functions.remediate.verbs import doing, known
from shared.cluster.access import Cluster
from shared.cluster.api import Api
from shared.cluster.settings import clusters_of
from shared.delivery.claim import Memory
from shared.delivery.preview import Preview
from shared.delivery.ticket import is_key
from shared.destinations.finding import Finding
from shared.events.cloudevent import CloudEvent
from shared.events.episode import Episode
from shared.events.outcome import Ignored, Rejected, Retry, label
from shared.events.said import said_by
from shared.runtime.function import Call, Readiness, Result
from shared.runtime.parts import opened_store
from shared.runtime.probe import Probe
from shared.runtime.turns import Turns
from shared.settings.environment import Environ, SettingsError, read
from shared.sources.registry import UNKNOWN_CLUSTER
from shared.stores.protocol import Store, StoreUnavailableError
from shared.telemetry.metrics import Metrics

_CONNECTIONS = 4
_CHECKED = 15.0
_SPARE = 1.0  # seconds before the deadline by which the API server must have answered: what it said is written down


class Remediate:
    """The function. A store that it was given (`owned` is False) is not its to close."""

    name = NAME

    def __init__(
        self, settings: RemediateSettings, clusters: Sequence[Cluster], metrics: Metrics, store: Store, *, owned: bool
    ) -> None:
        self._settings = settings
        self._apis = {one.name: Api(one, _CONNECTIONS) for one in clusters}
        self._metrics = metrics
        self._store = store
        self._owned = owned
        self._live = live_hooks(settings.hooks, metrics)
        self._kept = Kept(store)
        self.acting = Acting(self._kept, Bounds(settings.mode, settings.switch, settings.own_namespace))
        self._turns = Turns()
        self._probe = Probe(store)

    async def start(self) -> None:
        """Load the hooks, and ask the store once."""
        await self._live.start()
        await self._probe.look()

    async def handle(self, event: CloudEvent, call: Call) -> Result:
        """Do what a hook says of an episode; reply with the report of what was done, tried or refused."""
        if self._settings.mode == "off":
            return self._dropped("off", "remediation is off")
        episode = _episode(event)
        if not isinstance(episode, Episode):
            return self._dropped("not_ours", "no episode") if episode is None else Result(episode)
        hooks, api = self._live.value, self._apis.get(episode.cluster)
        if hooks is None:
            return Result(Retry("there are no hooks yet"))
        if api is None or not hooks:
            return self._dropped("not_ours", "it is of another cluster" if hooks else "there are no hooks")
        return await self._read(hooks, episode, event, Asking(api, call.deadline - _SPARE))

    async def _read(self, hooks: Sequence[Hook], episode: Episode, event: CloudEvent, asking: Asking) -> Result:
        try:
            async with self._turns.of(episode.id):
                # Also of one that no hook takes: an older snapshot of it may have been taken, and waits.
                if not await self._kept.is_newest(episode):
                    return self._dropped("out_of_order", "a newer snapshot of it is known")
                found = await self._acted(hooks, episode, asking)
        except StoreUnavailableError:
            self._probe.failed()
            return Result(Retry("the store cannot be asked"))
        except UnreadableError:
            return Result(Retry("what was done cannot be read, or a newer release wrote it"))
        if found is None:
            return self._dropped("not_ours", "no hook takes it")
        hook, ended = found
        self._count(hook, ended)
        return Result(ended.outcome, report_of(ended, episode, event))

    async def _acted(self, hooks: Sequence[Hook], episode: Episode, asking: Asking) -> tuple[Hook, Ended] | None:
        """Act by the first hook that takes a problem and allows what it led to; None where no hook takes it."""
        found = None
        for hook in taking(hooks, episode):
            found = hook, await self.acting.act(hook, episode, asking)
            if not found[1].foreign:
                break
        return found

    def readiness(self) -> Readiness:
        """Return whether hooks and store are there, and how far it goes."""
        missing = () if self._live.value is not None else ("the hooks cannot be loaded: see the log",)
        notes = {"off": "nothing is done: REMEDIATE is off", "dry-run": "everything is a dry run", "on": ""}
        idle = self._settings.mode != "off" and self._live.value == ()
        note = "nothing is done: there are no hooks" if idle else notes[self._settings.mode]
        return Readiness((*missing, *self._probe.problems), (note,) if note else ())

    async def stop(self) -> None:
        """Close what `new` opened and `start` began."""
        await self._live.stop()
        await self._probe.stop()
        for api in self._apis.values():
            await api.close()
        if self._owned:
            await self._store.close()

    def preview(self, episode: Episode, told: Memory | None = None) -> list[Preview] | Rejected:  # noqa: ARG002
        """Return the request that the episode would cause, as far as it is known without the cluster. No I/O there.

        Braces stand for what the cluster alone knows.
        """
        hooks = self._live.value if self._live.value is not None else load(self._settings.hooks)
        hook = next(taking(hooks, episode), None)
        if hook is None:
            return Rejected("hooks", _nobody(hooks, episode))
        if why := held(episode):
            return Rejected("hooks", f"{hook.name}: not done: {why}")
        now = datetime.now(UTC)
        act = Act(id="{act}", hook=hook.name, thing="", episode=episode.id, revision=1, time=0.0, since=0.0)
        request = doing(hook, known(_meant(hook, episode)), Mark.of(act, hook.do, now.replace(microsecond=0)))
        if isinstance(request, Refusal):
            return Rejected("hooks", f"{hook.name}: not done: {request.why}")
        return previews(request)

    async def check(self) -> list[Finding]:
        """Return what `tidings doctor` says: hooks, switch and rights. Raises HooksError for hooks that are none."""
        from functions.remediate.checking import check  # nobody else asks

        cluster, api = next(iter(self._apis.items()), ("", None))
        asking = None if api is None else Asking(api, asyncio.get_running_loop().time() + _CHECKED)
        return await check(self._settings, load(self._settings.hooks), cluster, asking)

    def _dropped(self, reason: str, why: str) -> Result:
        self._metrics.count("tidings_dropped_total", function=NAME, reason=reason, intentional="true")
        return Result(Ignored(why))

    def _count(self, hook: Hook, ended: Ended) -> None:
        result = "refused" if ended.refused else "dry_run" if ended.dry and ended.told else label(ended.outcome)
        self._metrics.count("tidings_acts_total", do=hook.do, result=result)
        if isinstance(ended.outcome, Retry) and ended.outcome.refused:
            self._metrics.count("tidings_auth_failures_total", destination=NAME)


def new(
    environ: Environ, metrics: Metrics, *, store: Store | None = None, clusters: tuple[Cluster, ...] | None = None
) -> Remediate:
    """Build the function; hooks are read at its start. `clusters` go before that of the settings.

    Raises SettingsError.
    """
    settings = read(RemediateSettings, environ)
    owned = store is None
    store = opened_store(settings.store_url, environ) if store is None else store
    return Remediate(settings, _clusters(settings, environ, clusters), metrics, store, owned=owned)


def _clusters(settings: RemediateSettings, environ: Environ, given: tuple[Cluster, ...] | None) -> tuple[Cluster, ...]:
    if given is not None or settings.mode == "off":
        return given or ()
    found = clusters_of(settings.kubeconfig, settings.cluster, environ)
    if found[0].name == UNKNOWN_CLUSTER:
        raise SettingsError(["CLUSTER is not set: without it nobody knows whose problems are to be acted on"])
    return found


def _episode(event: CloudEvent) -> Episode | Rejected | None:
    """Return the episode of an event, None where it has none."""
    try:
        episode = said_by(event, {Episode})
    except ValidationError:
        return Rejected("decode", "the data is no episode")
    if not isinstance(episode, Episode):
        return None
    if is_key(episode.id) and is_key(episode.problem_key):
        return episode
    return Rejected("decode", "its id and key must be keys: a-z, 0-9, -")


def _meant(hook: Hook, episode: Episode) -> Thing:
    """Return the thing that is meant, as far as the problem itself tells."""
    start = start_of(hook, episode)
    if start is None:
        raise ValueError("a hook that takes a problem knows where it begins")
    kinds = ACTS_ON[hook.do]
    if not kinds or start.kind in kinds:
        return start
    allowed = [kind for kind in kinds if hook.only is not None and kind.name in hook.only.kinds]
    workload = episode.relations.get("workload", "").rpartition("/")[2]
    return Thing((allowed or kinds)[0], start.namespace, workload or f"{{controller of {start.name}}}")


def _nobody(hooks: Sequence[Hook], episode: Episode) -> str:
    said = [f"{hook.name}: {passed_over(hook, episode)}" for hook in hooks]
    return f"no hook takes it ({'; '.join(said)})" if said else "there are no hooks"
