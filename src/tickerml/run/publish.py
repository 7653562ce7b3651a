"""A paper run's metrics: over HTTP on the loopback address, and as metrics.prom in its folder (docs/metrics.md)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from tickerml.tape.errors import ConfigError
from tickerml.tape.progress import Level, Progress
from tickerml.views.live_state import LiveState
from tickerml.views.prometheus import CONTENT_TYPE, exposition

FILE: Final = "metrics.prom"
HOST: Final = "127.0.0.1"  # never another: what an account is worth is nobody's on the network
_EVERY: Final = 0.25  # seconds between two states where nobody draws them
_NOT_YET: Final = "# the run has not shown its first state yet\n"


class Published:
    """A watcher that publishes each state and hands everything on to the one that draws."""

    last = True  # it wants the state at the run's end, too

    def __init__(self, folder: Path, inner: Progress | None) -> None:
        """`folder` of the run; `inner`: who else watches."""
        self.text = _NOT_YET
        self._folder, self._inner, self._shown = folder, inner, 0.0

    @property
    def stop(self) -> bool:
        """As the other watcher says."""
        return self._inner is not None and self._inner.stop

    @property
    def due(self) -> bool:
        """With the frames of the other watcher."""
        return self._inner.due if self._inner is not None else time.monotonic() - self._shown >= _EVERY

    def __call__(self, done: int, total: int | None = None, what: str = "", unit: str = "rows") -> None:
        """Handed on."""
        if self._inner is not None:
            self._inner(done, total, what, unit)

    def note(self, text: str, level: Level = "INFO", source: str = "", at: int | None = None) -> None:
        """Handed on."""
        if self._inner is not None:
            self._inner.note(text, level, source, at)

    def show(self, state: LiveState) -> None:
        """Publish the state, whole or not at all, and hand it on."""
        self._shown = time.monotonic()
        journal = self._folder / "journal"
        taken = sum(one.stat().st_size for one in journal.rglob("*") if one.is_file())
        self.text = exposition(state, now=time.time_ns(), journal_bytes=taken)
        partial = self._folder / f"{FILE}.partial"
        partial.write_text(self.text, encoding="utf-8")
        partial.replace(self._folder / FILE)
        if self._inner is not None:
            self._inner.show(state)


@contextmanager
def publishing(folder: Path, port: int, inner: Progress | None) -> Iterator[Published]:
    """Serve the run's metrics at http://127.0.0.1:`port`/metrics until the end; 0 = any free port, which is noted.

    Raises ConfigError `metrics-port` before anything is run where nothing can listen there.
    """
    published = Published(folder, inner)
    try:
        server = ThreadingHTTPServer((HOST, port), _handler(published))
    except OSError as cause:
        raise ConfigError(
            "metrics-port",
            f"metrics cannot be served on {HOST}:{port}: {cause.strerror or cause}",
            key="--metrics",
            means="nothing was started",
            try_=f"--metrics {port + 1 if port < 65_535 else 9_200}",
        ) from cause
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    published.note(f"metrics: http://{HOST}:{server.server_port}/metrics")
    try:
        yield published
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(published: Published) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers GET /metrics with the newest state, everything else with 404."""

        def do_GET(self) -> None:
            """One scrape."""
            if self.path.partition("?")[0] != "/metrics":
                self.send_error(404, "only /metrics is here")
                return
            body = published.text.encode()
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """A scrape is no news."""

    return Handler
