"""The classifier function: an observation in, its verdict out as the one reply."""

from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field

from functions.classifier.live import live_rules
from shared.events import attributes
from shared.events.cloudevent import CloudEvent, type_of_verdict
from shared.events.model import Observation, classified_data
from shared.events.outcome import Done, Ignored, Rejected, Retry
from shared.rules.classify import classify
from shared.rules.ruleset import RuleSet
from shared.runtime.function import Call, Readiness, Result
from shared.runtime.live import Live
from shared.settings.environment import Environ, Settings, read
from shared.sources.registry import decode
from shared.telemetry.metrics import Metrics
from shared.telemetry.trace import continued

NAME = "classifier"
SOURCE = "tidings/classifier"
_OF_REQUESTS = "audit"
"""The dialect that tells who asked for what: whoever enters our own pods is no echo of ours."""


class ClassifierSettings(Settings):
    """Settings of the classifier."""

    cluster: str = Field(default="", alias="CLUSTER", description="Name of the cluster, where an event has none.")
    own_namespace: str = Field(
        default="",
        alias="OWN_NAMESPACE",
        description="The namespace that Tidings itself runs in: what is seen there in its own cluster ends here.",
    )
    mask_entropy: float = Field(
        default=0.0,
        ge=0.0,
        le=8.0,
        alias="MASK_ENTROPY",
        description="Bits of entropy for each character from which on a long word is masked, as 4; 0 masks none.",
    )
    rules: Path | None = Field(
        default=None, alias="CLASSIFIER_RULES", description="A folder of own packs that go above the shipped ones."
    )


class Classifier:
    """Classifies one event at a time; pure but for the rules, which follow their folder."""

    name = NAME

    def __init__(self, settings: ClassifierSettings, metrics: Metrics, rules: Live[RuleSet]) -> None:
        self._cluster = settings.cluster
        self._own_namespace = settings.own_namespace
        self._mask_entropy = settings.mask_entropy
        self._metrics = metrics
        self._rules = rules

    async def start(self) -> None:
        """Load the rules. Broken ones leave the function not ready; it looks again until they are mended."""
        await self._rules.start()

    async def handle(self, event: CloudEvent, call: Call) -> Result:  # noqa: ARG002 - it never waits for anything
        """Reply with the event's classified observation."""
        ruleset = self._rules.value
        if ruleset is None:
            return Result(Retry("no rules are loaded"))
        decoded = decode(event, cluster=self._cluster, now=datetime.now(UTC))
        if isinstance(decoded, Rejected):
            return Result(decoded)
        if isinstance(decoded, Ignored):
            return self._dropped("not_ours", decoded)
        if not decoded:
            return self._dropped("nothing_to_tell", Ignored("the payload holds no observation, as a flow that passed"))
        if len(decoded) != 1:
            return Result(Rejected("decode", "an event for the classifier carries exactly one observation"))
        seen = self._without_random(decoded[0]) if self._mask_entropy else decoded[0]
        return self._ended(seen) or Result(Done(), self._reply(event, seen, ruleset))

    def _without_random(self, observation: Observation) -> Observation:
        from shared.events.redaction_entropy import without_random  # a start pays for it only where it is asked for

        return without_random(observation, self._mask_entropy)

    def _ended(self, observation: Observation) -> Result | None:
        """Return how an observation ended that nobody is to hear of; None for all others."""
        if self._is_ours(observation):
            return self._dropped("echo", Ignored("Tidings' own pods caused it"))
        if _is_expiry(observation):
            return self._dropped("event_expired", Ignored("an Event object that the cluster deleted says nothing"))
        return None

    def _is_ours(self, observation: Observation) -> bool:
        """Return True for what is seen in our own namespace, of our own cluster where that has a name (F59)."""
        if not self._own_namespace or self._cluster not in {"", observation.cluster}:
            return False
        if observation.dialect == _OF_REQUESTS:
            return False
        thing = observation.object
        return self._own_namespace == (thing.name if thing.kind == "Namespace" else thing.namespace)

    def readiness(self) -> Readiness:
        """Return not ready until a first good rule set is there."""
        if self._rules.value is not None:
            return Readiness()
        return Readiness(("the rules cannot be loaded: run `tidings validate`",))

    async def stop(self) -> None:
        """End the watch over the rules."""
        await self._rules.stop()

    def _reply(self, event: CloudEvent, observation: Observation, ruleset: RuleSet) -> CloudEvent:
        verdict = classify(observation, ruleset)
        for kind in observation.masked.values():
            self._metrics.count("tidings_redactions_total", kind=kind)
        if not verdict.known:
            self._metrics.count("tidings_unknown_reasons_total", category=verdict.category)
        return CloudEvent(
            id=f"{observation.identity}.classified",
            source=SOURCE,
            type=type_of_verdict(verdict.category),
            subject=attributes.clean(observation.object.path),
            time=observation.time,
            extensions={**attributes.of(observation, verdict), **continued(event.extensions)},
            data=classified_data(observation, verdict),
        )

    def _dropped(self, reason: str, outcome: Ignored) -> Result:
        self._metrics.count("tidings_dropped_total", function=NAME, reason=reason, intentional="true")
        return Result(outcome)


def new(environ: Environ, metrics: Metrics) -> Classifier:
    """Build the function from the environment, without I/O. Raises SettingsError."""
    settings = read(ClassifierSettings, environ)
    return Classifier(settings, metrics, live_rules(settings.rules, metrics))


def _is_expiry(observation: Observation) -> bool:
    """Return True for the deletion of an Event object: the cluster forgets Events after an hour, that ends nothing."""
    return observation.dialect == "kubernetes-event" and observation.operation == "delete"
