"""A headless Chromium, where there is one: TICKERML_CHROMIUM, else chromium or google-chrome on the path."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass


def found():
    """The browser's path, or None."""
    named = os.environ.get("TICKERML_CHROMIUM")
    return named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@dataclass
class Seen:
    """The page after its scripts ran, and the URLs that it asked for (not those the browser asks for itself)."""

    dom: str
    requests: list[str]


def visit(folder, html, *, dark=False, wait_ms=2_000, width=1040):
    """Open `html` from a file, let `wait_ms` of the page's time pass, and report."""
    page, log = folder / "page.html", folder / "net.json"
    page.write_text(html, "utf-8")
    command = [
        found(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
        "--disable-component-update", "--disable-sync", "--disable-extensions", "--no-default-browser-check",
        f"--user-data-dir={folder / 'profile'}", f"--log-net-log={log}", f"--virtual-time-budget={wait_ms}",
        f"--blink-settings=preferredColorScheme={0 if dark else 1}", f"--window-size={width},2000", "--dump-dom",
        page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return Seen(done.stdout, _requests(log, page.as_uri()))


def _requests(log, own):
    text = log.read_text("utf-8").rstrip().rstrip(",")
    try:
        events = json.loads(text)["events"]
    except json.JSONDecodeError:  # the browser ended before it closed the list
        events = json.loads(text + "]}")["events"]
    asked = [e["params"] for e in events if "url" in e.get("params", {}) and "initiator" in e["params"]]
    mine = [p["url"] for p in asked if p["initiator"].startswith(("file:", "null", "http"))]
    return sorted({url for url in mine if url != own and not url.startswith(("data:", "blob:", "about:"))})
