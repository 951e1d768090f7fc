"""What a session of the legacy REST API can ask of itself: profiles, entities, rights; and how it ends."""

from typing import Any, Final

import orjson

from shared.local.standins.frame import Request, Response, json_response
from shared.local.standins.glpi.access import ENTITIES, Access, Visit, error
from shared.local.standins.glpi.store import Database

SESSION_PATHS: Final = frozenset(
    {
        "/killSession",
        "/getMyProfiles",
        "/getActiveProfile",
        "/getMyEntities",
        "/getActiveEntities",
        "/getFullSession",
        "/getGlpiConfig",
        "/changeActiveProfile",
        "/changeActiveEntities",
    }
)


class Sessions:
    """Answers to SESSION_PATHS."""

    def __init__(self, database: Database, access: Access, version: str) -> None:
        self._database = database
        self._version = version
        self._access = access

    def handle(self, request: Request, visit: Visit, path: str) -> Response:
        """Answer one request."""
        if path == "/killSession":
            self._database.drop_session(visit.token)
            return json_response(200, True)  # noqa: FBT003 -- the body
        if path.startswith("/change"):
            body = payload(request)
            if isinstance(body, Response):
                return body
            change = self._profile if path == "/changeActiveProfile" else self._entity
            return change(request, visit, body)
        return json_response(200, self._told(visit, path))

    def _told(self, visit: Visit, path: str) -> dict[str, Any]:
        match path:
            case "/getMyProfiles":
                mine = [self._access.profiles[number] for number in visit.user.profiles]
                return {"myprofiles": [{"id": one.id, "name": one.name} for one in mine]}
            case "/getActiveProfile":
                return {"active_profile": {"id": visit.profile.id, "name": visit.profile.name}}
            case "/getMyEntities":
                return {"myentities": [{"id": one[0], "name": one[2]} for one in ENTITIES]}
            case "/getActiveEntities":
                inside = [{"id": one[0]} for one in ENTITIES if visit.recursive or one[0] == visit.entity]
                active = {"id": visit.entity, "active_entity_recursive": visit.recursive, "active_entities": inside}
                return {"active_entity": active}
            case "/getGlpiConfig":
                return {"cfg_glpi": {"version": self._version}}
        return self._access.shown(visit)

    def _profile(self, request: Request, visit: Visit, body: dict[str, Any]) -> Response:
        wanted = body.get("profiles_id")
        if wanted not in visit.user.profiles:
            return error(request, 404, "ERROR_ITEM_NOT_FOUND", "Item not found", documented=False)
        visit.profile = self._access.profiles[wanted]
        self._access.keep(visit)
        return json_response(200, True)  # noqa: FBT003 -- the body

    def _entity(self, request: Request, visit: Visit, body: dict[str, Any]) -> Response:
        entity = body.get("entities_id", "all")
        if entity != "all" and entity not in {one[0] for one in ENTITIES}:
            return error(request, 400, "ERROR", "the entity is not one of yours")
        visit.entity = 0 if entity == "all" else entity
        visit.recursive = entity == "all" or bool(body.get("is_recursive", False))
        self._access.keep(visit)
        return json_response(200, True)  # noqa: FBT003 -- the body


def payload(request: Request) -> dict[str, Any] | Response:
    """Return the body of a request, which must be an object, or the refusal."""
    try:
        body = orjson.loads(request.body) if request.body or request.method != "DELETE" else {}
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        text = "JSON payload seems not valid"
        return error(request, 400, "ERROR_JSON_PAYLOAD_INVALID", text, documented=False)
    return body
