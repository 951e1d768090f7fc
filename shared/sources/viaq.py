"""What OpenShift's log collector writes around each record, whatever it is of (ViaQ; reference/inputs.md §1.8)."""

from collections.abc import Mapping
from typing import Any

from shared.sources.context import Context, mapping
from shared.sources.registry import UNKNOWN_CLUSTER


def in_cluster(record: Mapping[str, Any], context: Context) -> Context:
    """Return the context with the cluster that the record names.

    That is the label `cluster`, which an administrator set on the pipeline; the cluster's id, which nobody would know
    it by, only where there is no other name.
    """
    openshift = mapping(record.get("openshift"))
    labelled = mapping(openshift.get("labels")).get("cluster")
    if not labelled and context.cluster == UNKNOWN_CLUSTER:
        labelled = openshift.get("cluster_id")
    return context.of_cluster(labelled)
