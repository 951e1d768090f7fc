"""Settings: every mistake is told at once with what to do, and a secret never shows itself."""

import copy
import logging
import os
import traceback
from pathlib import Path
from typing import Self

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError, model_validator

from shared.settings.addresses import is_loopback
from shared.settings.environment import Secret, Settings, SettingsError, read, unknown
from shared.telemetry.logs import JsonFormatter

HIDDEN = "hunter2-and-more"


class Example(Settings):
    url: str = Field(alias="EXAMPLE_URL", pattern=r"^https://")
    token: Secret = Field(alias="EXAMPLE_TOKEN")
    spare: Secret | None = Field(default=None, alias="EXAMPLE_SPARE")
    tries: int = Field(default=3, alias="EXAMPLE_TRIES", ge=1)
    eager: bool = Field(default=False, alias="EXAMPLE_EAGER")
    unnamed: str = ""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.tries == 13:
            raise ValueError("set EXAMPLE_TRIES to a luckier number")
        return self


GOOD = {"EXAMPLE_URL": "https://x", "EXAMPLE_TOKEN": HIDDEN}


def problems(environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read(Example, environ)
    return caught.value.problems


def test_variables_become_typed_values_and_the_rest_has_defaults() -> None:
    settings = read(Example, {**GOOD, "EXAMPLE_TRIES": "5", "EXAMPLE_EAGER": "true", "UNNAMED": "u", "OTHER": "x"})
    assert (settings.url, settings.token.value(), settings.tries, settings.eager, settings.unnamed) == (
        "https://x",
        HIDDEN,
        5,
        True,
        "u",
    )
    assert settings.spare is None


def test_settings_come_from_the_process_where_nothing_else_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    assert read(Example).token.value() == HIDDEN


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValidationError):
        read(Example, GOOD).tries = 4  # type: ignore[misc]


def test_every_problem_is_told_at_once_with_its_variable_and_what_to_do() -> None:
    assert problems({"EXAMPLE_TRIES": "many", "EXAMPLE_EAGER": "perhaps"}) == [
        "EXAMPLE_URL is not set: set it, or EXAMPLE_URL_FILE to a file that holds it",
        "EXAMPLE_TOKEN is not set: set it, or EXAMPLE_TOKEN_FILE to a file that holds it",
        "EXAMPLE_TRIES: Input should be a valid integer, unable to parse string as an integer",
        "EXAMPLE_EAGER: Input should be a valid boolean, unable to interpret input",
    ]


def test_a_misspelt_variable_is_warned_of_with_what_was_meant(caplog: pytest.LogCaptureFixture) -> None:
    environ = {**GOOD, "EXAMPLE_TRYS": "4", "EXAMPLE_SPARE_FLIE": "x", "EXAMPLE_COLOUR_OF_THE_SKY": HIDDEN}
    read(Example, environ)
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        (
            "EXAMPLE_COLOUR_OF_THE_SKY is not a setting: there are: EXAMPLE_EAGER, EXAMPLE_SPARE, EXAMPLE_TOKEN, "
            "EXAMPLE_TRIES, EXAMPLE_URL"
        ),
        "EXAMPLE_SPARE_FLIE is not a setting: did you mean EXAMPLE_SPARE_FILE?",
        "EXAMPLE_TRYS is not a setting: did you mean EXAMPLE_TRIES?",
    ]


@pytest.mark.parametrize(
    "variable",
    [
        *("EXAMPLE_SERVICE_HOST", "EXAMPLE_SERVICE_PORT", "EXAMPLE_SERVICE_PORT_HTTPS", "EXAMPLE_PORT"),
        *("EXAMPLE_PORT_8088_TCP", "EXAMPLE_PORT_8088_TCP_ADDR", "EXAMPLES_ARE_GOOD", "PATH", "K_REVISION"),
        *("EXAMPLE_URL", "EXAMPLE_URL_FILE", "UNNAMED"),
    ],
)
def test_what_kubernetes_injects_and_what_is_known_is_not_warned_of(variable: str) -> None:
    assert unknown(Example, {**GOOD, variable: "x"}) == []


def test_an_empty_variable_counts_as_not_set() -> None:
    """Kubernetes sets variables to nothing where a ConfigMap's key is empty."""
    assert problems({**GOOD, "EXAMPLE_TOKEN": ""})[0].startswith("EXAMPLE_TOKEN is not set")
    assert read(Example, {**GOOD, "EXAMPLE_TRIES": ""}).tries == 3


def test_what_is_wrong_with_several_together_is_one_sentence() -> None:
    assert problems({**GOOD, "EXAMPLE_TRIES": "13"}) == ["set EXAMPLE_TRIES to a luckier number"]


