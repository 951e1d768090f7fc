"""What images install, in a folder of its own: starts are measured of that, not of the checkout.

The checkout is an editable install among all that its tests need, and each start compares its byte code with its
sources; in an image neither is so. The baseline is a bare app in the same host and the same environment.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.bench.processes import Running, free_port, running
from tests.support.builders import s2i
from tests.support.containerfile import Emulated
from tests.support.servers import ROOT


@dataclass(frozen=True, slots=True)
class Command:
    """A server as it is started: its words, the folder that it runs in, and its environment's own variables.

    A program without a path is looked for in its own PATH.
    """

    words: tuple[str, ...]
    folder: Path = ROOT
    settings: Mapping[str, str] = field(default_factory=dict)

    def told(self, **settings: str) -> "Command":
        """Return it with more settings."""
        return replace(self, settings={**self.settings, **settings})

    @contextmanager
    def running(self) -> Iterator[Running]:
        """Run it on a free port, which each host reads from a variable of its own, and yield it once it is ready."""
        port = free_port()
        place = {"HOST": "127.0.0.1", "PORT": str(port), "LISTEN_ADDRESS": f"127.0.0.1:{port}"}
        with running(self.words, port, cwd=self.folder, **place, **self.settings) as server:
            yield server

    def measured(self, measure: Callable[[Running], float]) -> Callable[[], float]:
        """Return a measurement: start it, ask until it is ready, measure, end it."""

        def work() -> float:
            with self.running() as server:
                return measure(server)

        return work


_IN_FUNC = "import func_python.http, tests.bench.bare_knfunc as it; func_python.http.serve(it.new)"
_IN_FRAMEWORK = {"FUNCTION_TARGET": "bare", "FUNCTION_SOURCE": "tests/bench/bare_framework.py"}
_BARE = {
    "runtime": Command(("python", "-m", "tests.bench.bare")),
    "framework": Command(("functions-framework",), settings=_IN_FRAMEWORK),
    "knfunc": Command(("python", "-c", _IN_FUNC)),
}


@dataclass(frozen=True, slots=True)
class Image:
    """What an image runs, which takes the function's name from FUNCTION_TARGET, and a bare app beside it."""

    served: Command
    bare: Command

    def of(self, function: str, settings: Mapping[str, str]) -> Command:
        """Return the image as the container of a function."""
        return self.served.told(FUNCTION_TARGET=function, **settings)


@contextmanager
def image(lock: str = "runtime") -> Iterator[Image]:
    """Build the image of a locked file, `runtime` or `framework`, by the steps of the Containerfile (some seconds).

    Raises ValueError for a step that fails, as where uv's cache lacks what is locked (`make hosts` fills it).
    """
    with _folder() as folder:
        built = Emulated(folder, {"LOCK": lock})
        stage = built.build()
        own = {"PATH": built.environment(stage)["PATH"]}
        yield Image(Command(stage.command, Path(built.inside(stage.workdir)), own), _BARE[lock].told(**own))


@contextmanager
def func_image() -> Iterator[Image]:
    """Build what `kn func build` makes, as func.yaml's builder s2i does. Raises RuntimeError where that fails."""
    with _folder() as folder:
        built = s2i(folder)
        yield Image(Command(built.command, built.cwd, built.env), _BARE["knfunc"].told(**built.env))


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tidings-image-") as folder:
        yield Path(folder)
