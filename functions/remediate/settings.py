"""What an operator can set."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from shared.settings.environment import Settings

Mode = Literal["off", "dry-run", "on"]


class RemediateSettings(Settings):
    """Settings of remediate."""

    mode: Mode = Field(
        default="off",
        alias="REMEDIATE",
        description="`off`: nothing is done, nor the API server asked. `dry-run`: each act is sent as one that the API "
        "server tries and does not keep. `on`: hooks act.",
    )
    hooks: Path | None = Field(
        default=None,
        alias="REMEDIATE_HOOKS",
        description="A file or folder of hooks (docs/remediation.md), followed while the function runs. Without it "
        "there are none.",
    )
    switch: str = Field(
        default="",
        alias="REMEDIATE_SWITCH",
        pattern=r"^$|^[a-z0-9-]+/[a-z0-9.-]+$",
        description="A ConfigMap as `tidings/remediate-switch`, asked before each act: its `acts` says `on`, `dry-run` "
        "or `off`. Without it, and where there is a `stop`, nothing is done. Not asked where this is not set.",
    )
    kubeconfig: str = Field(
        default="",
        alias="KUBECONFIG",
        description="A kubeconfig, read again when it changes. Without it the service account of the Pod is used.",
    )
    cluster: str = Field(
        default="",
        alias="CLUSTER",
        description="Name of the cluster that it acts on: problems of others are passed over. Needed in a Pod.",
    )
    own_namespace: str = Field(
        default="",
        alias="OWN_NAMESPACE",
        description="Namespace of Tidings itself, where nothing is ever done.",
    )
    store_url: str = Field(
        default="memory:",
        alias="STORE_URL",
        description="Where is kept what was done: `sqlite:///path/to/file`, `nats://host/BUCKET`, or `memory:`, which "
        "forgets with its process, and cooldowns with it.",
    )