def test_a_file_holds_a_value_and_goes_before_the_variable(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("https://from-file\n", encoding="utf-8")
    (tmp_path / "token").write_text(f"  {HIDDEN}\n", encoding="utf-8")
    environ = {**GOOD, "EXAMPLE_URL_FILE": str(tmp_path / "url"), "EXAMPLE_SPARE_FILE": str(tmp_path / "token")}
    settings = read(Example, environ)
    assert settings.url == "https://from-file"
    assert settings.spare is not None
    assert settings.spare.value() == HIDDEN


@pytest.mark.parametrize("secret", [True, False])
@pytest.mark.parametrize(
    ("content", "why"), [(None, "No such file"), (b"", "it is empty"), (b" \n", "it is empty"), (b"\xff\xfe", "UTF-8")]
)
def test_a_file_that_holds_nothing_to_be_read_is_told_once(
    tmp_path: Path, content: bytes | None, why: str, *, secret: bool
) -> None:
    file = tmp_path / "value"
    if content is not None:
        file.write_bytes(content)
    variable = "EXAMPLE_TOKEN" if secret else "EXAMPLE_URL"
    environ = {name: value for name, value in GOOD.items() if name != variable}
    (problem,) = problems({**environ, f"{variable}_FILE": str(file)})
    assert problem.startswith(f"{variable}_FILE: {file} cannot be read (")
    assert why in problem
    assert f"set {variable}" in problem


def test_what_several_must_be_together_is_not_told_while_a_file_of_one_cannot_be_read(tmp_path: Path) -> None:
    environ = {**GOOD, "EXAMPLE_TRIES": "13", "EXAMPLE_SPARE_FILE": str(tmp_path / "nowhere")}
    (problem,) = problems(environ)
    assert problem.startswith("EXAMPLE_SPARE_FILE: ")


def test_a_folder_in_place_of_a_file_is_told(tmp_path: Path) -> None:
    (problem,) = problems({**GOOD, "EXAMPLE_TOKEN_FILE": str(tmp_path)})
    assert "EXAMPLE_TOKEN_FILE" in problem


def test_f36_a_secret_follows_its_file_as_kubernetes_swaps_it(tmp_path: Path) -> None:
    """F36: secret file re-read on change. A mounted Secret is a link to a link whose folder is replaced at once."""
    for number in (1, 2):
        (tmp_path / f"..v{number}").mkdir()
        (tmp_path / f"..v{number}" / "token").write_text(f"secret-{number}", encoding="utf-8")
    (tmp_path / "..data").symlink_to("..v1")
    (tmp_path / "token").symlink_to(Path("..data") / "token")
    settings = read(Example, {**GOOD, "EXAMPLE_TOKEN_FILE": str(tmp_path / "token")})
    assert settings.token.value() == "secret-1"
    (tmp_path / "..next").symlink_to("..v2")
    (tmp_path / "..next").replace(tmp_path / "..data")
    assert settings.token.value() == "secret-2"


def test_f36_a_secret_follows_a_file_that_is_written_in_place(tmp_path: Path) -> None:
    """F36: secret file re-read on change."""
    file = tmp_path / "token"
    file.write_text("first", encoding="utf-8")
    secret = read(Example, {**GOOD, "EXAMPLE_TOKEN_FILE": str(file)}).token
    file.write_text("second", encoding="utf-8")
    os.utime(file, ns=(1, 1))  # an older time is a change too: a restored file
    assert secret.value() == "second"


def test_a_secret_whose_file_went_away_or_is_being_written_is_an_oserror_and_comes_back(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first", encoding="utf-8")
    secret = read(Example, {**GOOD, "EXAMPLE_TOKEN_FILE": str(file)}).token
    file.unlink()
    with pytest.raises(OSError, match="No such file"):
        secret.value()
    file.write_text("", encoding="utf-8")
    with pytest.raises(OSError, match="it is empty"):
        secret.value()
    file.write_text("third", encoding="utf-8")
    assert secret.value() == "third"


def test_a_secret_never_shows_itself(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "token"
    file.write_text(HIDDEN, encoding="utf-8")
    for environ in (GOOD, {**GOOD, "EXAMPLE_TOKEN_FILE": str(file)}):
        settings = read(Example, environ)
        secret = settings.token
        assert secret.value() == HIDDEN
        with caplog.at_level(logging.INFO):
            logging.getLogger("t").info("settings %s %r", settings, secret, extra={"token_of": secret, "all": settings})
        shown = [
            *(str(secret), repr(secret), f"{secret}", f"{secret!s:>20}", "%s" % secret),  # noqa: UP031
            *(str(settings), repr(settings), str(settings.model_dump()), settings.model_dump_json()),
            *(repr(copy.deepcopy(settings)), orjson.dumps([secret], default=str).decode()),
            *(JsonFormatter().format(record) for record in caplog.records),
        ]
        for text in shown:
            assert HIDDEN not in text
            assert "***" in text


@given(st.text(alphabet="abcdefXYZ0189-_", min_size=8))
def test_no_exception_tells_a_value(value: str) -> None:
    environ = {"EXAMPLE_URL": f"http://{value}", "EXAMPLE_TOKEN": value, "EXAMPLE_TRIES": value + "x"}
    try:
        read(Example, environ)
    except SettingsError as error:
        shown = "".join(traceback.format_exception(error)) + repr(error) + str(error.problems)
        assert f"http://{value}" not in shown
        assert f"{value}x" not in shown
    else:
        pytest.fail("the settings were taken")


def test_a_schema_can_be_made_of_settings_with_secrets() -> None:
    schema = Example.model_json_schema()
    assert schema["properties"]["EXAMPLE_TOKEN"]["type"] == "string"
    assert schema["required"] == ["EXAMPLE_URL", "EXAMPLE_TOKEN"]


def test_a_secret_is_not_made_of_what_is_no_text() -> None:
    for wrong in ("", 5, None, ["x"]):
        with pytest.raises(ValidationError):
            Example.model_validate({**GOOD, "EXAMPLE_TOKEN": wrong})


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_a_loopback_address_is_known(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "0.0.0.0",  # noqa: S104 -- it is what must not pass
        "::",
        "10.0.0.1",
        "169.254.169.254",
        "localhost.example.org",
        "127.0.0.1.example.org",
        "2130706433",
    ],
)
def test_any_other_address_is_not_taken_for_one(host: str) -> None:
    assert not is_loopback(host)
