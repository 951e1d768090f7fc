"""Read settings models from environment variables; secrets also from files that may change (surface.md §4).

A settings model is a frozen pydantic model whose fields are aliased to their variables:

    class SplunkSettings(Settings):
        url: str = Field(alias="SPLUNK_HEC_URL")
        token: Secret = Field(alias="SPLUNK_TOKEN")

Each variable may be given as `NAME` or, for a file mounted from a Secret, as `NAME_FILE`.
"""

import errno
import logging
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, core_schema

log = logging.getLogger("tidings.settings")

# Prefixes that others use too: what begins with them says nothing about a slip of the pen.
_FOREIGN_PREFIXES = frozenset({"K_", "LOG_", "TLS_"})
# What Kubernetes sets in every Pod for each Service of its namespace, as `SPLUNK_SERVICE_HOST` and `SPLUNK_PORT`.
# Compiled where a variable is met that is not ours.
_INJECTED = r"_SERVICE_(HOST|PORT(_.*)?)$|_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$"

# Of two whole names: one or two letters apart.
_ALIKE = 0.85

Environ = Mapping[str, str]


class SettingsError(Exception):
    """Settings that cannot work; `problems` has one sentence for each, naming the variable and what to do."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Secret:
    """A secret that never shows itself: in `repr`, logs and dumps it is `***`. From a file, it follows the file."""

    def __init__(self, value: str = "", path: Path | None = None) -> None:
        self._value = value
        self._path = path
        self._stamp: tuple[int, int] | None = None

    def value(self) -> str:
        """Return the secret, read again where its file changed. Raises OSError where the file holds none to be read."""
        if self._path is not None:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_ino)
            if stamp != self._stamp:
                self._value = _text_of(self._path)
                self._stamp = stamp
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validate,
            serialization=core_schema.plain_serializer_function_ser_schema(str),
            metadata={"pydantic_js_functions": [lambda _schema, _handler: {"type": "string"}]},
        )

    @classmethod
    def _validate(cls, value: Any) -> Self:
        if isinstance(value, cls):
            return value
        if isinstance(value, str) and value:
            return cls(value)
        raise ValueError("must be a non-empty text")


class Settings(BaseModel):
    """The base of every settings model."""

    family: ClassVar[frozenset[str]] = frozenset()
    """Variables that other functions of the same foreign system read: no slip of the pen where this one sees them."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        arbitrary_types_allowed=True,
        hide_input_in_errors=True,
        alias_generator=str.upper,
        defer_build=True,
    )


Model = TypeVar("Model", bound=Settings)


def read(model: type[Model], environ: Environ | None = None) -> Model:
    """Read a settings model from the environment; a variable that looks like a misspelt one is warned of in the log.

    Raises SettingsError that names every variable that is missing or wrong, and every file that cannot be read.
    """
    environ = os.environ if environ is None else environ
    values, unread = _gathered(model, environ)
    problems = list(unread.values())
    try:
        settings = model.model_validate(values)
    except ValidationError as error:
        # What several variables must be together is not known before each file could be read.
        problems += [
            _sentence(detail)
            for detail in error.errors(include_url=False, include_input=False)
            if not unread or (detail["loc"] and not unread.keys() & set(detail["loc"]))
        ]
        raise SettingsError(problems) from None
    if problems:
        raise SettingsError(problems)
    for sentence in unknown(model, environ):
        log.warning(sentence)
    return settings


def wrong_values(model: type[Settings], environ: Environ) -> list[str]:
    """Return a sentence for each value that is set and cannot be, and for each file that cannot be read.

    Nothing is said of what is missing, nor of what several must be together: for what is not used yet.
    """
    values, unread = _gathered(model, environ)
    problems = list(unread.values())
    try:
        model.model_validate(values)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        problems += [_sentence(detail) for detail in details if detail["loc"] and detail["type"] != "missing"]
    return problems


