"""Who is asking: App-Tokens, user tokens and passwords, sessions; profiles with their rights; entities."""

import secrets
from dataclasses import dataclass
from typing import Any, Final

from shared.local.standins.basic import credentials
from shared.local.standins.frame import Request, Response, json_response
from shared.local.standins.glpi.store import Database

READ_MY, UPDATE, CREATE, READ_ALL = 1, 2, 4, 1024
API: Final = "/apirest.php"


@dataclass(frozen=True, slots=True)
class Profile:
    """What its users may: `ticket` is GLPI's sum of rights on tickets, `assets` whether they may touch assets."""

    id: int
    name: str
    ticket: int
    assets: bool


@dataclass(frozen=True, slots=True)
class User:
    """A person or a program with an account; the first of its profiles is the one that a session begins with."""

    id: int
    name: str
    password: str
    token: str = ""
    profiles: tuple[int, ...] = (4,)


PROFILES = (
    Profile(4, "Super-Admin", READ_MY | UPDATE | CREATE | READ_ALL, assets=True),
    Profile(6, "Technician", READ_MY | UPDATE | CREATE | READ_ALL, assets=True),
    Profile(1, "Self-Service", READ_MY | CREATE, assets=False),
    Profile(8, "Read-Only", READ_MY | READ_ALL, assets=True),
)
USERS = (
    User(2, "glpi", "glpi", "glpi-user-token"),
    User(3, "post-only", "postonly", "post-only-token", (1,)),
    User(7, "tidings", "tidings", "tidings-user-token", (6, 1)),
    User(8, "viewer", "viewer", "viewer-user-token", (8,)),
)
APP_TOKEN = "tidings-app-token"  # noqa: S105 -- of a stand-in
ENTITIES = ((0, "Root entity", "Root entity"), (1, "Shop", "Root entity > Shop"), (2, "Bank", "Root entity > Bank"))


@dataclass(slots=True)
class Visit:
    """One request's session."""

    token: str
    user: User
    profile: Profile
    entity: int
    recursive: bool

    def may(self, right: int) -> bool:
        """Return True where the profile has this right on tickets."""
        return bool(self.profile.ticket & right)


def error(request: Request, status: int, code: str, text: str, *, documented: bool = True) -> Response:
    """Return GLPI's error: an array of a code and a text, which mostly ends with the address of its manual."""
    more = f"; view documentation in your browser at {request.base}{API}/#{code}" if documented else ""
    return json_response(status, [code, text + more])


class Access:
    """Accounts and sessions of one GLPI. An empty `app_token` asks for none."""

    def __init__(
        self, database: Database, users: tuple[User, ...], profiles: tuple[Profile, ...], app_token: str
    ) -> None:
        self.users = {user.name: user for user in users}
        self.profiles = {profile.id: profile for profile in profiles}
        self.app_token = app_token
        self._database = database

    def application(self, request: Request) -> Response | None:
        """Return the refusal of a missing or wrong App-Token."""
        if not self.app_token:
            return None
        given = request.headers.get("app-token") or request.query.get("app_token", "")
        if not given:
            code, text = "ERROR_APP_TOKEN_PARAMETERS_MISSING", "missing parameter app_token"
        elif not secrets.compare_digest(given.encode(), self.app_token.encode()):
            code, text = "ERROR_WRONG_APP_TOKEN_PARAMETER", "parameter app_token seems wrong"
        else:
            return None
        return error(request, 400, code, text)

    def begin(self, request: Request) -> Response:
        """Answer initSession."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        user: User | None = None
        if scheme.lower() == "user_token" or request.query.get("user_token"):
            token = value if scheme.lower() == "user_token" else request.query["user_token"]
            user = next((one for one in self.users.values() if one.token and one.token == token), None)
            if user is None:
                return error(request, 401, "ERROR_GLPI_LOGIN_USER_TOKEN", "parameter user_token seems invalid")
        elif scheme.lower() == "basic" or request.query.get("login"):
            given = credentials(value) if scheme else (request.query["login"], request.query.get("password", ""))
            user = self.checked(*given) if given else None
            if user is None:
                return error(request, 401, "ERROR_GLPI_LOGIN", "Incorrect username or password", documented=False)
        else:
            return error(
                request, 400, "ERROR_LOGIN_PARAMETERS_MISSING", "parameter(s) login, password or user_token are missing"
            )
        token = secrets.token_hex(13)
        visit = Visit(token, user, self.profiles[user.profiles[0]], 0, recursive=True)
        self.keep(visit)
        full = request.query.get("get_full_session", "") in {"1", "true"}
        return json_response(200, {"session_token": token, **(self.shown(visit) if full else {})})

    def visit(self, request: Request) -> Visit | Response:
        """Return the session of a request, or its refusal."""
        token = request.headers.get("session-token") or request.query.get("session_token", "")
        if not token:
            return error(request, 400, "ERROR_SESSION_TOKEN_MISSING", "parameter session_token is missing or empty")
        return self.known(token) or error(
            request, 401, "ERROR_SESSION_TOKEN_INVALID", "session_token seems invalid", documented=False
        )

    def known(self, token: str) -> Visit | None:
        """Return the session of a token."""
        kept = self._database.session(token)
        user = self.users.get(str(kept["user"])) if kept else None
        if kept is None or user is None:
            return None
        return Visit(token, user, self.profiles[kept["profile"]], kept["entity"], recursive=kept["recursive"])

    def keep(self, visit: Visit, **more: Any) -> None:
        """Store a session as it is now."""
        body = {"user": visit.user.name, "profile": visit.profile.id, "entity": visit.entity}
        self._database.save_session(visit.token, {**body, "recursive": visit.recursive, **more})

    def checked(self, name: str, password: str) -> User | None:
        """Return the user whose password this is."""
        user = self.users.get(name)
        return user if user and secrets.compare_digest(user.password.encode(), password.encode()) else None

    def shown(self, visit: Visit) -> dict[str, Any]:
        """Return what getFullSession tells, as far as somebody looks at it."""
        entity = next((names for names in ENTITIES if names[0] == visit.entity), ENTITIES[0])
        return {
            "session": {
                "glpiID": visit.user.id,
                "glpiname": visit.user.name,
                "glpiactive_entity": visit.entity,
                "glpiactive_entity_name": entity[2],
                "glpiactive_entity_recursive": visit.recursive,
                "glpiactiveprofile": {
                    "id": visit.profile.id,
                    "name": visit.profile.name,
                    "interface": "central" if visit.profile.assets else "helpdesk",
                    "ticket": visit.profile.ticket,
                },
                "glpi_currenttime": "",
            }
        }
