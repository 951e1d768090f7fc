"""Every command that the documentation names is one that its program takes, also where no test can run it."""

import subprocess
from itertools import chain

import pytest

from tests.support.command_lines import JUDGES, problem
from tests.support.pages import pages
from tests.support.servers import ROOT
from tests.support.shell import Command, commands, parsed
from tests.support.vendors import VENDORS

PAGES = {str(page.relative_to(ROOT)): list(commands(page)) for page in pages()}


@pytest.mark.parametrize("page", [name for name, found in PAGES.items() if any(one.program in JUDGES for one in found)])
def test_every_command_of_a_page_is_one_that_its_program_takes(page: str) -> None:
    problems = [told for command in PAGES[page] if (told := problem(command))]
    assert problems == []


def test_what_only_a_cluster_can_run_calls_nothing_that_nobody_judges() -> None:
    called = {one.program for one in chain(*PAGES.values()) if not one.runs and not one.prose} - JUDGES.keys()
    script = 'for name; do type -t "$name" > /dev/null || echo "$name"; done'
    ended = subprocess.run(["bash", "-c", script, "bash", *sorted(called)], capture_output=True, text=True, check=True)  # noqa: S607
    assert ended.stdout == ""


def test_the_pages_call_what_this_judges() -> None:
    called = {one.program for one in chain(*PAGES.values())}
    assert {"kubectl", "oc", "kn", "podman", "tidings", "publish", "make", "pip"} <= called


SCRIPT = """\
set -e  # kubectl commented
SPACE=shop kubectl create secret generic one -n "tidings" --from-literal=a="$(kubectl get secret two -o name |
  base64 -d)" --from-file='a b'
put() { kubectl delete pod "$1"; }
put one; for name in one two; do if oc get "pod/$name"; then echo 'kubectl quoted' > file; fi; done
cat <<'END'
kubectl here
END
.venv/bin/python -m pip install x && .venv-full/bin/tidings up
"""


def test_commands_are_found_where_a_shell_would_find_them() -> None:
    assert parsed(SCRIPT) == [
        (0, ("set", "-e")),
        (
            1,
            ("kubectl", "create", "secret", "generic", "one", "-n", "tidings", "--from-literal=a=x", "--from-file=a b"),
        ),
        (1, ("kubectl", "get", "secret", "two", "-o", "name")),
        (2, ("base64", "-d")),
        (3, ("kubectl", "delete", "pod", "x")),
        (4, ("oc", "get", "pod/x")),
        (4, ("echo", "kubectl quoted")),
        (5, ("cat",)),
        (8, ("pip", "install", "x")),
        (8, ("tidings", "up")),
    ]


def judged(text: str, *, prose: bool = False) -> str:
    return "".join(problem(Command("here:1", words, prose=prose)) for _, words in parsed(text))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("kubectl gett pods", "unknown command"),
        ("kubectl create secrett generic x", "no such subcommand"),
        ("kubectl create secret generik x --from-literal=a=b", "unknown flag: --from-literal"),
        ("kubectl set envv deploy/x A=1", "no such subcommand"),
        ("kubectl get pods --al-namespaces", "unknown flag: --al-namespaces"),
        ("kubectl wait pod/x --for=condition=Ready --timeout=10minutes", "invalid argument"),
        ('echo "$(kubectl get -Q)"', "unknown shorthand flag"),
        ("oc patch x --tipe merge", "unknown flag: --tipe"),
        ("kubectl exec -n tidings deploy/x -- tidings dead-letters lst", "No such command"),
        ("kn func build --pus", "unknown flag: --pus"),
        ("kn func deploy --image", "--image wants a value"),
        ("kn func deploy --build false", "more than 0 words"),
        ("kn func bild", "nobody read about it"),
        ("podman push --digestfil digest x", "unknown flag: --digestfil"),
        ("podman build one two", "words"),
        ("pip install --requre-hashes -r x", "--requre-hashes"),
        ("make rnu", "no target rnu"),
        ("tidings explane", "No such command"),
        ("tidings explain --folow", "No such option: --folow"),
        ("tidings explain --output tabel", "is not one of"),
        ("tidings replay --source nats", "Missing option '--target'"),
        ("publish --source=nats --targt=splunk", "No such option: --targt"),
        ("tidings serve classifier --prt 1", "unrecognized arguments"),
        ("tidings serve nobody", "there is no function nobody"),
    ],
)
def test_a_wrong_word_is_told_with_its_place(text: str, why: str) -> None:
    told = judged(text)
    assert told.startswith("here:1: ")
    assert why in told


@pytest.mark.parametrize(
    "text",
    [
        "kubectl delete -k",
        "kn func",
        "oc debug",
        "tidings dead-letters",
        "tidings replay --source BUS",
        "tidings up --with",
    ],
)
def test_prose_may_leave_out_what_a_reader_can_think(text: str) -> None:
    assert judged(text, prose=True) == ""


@pytest.mark.parametrize("text", ["kubectl delet -k", "kn fnc", "tidings dead-leters", "tidings replay --sorce BUS"])
def test_prose_is_held_to_what_it_says(text: str) -> None:
    assert judged(text, prose=True)


def test_what_was_read_names_its_document() -> None:
    assert all(known.document for known in VENDORS.values())
