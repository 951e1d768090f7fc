"""What command lines of others take that no package registry has: flags by subcommand, read in their public documents.

Only what was read is here, and of it what our pages use or might: a flag that is missing is looked up in the document
first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Subcommand:
    """One subcommand: the document, its flags that take a value, those that take none, and how many words besides."""

    document: str
    values: frozenset[str] = field(default_factory=frozenset)
    switches: frozenset[str] = field(default_factory=frozenset)
    words: int = 0

    def problem(self, words: Sequence[str]) -> str:
        """Return what is wrong with what follows the subcommand, empty where nothing is."""
        rest = list(words)
        besides = 0
        while rest:
            word, given, _ = rest.pop(0).partition("=")
            if not word.startswith("-"):
                besides += 1
            elif word in self.values:
                if not given and (not rest or rest.pop(0).startswith("--")):
                    return f"{word} wants a value ({self.document})"
            elif word not in self.switches:
                return f"unknown flag: {word} ({self.document})"
        return f"more than {self.words} words besides flags ({self.document})" if besides > self.words else ""


def _flags(text: str) -> frozenset[str]:
    return frozenset(text.split())


VENDORS: dict[tuple[str, ...], Subcommand] = {
    ("kn", "func", "build"): Subcommand(
        "knative/func, docs/reference/func_build.md",
        values=_flags("-b --builder --builder-image -i --image -p --path --platform -r --registry"),
        switches=_flags("--build-timestamp -c --confirm -u --push --registry-insecure -v --verbose -h --help"),
    ),
    # --build takes its value behind `=` alone.
    ("kn", "func", "deploy"): Subcommand(
        "knative/func, docs/reference/func_deploy.md",
        values=_flags(
            "-b --builder --builder-image --domain -e --env -t --git-branch -d --git-dir -g --git-url -i --image "
            "-n --namespace -p --path --platform --pvc-size -r --registry --remote-storage-class --service-account"
        ),
        switches=_flags(
            "--build --build-timestamp -c --confirm -u --push --registry-insecure -R --remote -v --verbose -h --help"
        ),
    ),
    ("kn", "revision", "list"): Subcommand(
        "knative/client, docs/cmd/kn_revision_list.md and pkg/commands/revision/list.go",
        values=_flags("-n --namespace -o --output --template -s --service --kubeconfig"),
        switches=_flags("-A --all-namespaces -h --help"),
    ),
    ("kn", "service", "update"): Subcommand(
        "knative/client, docs/cmd/kn_service_update.md",
        values=_flags(
            "-a --annotation --concurrency-limit -e --env --env-from --image -l --label --max-scale --min-scale "
            "-n --namespace --revision-name --tag --traffic --untag --wait-timeout --kubeconfig"
        ),
        switches=_flags("--no-wait --lock-to-digest --no-lock-to-digest --cluster-local --no-cluster-local -h --help"),
        words=1,
    ),
    ("podman", "build"): Subcommand(
        "podman-build(1), the same in podman 4.3.1 itself",
        values=_flags("-t --tag -f --file --build-arg --platform --target --iidfile"),
        switches=_flags("--no-cache --squash -q --quiet"),
        words=1,
    ),
    ("podman", "pull"): Subcommand(
        "podman-pull(1), the same in podman 4.3.1 itself",
        values=_flags("--authfile --creds --platform"),
        switches=_flags("--tls-verify -q --quiet"),
        words=1,
    ),
    ("podman", "tag"): Subcommand("podman-tag(1), the same in podman 4.3.1 itself", words=2),
    ("podman", "push"): Subcommand(
        "podman-push(1), the same in podman 4.3.1 itself",
        values=_flags("--digestfile --authfile --creds --format"),
        switches=_flags("--tls-verify --remove-signatures -q --quiet"),
        words=2,
    ),
}
"""The way to a subcommand, as one types it, and what it takes."""


def subcommand(words: Sequence[str]) -> tuple[int, Subcommand] | None:
    """Return how many words lead to the subcommand, and it; None where nobody read about it."""
    for way, known in VENDORS.items():
        if tuple(words[: len(way)]) == way:
            return len(way), known
    return None
