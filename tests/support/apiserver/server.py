"""A real etcd and kube-apiserver on free ports, which can be killed and started again (flags as envtest uses them)."""

import json
import os
import shutil
import signal
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.bench.processes import free_port
from tests.support.apiserver.build import binary

ADMIN = "admin-token"
_SECONDS = 60.0


def token_of(user: str) -> str:
    """Return the token of one of the `users`."""
    return f"token-of-{user}"


def missing() -> str:
    """Return what keeps it from running here, empty where nothing does."""
    if not binary().exists():
        return "no kube-apiserver was built on this machine"
    return "" if shutil.which("etcd") else "etcd is not installed"


class ApiServer:
    """Both programs over one folder. No controllers run: what they would write, tests write.

    `users` may do everything and have a token each (`token_of`); `flags` are added to the API server's own.
    """

    def __init__(self, folder: Path, users: Sequence[str] = (), flags: Sequence[str] = ()) -> None:
        self.folder = folder
        self._port, self._etcd_port, peer = free_port(), free_port(), free_port()
        self.url = f"https://127.0.0.1:{self._port}"
        self._etcd_url = f"http://127.0.0.1:{self._etcd_port}"
        folder.mkdir(parents=True, exist_ok=True)
        tokens = {"admin": ADMIN} | {user: token_of(user) for user in users}
        lines = [f'{token},{user},{user},"system:masters"\n' for user, token in tokens.items()]
        (folder / "tokens.csv").write_text("".join(lines))
        key = folder / "service-accounts.key"
        subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)  # noqa: S607
        self._etcd_command = [
            *("etcd", "--data-dir", str(folder / "etcd"), "--unsafe-no-fsync"),
            *("--listen-client-urls", self._etcd_url, "--advertise-client-urls", self._etcd_url),
            *("--listen-peer-urls", f"http://127.0.0.1:{peer}"),
        ]
        self._command = [
            str(binary()),
            f"--etcd-servers={self._etcd_url}",
            f"--secure-port={self._port}",
            "--bind-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            f"--cert-dir={folder / 'certs'}",
            f"--token-auth-file={folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--disable-admission-plugins=ServiceAccount",
            "--allow-privileged=true",
            *flags,
        ]
        self._etcd: subprocess.Popen[bytes] | None = None
        self._api: subprocess.Popen[bytes] | None = None

    @property
    def certificate(self) -> Path:
        """Return the server's own certificate, which serves as its authority."""
        return self.folder / "certs" / "apiserver.crt"

    def start(self) -> None:
        """Start what does not run, and return once it is ready."""
        if self._etcd is None:
            self._etcd = self._begin(self._etcd_command, "etcd.log")
        if self._api is None:
            self._api = self._begin(self._command, "apiserver.log")
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end:
            if self._is_ready():
                return
            if self._api.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError((self.folder / "apiserver.log").read_text()[-2000:])

    def kill(self) -> None:
        """End the API server as a crash does; etcd goes on. SIGTERM would hang while a watch is open."""
        self._api = _ended(self._api)

    def freeze(self) -> None:
        """Stop it where it is; its connections stay open."""
        assert self._api is not None
        self._api.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self._api is not None
        self._api.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End both."""
        self.kill()
        self._etcd = _ended(self._etcd)

    def compact(self, revision: int) -> None:
        """Let etcd forget all revisions before this one, through its own JSON gateway."""
        body = json.dumps({"revision": str(revision), "physical": True}).encode()
        with urllib.request.urlopen(f"{self._etcd_url}/v3/kv/compaction", body, timeout=10) as answer:  # noqa: S310
            assert answer.status == 200

    def kubeconfig(self, name: str = "kubeconfig", **user: Any) -> Path:
        """Write a kubeconfig with contexts `lab` and `other`, both of this server; the admin's without `user`."""
        contexts = [{"name": one, "context": {"cluster": "here", "user": "someone"}} for one in ("lab", "other")]
        config: Mapping[str, Any] = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "lab",
            "contexts": contexts,
            "clusters": [
                {"name": "here", "cluster": {"server": self.url, "certificate-authority": str(self.certificate)}}
            ],
            "users": [{"name": "someone", "user": user or {"token": ADMIN}}],
        }
        path = self.folder / name
        path.write_text(yaml.safe_dump(config))
        return path

    def _begin(self, command: list[str], log: str) -> "subprocess.Popen[bytes]":
        with (self.folder / log).open("ab") as stream:
            environment = {**os.environ, "ETCD_UNSUPPORTED_ARCH": ""}
            return subprocess.Popen(command, cwd=self.folder, stdout=stream, stderr=stream, env=environment)

    def _is_ready(self) -> bool:
        if not self.certificate.exists():
            return False
        try:
            trust = ssl.create_default_context(cafile=str(self.certificate))
            head = {"authorization": f"Bearer {ADMIN}"}
            request = urllib.request.Request(f"{self.url}/readyz", headers=head)  # noqa: S310 - our own server
            with urllib.request.urlopen(request, timeout=2, context=trust) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except (OSError, ssl.SSLError):
            return False


def _ended(process: "subprocess.Popen[bytes] | None") -> None:
    if process is not None:
        process.kill()
        process.wait(10)


@contextmanager
def running(folder: Path, users: Sequence[str] = (), flags: Sequence[str] = ()) -> Iterator[ApiServer]:
    """Start both, and end them however it goes."""
    server = ApiServer(folder, users, flags)
    try:
        server.start()
        yield server
    finally:
        server.stop()
