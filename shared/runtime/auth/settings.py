"""`AUTH` and `AUTH_…`: who may send, and where (guarantees.md, Security checklist, Inbound)."""

from importlib.util import find_spec
from ipaddress import ip_network
from typing import Annotated, Any, Final, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from shared.runtime.auth.allowed import Allowances
from shared.runtime.auth.credentials import parse
from shared.runtime.paths import PATHS
from shared.settings.addresses import is_api_server
from shared.settings.environment import Secret, Settings
from shared.settings.http import check_token, check_url

Name = Literal["none", "oidc", "hmac", "basic", "token", "mtls"]
PathName = Literal["none", "oidc", "hmac", "basic", "token", "mtls", "secret-path"]


def _names(value: Any) -> tuple[str, ...]:
    return _known(value, get_args(Name))


def _path_names(value: Any) -> tuple[str, ...]:
    return _known(value, get_args(PathName))


def _known(value: Any, known: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names in a setting. Raises ValueError, whose text does not show it: it may be a misplaced secret."""
    names = tuple(part.strip() for part in str(value).split(","))
    if not set(names) <= set(known) or ("none" in names and len(names) > 1):
        raise ValueError(f"takes none alone, or one or more, apart by commas, of {', '.join(known[1:])}")
    return tuple(dict.fromkeys(names))


def _senders(secret: Secret | None) -> Secret | None:
    try:
        if secret is not None:
            parse(secret.value(), "-")
    except OSError:  # its file went away since: that is told where it is used
        return secret
    return secret


def _issuer(url: str) -> str:
    parts = urlsplit(url)
    if is_api_server(parts.hostname or ""):
        if parts.scheme != "https" or parts.username or parts.path.strip("/"):
            raise ValueError("must be https and nothing but the API server's host and port")
        return url.rstrip("/")
    return check_url(url)


def _allowances(text: str) -> str:
    if text:
        Allowances.parse(text)
    return text


def _networks(text: str) -> str:
    for part in filter(None, text.replace(",", " ").split()):
        ip_network(part)
    return text


Methods = Annotated[tuple[Name, ...], BeforeValidator(_names)]
PathMethods = Annotated[tuple[PathName, ...], BeforeValidator(_path_names)]
Senders = Annotated[Secret | None, AfterValidator(_senders)]
_LINES: Final = "`NAME:SECRET`, one a line, or one secret alone; 16 characters or more."


def _of_path(path: str) -> Any:
    return Field(
        default=(),
        alias=f"AUTH_{path.upper()}",
        description=f"Who may send to `/{path}`, if others; `secret-path`, too.",
    )


class AuthSettings(Settings):
    """Who may send. A method is only asked where it is named, several are separated by commas."""

    default: Methods = Field(
        default=(),
        alias="AUTH",
        description="Who may send: `oidc`, `hmac`, `basic`, `token`, `mtls`, several with commas, or `none`. Not set, "
        "nothing but a loopback address is served, and whoever reaches that may send.",
    )
    api: Methods = Field(
        default=(), alias="AUTH_API", description="Who may look at the API and the console of `tidings up`, if others."
    )
    webhook: PathMethods = _of_path("webhook")
    botkube: PathMethods = _of_path("botkube")
    events: PathMethods = _of_path("events")
    falco: PathMethods = _of_path("falco")
    audit: PathMethods = _of_path("audit")
    gatekeeper: PathMethods = _of_path("gatekeeper")
    kyverno: PathMethods = _of_path("kyverno")
    alertmanager: PathMethods = _of_path("alertmanager")
    acs: PathMethods = _of_path("acs")
    hubble: PathMethods = _of_path("hubble")
    logs: PathMethods = _of_path("logs")
    token: Senders = Field(default=None, alias="AUTH_TOKEN", description=f"Tokens for `token`: {_LINES}")
    token_header: str = Field(
        default="",
        alias="AUTH_TOKEN_HEADER",
        pattern=r"^[A-Za-z0-9-]{0,64}$",
        description="A header that may hold such a token besides `Authorization: Bearer`.",
    )
    basic: Senders = Field(default=None, alias="AUTH_BASIC", description=f"Passwords for `basic`: {_LINES}")
    hmac: Senders = Field(default=None, alias="AUTH_HMAC", description=f"Keys for `hmac`: {_LINES}")
    secret_path: Senders = Field(
        default=None, alias="AUTH_SECRET_PATH", description=f"What `secret-path` wants behind the path: {_LINES}"
    )
    client_ca_file: str = Field(
        default="",
        alias="TLS_CLIENT_CA_FILE",
        description="PEM bundle that signs the clients' certificates, for `mtls`; with `TLS_CERT_FILE`.",
    )
    proxies: Annotated[str, AfterValidator(_networks)] = Field(
        default="",
        alias="AUTH_PROXIES",
        description="Networks whose `X-Forwarded-Client-Cert` is believed, for `mtls` behind a mesh, as `127.0.0.0/8`.",
    )
    oidc_issuer: Annotated[str, AfterValidator(_issuer)] = Field(
        default="https://kubernetes.default.svc",
        alias="AUTH_OIDC_ISSUER",
        description="Who issues the tokens for `oidc`: the cluster's API server, or an issuer's URL.",
    )
    oidc_audience: str = Field(default="", alias="AUTH_OIDC_AUDIENCE", description="Whom a token must be meant for.")
    oidc_ca_file: str | None = Field(
        default=None, alias="AUTH_OIDC_CA_FILE", description="PEM bundle that signs the issuer's certificate."
    )
    oidc_token: Annotated[Secret | None, AfterValidator(check_token)] = Field(
        default=None, alias="AUTH_OIDC_TOKEN", description="What the API server wants to see of who asks for its keys."
    )
    allow: Annotated[str, AfterValidator(_allowances)] = Field(
        default="",
        alias="AUTH_ALLOW",
        description="Who of those that are known may send what: `SENDER path=… source=… type=…`, entries on lines of "
        "their own or apart by `;`, `*` for any text. Not set, they may send anything; set, nobody else sends.",
    )

    def methods(self) -> dict[str, tuple[str, ...]]:
        """Return the methods by path: empty for the default, `api`, and the paths that have their own."""
        own = {path: found for path in (*PATHS, "api") if (found := getattr(self, path))}
        return {"": self.default or ("none",), **own}

    @model_validator(mode="after")
    def _complete(self) -> Self:
        """Check that each method that is named has what it needs. Raises ValueError with all that is missing."""
        named = {name for names in self.methods().values() for name in names}
        needed = {
            "token": (self.token, "AUTH_TOKEN or AUTH_TOKEN_FILE"),
            "basic": (self.basic, "AUTH_BASIC or AUTH_BASIC_FILE"),
            "hmac": (self.hmac, "AUTH_HMAC or AUTH_HMAC_FILE"),
            "secret-path": (self.secret_path, "AUTH_SECRET_PATH or AUTH_SECRET_PATH_FILE"),
            "mtls": (self.client_ca_file or self.proxies, "TLS_CLIENT_CA_FILE, or AUTH_PROXIES behind a mesh"),
            "oidc": (self.oidc_audience and self.allow, "AUTH_OIDC_AUDIENCE and AUTH_ALLOW"),
        }
        missing = [f"{name} needs {what}" for name, (there, what) in needed.items() if name in named and not there]
        if "oidc" in named and find_spec("jwt") is None:
            missing.append("oidc needs what requirements/oidc.txt installs (the extra `oidc`)")
        if missing:
            raise ValueError(f"of who may send: {'; '.join(missing)}")
        return self
