"""What `tidings doctor --audit-policy` finds: which signals the cluster's audit policy lets through, and why not."""

import sys
from pathlib import Path
from typing import Any

import yaml

from shared.events.limits import DEFAULT
from shared.events.yaml_nodes import refuse_depth
from shared.sources.audit.policy import Policy, read_policy
from shared.sources.audit.profiles import PROFILES, policy_of, read_profile
from shared.sources.audit.visibility import visible
from shared.sources.context import mapping

COLUMNS = ("signal", "seen", "why")
Row = dict[str, Any]


def rows(wanted: str) -> list[Row] | tuple[str, ...]:
    """Return a row for each signal, under a profile of OpenShift or the policy of a file; or what is wrong with it.

    A file (or `-`, standard input) holds an audit policy, or OpenShift's `apiserver/cluster` as `oc get` shows it.
    """
    policy = policy_of(wanted) if wanted in PROFILES else _from_file(wanted)
    if not isinstance(policy, Policy):
        return tuple(f"{wanted}: {problem}" for problem in policy)
    return [
        {"signal": each.signal, "seen": each.seen, "why": each.why, "rules": each.rules} for each in visible(policy)
    ]


def _from_file(name: str) -> Policy | tuple[str, ...]:
    try:
        with sys.stdin.buffer if name == "-" else Path(name).open("rb") as file:
            data = file.read(DEFAULT.body + 1)
        if len(data) > DEFAULT.body:
            return ("larger than 1 MiB, and no audit policy is",)
        refuse_depth(data, DEFAULT.depth)
        document = yaml.load(data, Loader=yaml.CSafeLoader)
    except OSError as error:
        return (f"{error.strerror}; name a file, or a profile: {', '.join(PROFILES)}",)
    except (yaml.YAMLError, ValueError) as error:
        return (f"not valid YAML: {str(error).splitlines()[0]}",)
    is_profile = mapping(document).get("kind") == "APIServer"
    return read_profile(document) if is_profile else read_policy(document)
