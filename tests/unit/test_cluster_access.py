"""How an API server is reached: kubeconfigs as tools write them, and the service account of a Pod."""

import base64
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.cluster.access import AccessError, from_kubeconfig, in_cluster
from shared.cluster.settings import ClusterSettings, clusters
from shared.settings.environment import SettingsError, read
from tests.conftest import ROOT

PEM = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def written(folder: Path, user: dict[str, Any] | None = None, **cluster: Any) -> Path:
    config = {
        "current-context": "one",
        "contexts": [
            {"name": "one", "context": {"cluster": "c", "user": "u"}},
            {"name": "two", "context": {"cluster": "c"}},
            {"name": "astray", "context": {"cluster": "nowhere", "user": "u"}},
        ],
        "clusters": [{"name": "c", "cluster": {"server": "https://api.example:6443/", **cluster}}],
        "users": [{"name": "u", "user": user or {}}],
    }
    path = folder / "config"
    path.write_text(yaml.safe_dump(config))
    return path


def test_data_in_the_file_and_in_files_beside_it_are_the_same(tmp_path: Path) -> None:
    inside = from_kubeconfig(
        written(
            tmp_path,
            {"client-certificate-data": encoded("CERT"), "client-key-data": encoded("KEY"), "token": "t0ken"},
            **{"certificate-authority-data": encoded(PEM)},
        )
    )
    for name, text in {"ca.crt": PEM, "me.crt": "CERT", "me.key": "KEY", "token": "t0ken\n"}.items():
        (tmp_path / name).write_text(text)
    beside = from_kubeconfig(
        written(
            tmp_path,
            {"client-certificate": "me.crt", "client-key": "me.key", "tokenFile": "token"},
            **{"certificate-authority": "ca.crt"},
        )
    )
    assert inside == beside
    assert (inside.server, inside.authorities, inside.token) == ("https://api.example:6443", PEM, "t0ken")
    assert inside.certificate == b"CERT\nKEY"
    assert "t0ken" not in repr(inside)
    assert "KEY" not in repr(inside)


def test_a_context_is_chosen_by_name_and_may_have_no_user(tmp_path: Path) -> None:
    found = from_kubeconfig(written(tmp_path, {"token": "t"}, **{"tls-server-name": "inner"}), "two")
    assert (found.token, found.server_name) == ("", "inner")


@pytest.mark.parametrize(
    ("user", "cluster", "text"),
    [
        ({"exec": {"command": "aws"}}, {}, "logs in by a program"),
        ({"auth-provider": {"name": "gcp"}}, {}, "logs in by a program"),
        ({"as": "admin", "token": "t"}, {}, "not supported"),
        ({"username": "u", "password": "p"}, {}, "not supported"),
        ({}, {"insecure-skip-tls-verify": True}, "does not verify TLS"),
        ({}, {"proxy-url": "http://proxy"}, "proxy"),
        ({}, {"server": "api.example"}, "has no server"),
        ({"token": "two words"}, {}, "a character that no token has"),
        ({"tokenFile": "nowhere"}, {}, "tokenFile"),
        ({"client-certificate-data": "!"}, {}, "client-certificate"),
        ({"client-certificate": "nowhere"}, {}, "client-certificate"),
        ({}, {"certificate-authority-data": encoded("\N{SNOWMAN}")}, "no PEM"),
    ],
)
def test_what_cannot_be_used_is_refused_in_words_without_its_secrets(
    user: dict[str, Any], cluster: dict[str, Any], text: str, tmp_path: Path
) -> None:
    with pytest.raises(AccessError, match=text) as refused:
        from_kubeconfig(written(tmp_path, user, **cluster))
    assert "two words" not in str(refused.value)


@pytest.mark.parametrize("content", ["", "[]", "a: b: c", "contexts: []"])
def test_a_file_that_is_no_kubeconfig_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(content)
    for context in ("", "one"):
        with pytest.raises(AccessError):
            from_kubeconfig(tmp_path / "config", context)


def test_a_context_of_a_cluster_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="has no cluster 'nowhere'"):
        from_kubeconfig(written(tmp_path), "astray")


def test_the_token_of_a_pod_is_read_again_each_time(tmp_path: Path) -> None:
    environ = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443"}
    with pytest.raises(AccessError, match="no token"):
        in_cluster(environ, tmp_path)
    (tmp_path / "ca.crt").write_text(PEM)
    for token in ("first", "second"):
        (tmp_path / "token").write_text(token)
        assert in_cluster(environ, tmp_path).token == token
    assert in_cluster(environ, tmp_path).server == "https://[fd00::1]:6443"
    with pytest.raises(AccessError, match="KUBECONFIG"):
        in_cluster({}, tmp_path)


def named(environ: dict[str, str]) -> list[str]:
    return [cluster.name for cluster in clusters(read(ClusterSettings, environ), environ)]


def test_clusters_are_named_by_their_contexts_or_as_the_settings_say(tmp_path: Path) -> None:
    path = {"KUBECONFIG": str(written(tmp_path))}
    assert named(path) == ["one"]
    assert named({**path, "CLUSTER": "prod"}) == ["prod"]
    assert named({**path, "WATCH_CONTEXTS": "two, prod-eu1=one"}) == ["two", "prod-eu1"]
    assert named({"KUBERNETES_SERVICE_HOST": "10.0.0.1", "CLUSTER": "prod"}) == ["prod"]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "KUBECONFIG is not set"),
        ({"WATCH_CONTEXTS": "a"}, "set KUBECONFIG"),
        ({"KUBECONFIG": "/nowhere"}, "cannot be read"),
        ({"KUBECONFIG": "here", "WATCH_CONTEXTS": "one,three"}, "no context 'three'; there are: one, two, astray"),
        ({"KUBECONFIG": "here", "WATCH_CONTEXTS": "a=one,a=two"}, "names a cluster twice"),
        ({"WATCH_KINDS": "v1/Pod,Node"}, "'Node' is no kind"),
        ({"WATCH_KINDS": "apps/v1/deployments"}, "is no kind"),
        ({"WATCH_KINDS": "a/b/c/Kind"}, "is no kind"),
    ],
)
def test_settings_that_cannot_work_are_told(settings: dict[str, str], text: str, tmp_path: Path) -> None:
    if settings.get("KUBECONFIG") == "here":
        settings = {**settings, "KUBECONFIG": str(written(tmp_path))}
    with pytest.raises(SettingsError, match=text):
        named(settings)


def test_the_image_needs_no_kubernetes_package() -> None:
    found = subprocess.run(
        ["git", "grep", "-lE", "^ *(import|from) kubernetes", "--", "shared", "functions"],  # noqa: S607
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.stdout == ""
