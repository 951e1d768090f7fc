"""F41, F42: what a request to the API server holds of secrets is masked, whichever way it was sent."""

import orjson
import pytest

from tests.support.signals import Change, about, noted, read

SENTINEL = "hunter2sEnTiNeL"


@pytest.mark.parametrize(
    "change",
    [
        {**about("secrets"), "verb": "create", "requestObject": {"kind": "Secret", "stringData": {"a": SENTINEL}}},
        {**about("secrets"), "verb": "patch", "requestObject": {"data": {"a": SENTINEL}}},
        {**about("secrets"), "verb": "patch", "requestObject": {"kind": "Other", "data": {"a": SENTINEL}}},
        {**about("secrets"), "verb": "patch", "requestObject": [{"op": "add", "path": "/data/a", "value": SENTINEL}]},
        {**about("secrets"), "verb": "patch", "requestObject": SENTINEL},
        {
            **about("secrets"),
            "verb": "list",
            "responseObject": {"kind": "SecretList", "items": [{"data": {"a": SENTINEL}}]},
        },
        {
            **about("serviceaccounts", subresource="token"),
            "verb": "create",
            "responseObject": {"kind": "TokenRequest", "status": {"token": SENTINEL}},
        },
        {**about("tokenreviews"), "verb": "create", "requestObject": {"spec": {"token": SENTINEL}}},
        {"requestObject": [{"op": "replace", "path": "/spec/containers/0/env/0/value", "value": SENTINEL}]},
        {
            "requestObject": [
                {"op": "add", "path": "/spec/containers/0/env/-", "value": {"name": "A", "value": SENTINEL}}
            ]
        },
        {"requestObject": [{"op": "add", "path": "/spec/password", "value": SENTINEL}]},
        {"requestObject": [{"op": "add", "path": "/spec/x", "value": {"password": SENTINEL}}]},
        {"requestObject": {"spec": {"containers": [{"name": "c", "env": [{"name": "A", "value": SENTINEL}]}]}}},
        {"requestURI": f"/api/v1/namespaces/shop/pods/web/exec?command=mysql&command=--password&command={SENTINEL}"},
        {"requestURI": f"/api/v1/namespaces/shop/pods/web/exec?command=sh&command=mysql+--password%3D{SENTINEL}"},
        {"requestURI": f"/api/v1/namespaces/shop/pods/web/exec?command=mysql&command=-p{SENTINEL}&container=web"},
        {"requestURI": f"/api/v1/pods?access_token={SENTINEL}"},
        {"requestURI": f"/apis/build.openshift.io/v1/namespaces/shop/buildconfigs/web/webhooks/{SENTINEL}/github"},
        {
            "objectRef": None,
            "requestURI": f"/apis/build.openshift.io/v1/namespaces/shop/buildconfigs/web/webhooks/{SENTINEL}/generic?a",
        },
        {"userAgent": f"tool/1 token={SENTINEL}"},
        noted(
            "patch.webhook.admission.k8s.io/round_0_index_0",
            f'{{"patch":[{{"op":"add","path":"/a","value":"{SENTINEL}"}}]}}',
        ),
        noted("patch.webhook.admission.k8s.io/round_0_index_0", f'{{"patch":"{SENTINEL}"}}'),
        noted("patch.webhook.admission.k8s.io/round_0_index_0", SENTINEL),
    ],
)
def test_f41_f42_no_secret_of_a_request_leaves(change: Change) -> None:
    """F41, F42: Secret object event, nested; password-looking keys, env vars with tokens: no value leaves."""
    assert SENTINEL not in read(change).model_dump_json()


def test_what_was_masked_is_said() -> None:
    change = [{"op": "add", "path": "/data/a", "value": "x"}]
    assert read({**about("secrets"), "verb": "patch", "requestObject": change}).masked == {
        "requestObject.0.value": "secret"
    }


def test_commands_without_a_secret_stay_as_they_were_sent() -> None:
    uri = "/api/v1/namespaces/shop/pods/web/exec?command=ls&command=-l&command=%2Fvar%2Flog&container=web"
    assert read({"requestURI": uri}).original["requestURI"] == uri
    assert read({"requestURI": "/x?" + "&".join("a=%41" for _ in range(300))}).original["requestURI"] == "/x?[masked]"


def test_a_webhooks_patch_keeps_its_places() -> None:
    key = "patch.webhook.admission.k8s.io/round_0_index_0"
    value = (
        '{"configuration":"i","webhook":"m","patch":[{"op":"add","path":"/spec/x","value":1}],"patchType":"JSONPatch"}'
    )
    shown = orjson.loads(read(noted(key, value)).annotations[key])
    assert shown == {
        "configuration": "i",
        "webhook": "m",
        "patch": [{"op": "add", "path": "/spec/x"}],
        "patchType": "JSONPatch",
    }
