"""The end of a run: what is computed beside it, the files that people read, and the result."""

from __future__ import annotations

from tickerml.run.drive import Job
from tickerml.run.record import read_manifest, write_manifest
from tickerml.run.reopen import hold
from tickerml.run.result import Run
from tickerml.run.waterfall import waterfall


def finished(job: Job) -> Run:
    """Write waterfall, summary, strategy files and report of a run that has just been made."""
    manifest = read_manifest(job.folder)
    hold(manifest["source"]["content_hash"], job.tape)
    manifest["report"] = str(job.folder / "report.html")
    stopped = job.progress is not None and job.progress.stop
    if not stopped and job.layers:
        manifest["waterfall"] = waterfall(job)
    write_manifest(job.folder, manifest)
    run = Run(job.folder)
    run.write_files()
    run.report()
    return run