def _gathered(model: type[Settings], environ: Environ) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the values of a model's variables that are set, and a sentence for each whose file cannot be read."""
    values: dict[str, Any] = {}
    unread: dict[str, str] = {}
    for name, field in model.model_fields.items():
        variable = field.alias or name.upper()
        path = environ.get(f"{variable}_FILE")
        if path:
            try:
                values[variable] = _from_file(Path(path), secret=_is_secret(field.annotation))
            except OSError as error:
                reason = f"{path} cannot be read ({error.strerror})"
                unread[variable] = f"{variable}_FILE: {reason}: mend it or set {variable}"
        elif environ.get(variable):
            values[variable] = environ[variable]
    return values, unread


def unknown(model: type[Settings], environ: Environ) -> list[str]:
    """Return a sentence for each variable with a prefix of this model's that it does not know, sorted by name.

    What Kubernetes injects for Services is not meant.
    """
    return list(strangers([model], environ).values())


def strangers(models: Iterable[type[Settings]], environ: Environ, prefixes: Iterable[str] = ()) -> dict[str, str]:
    """Return a sentence for each variable with a prefix of these models' that none of them knows, sorted by name.

    `prefixes` are taken besides, as `SIEM_`. What Kubernetes injects for Services is not meant.
    """
    names = sorted({variable for model in models for variable in variables(model)})
    ours = {prefix_of(name) for name in names if "_" in name} - _FOREIGN_PREFIXES | set(prefixes)
    family = {name for model in models for name in model.family}
    known = {one for name in {*names, *family} for one in (name, f"{name}_FILE")}
    found: dict[str, str] = {}
    for variable in sorted(environ):
        if variable not in known and variable.startswith(tuple(ours)) and not re.search(_INJECTED, variable):
            found[variable] = f"{variable} is not a setting: {_meant(variable, names, known)}"
    return found


def variables(model: type[Settings]) -> list[str]:
    """Return the names of the variables that a model reads, each of which may also be a `NAME_FILE`."""
    return [field.alias or name.upper() for name, field in model.model_fields.items()]


def prefix_of(name: str) -> str:
    """Return the first word of a variable's name with the underscore that follows it."""
    return f"{name.split('_', 1)[0]}_"


def _meant(variable: str, names: list[str], known: set[str]) -> str:
    """Say what a misspelt variable was meant to be, or what there is; what shares its prefix goes first."""
    import difflib  # only for those who made a slip

    prefix = prefix_of(variable)
    family = [name for name in names if prefix_of(name) == prefix or f"{name}_" == prefix]
    if not family:
        alike = difflib.get_close_matches(variable, known, 1, _ALIKE)
        return f"did you mean {alike[0]}?" if alike else "docs/settings.md has all that there are"
    near = [name for name in sorted(known, reverse=True) if prefix_of(name) == prefix]
    # The prefix, which they share, must not make strangers look alike.
    tails = {name.split("_", 1)[-1]: name for name in near}
    close = [tails[found] for found in difflib.get_close_matches(variable.split("_", 1)[1], tails, 1)]
    return f"did you mean {close[0]}?" if close else f"there are: {', '.join(family)}"


def _from_file(path: Path, *, secret: bool) -> Any:
    if not secret:
        return _text_of(path)
    found = Secret(path=path)
    found.value()
    return found


def _text_of(path: Path) -> str:
    """Return the file's text without the white space around it; what is no text raises OSError like the rest."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise OSError(errno.EILSEQ, "it is not UTF-8 text") from None
    if not text:
        raise OSError(errno.ENODATA, "it is empty")
    return text


def _is_secret(annotation: Any) -> bool:
    return annotation is Secret or Secret in getattr(annotation, "__args__", ())


def _sentence(detail: Any) -> str:
    variable = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "missing":
        return f"{variable} is not set: set it, or {variable}_FILE to a file that holds it"
    message = detail["msg"].removeprefix("Value error, ")
    # What is wrong with several variables together has no place of its own: its text names them.
    return f"{variable}: {message}" if variable else message
