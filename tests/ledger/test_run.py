"""G3: runs with a ledger beside them, the settings, and the commands."""

import json
import stat
from pathlib import Path

import pytest
from small_ledgers import hashes

from small_runs import command, eager, market, settings
from tickerml.config import Config, load, to_mapping
from tickerml.ledger.follow import Follower
from tickerml.ledger.place import FILE, of_file
from tickerml.run.backtest import backtest
from tickerml.run.ledger import place_of, rebuild, show
from tickerml.run.paper import paper
from tickerml.run.record import read_manifest
from tickerml.tape.errors import ConfigError, InputError

QUIET = {"ledger": {"enabled": False}}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A paper run with its ledger beside it."""
    folder = tmp_path_factory.mktemp("ledger") / "run"
    return paper("psc", market("busy", minutes=2), config=eager(), run_dir=folder)


def test_a_ledger_changes_no_decision_g3(run, tmp_path):
    without = paper("psc", market("busy", minutes=2), config=eager(**QUIET), run_dir=tmp_path / "run")
    assert not (tmp_path / "run" / FILE).exists()
    for key in ("decisions", "decision_hash", "state_hash", "counts"):
        assert run.manifest[key] == without.manifest[key]


def test_written_beside_the_run_is_what_a_rebuild_gives_g3(run):
    to = of_file(run.path / FILE)
    beside = hashes(to)
    assert beside["fills"][0] == run.manifest["counts"]["fill"] > 0
    assert beside["orders"][0] == run.manifest["counts"]["submit"]
    found = rebuild([run.path], lambda folder: place_of(Config(), folder))
    assert found[0]["as_before"] is True
    assert found[0]["rows"] == sum(run.manifest["counts"].values())
    assert hashes(to) == beside


def test_a_backtest_has_a_ledger_where_it_is_asked_for_g3(tmp_path):
    tape = market("busy", minutes=1)
    backtest("psc", tape, config=eager(), run_dir=tmp_path / "a")
    assert not (tmp_path / "a" / FILE).exists()
    backtest("psc", tape, config=eager(), run_dir=tmp_path / "b", ledger=True)
    backtest("psc", tape, config=eager(ledger={"backtests": True}), run_dir=tmp_path / "c")
    one, two = (hashes(of_file(tmp_path / name / FILE)) for name in "bc")
    assert one["signals"][0] == two["signals"][0] > 0


BAD = """
from tickerml.strategies.wake import Every


class Bad:
    wake = Every("10s")
    sees = ()

    def decide(self, view):
        return 1 / 0
"""


@pytest.mark.parametrize("late", [True, False], ids=["not written yet", "written already"])
def test_a_run_whose_folder_goes_is_in_no_ledger_g3(tmp_path, monkeypatch, late):
    """Its strategy failed before the first decision: the ledger of all runs holds none that could not be rebuilt."""
    if not late:
        monkeypatch.setitem(Follower.__init__.__kwdefaults__, "first", 0.0)
    (tmp_path / "bad.py").write_text(BAD)
    config = settings(data={"runs": str(tmp_path / "runs")})
    kept = paper("psc", market("busy", minutes=1), config=config)
    to = of_file(tmp_path / "runs" / FILE)
    before = hashes(to)
    with pytest.raises(InputError) as error:
        paper(str(tmp_path / "bad.py"), market("busy", minutes=1), config=config)
    assert error.value.code == "strategy"
    assert {path.name for path in (tmp_path / "runs").iterdir() if path.is_dir()} == {kept.path.name}
    assert hashes(to) == before


def test_the_same_command_again_changes_nothing_g3(run):
    before = hashes(of_file(run.path / FILE))
    paper("psc", market("busy", minutes=2), config=eager(), run_dir=run.path)
    assert hashes(of_file(run.path / FILE)) == before


def test_a_run_whose_ledger_cannot_be_written_is_made_g3(tmp_path, monkeypatch, caplog):
    """The database is gone from the start: the run is whole, the warning names what to do, a rebuild brings it."""
    monkeypatch.setattr("tickerml.ledger.follow.PATIENCE", 0.2)
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder is needed")
    config = eager(ledger={"url": f"sqlite:///{blocked}/x.sqlite"})
    made = paper("psc", market("busy", minutes=1), config=config, run_dir=tmp_path / "run")
    assert made.manifest["decisions"] > 0
    assert [r.message.split(":")[0] for r in caplog.records] == ["ledger-gone", "ledger-behind"]
    blocked.unlink()
    told = rebuild([made.path], lambda folder: place_of(config, folder))
    assert told[0]["tables"]["signals"]["rows"] > 0


def test_where_the_ledger_lies(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert place_of(Config()).file == Path("runs/ledger.sqlite")
    assert place_of(Config(), Path("runs/8f3a21")).file == Path("runs/ledger.sqlite")
    assert place_of(Config(), tmp_path / "own").file == tmp_path / "own" / FILE
    assert place_of(settings(ledger={"url": "sqlite:///x.db"}), Path("runs/8f3a21")).file == Path("x.db")


def test_the_ledger_is_no_part_of_a_run(run):
    """Neither its URL nor whether it is kept is in the manifest: the run is the same one."""
    config = settings(ledger={"url": "postgresql://u:geheim@host/db"})
    assert "ledger" not in to_mapping(config)
    assert "geheim" not in repr(config)
    assert "ledger" not in read_manifest(run.path)["config"]


def test_a_password_in_the_settings_g3(tmp_path):
    """From the environment, or from a file that only its owner can read; never from the command line."""
    url = "postgresql://u:geheim@host/db"
    file = tmp_path / "config.yaml"
    file.write_text(f"ledger:\n  url: {url}\n", encoding="utf-8")
    file.chmod(stat.S_IRUSR | stat.S_IWUSR)
    assert load([file], env={}).ledger.url == url
    file.chmod(0o644)
    with pytest.raises(ConfigError) as error:
        load([file], env={})
    told = error.value
    assert (told.code, told.key, told.where.line) == ("config-secret", "ledger.url", 2)
    assert "geheim" not in str(told) + told.where.text
    file.write_text("ledger:\n  url: postgresql://u@host/db\n", encoding="utf-8")
    assert load([file], env={}).ledger.url == "postgresql://u@host/db"
    for env in ({"TICKERML__LEDGER__URL": url}, {"DATABASE_URL": url}):
        assert load([], env=env).ledger.url == url
    assert load([], env={"DATABASE_URL": "mysql://host/db"}).ledger.url == ""
    assert load([], env={"DATABASE_URL": url, "TICKERML__LEDGER__URL": "sqlite:///x"}).ledger.url == "sqlite:///x"
    with pytest.raises(ConfigError) as error:
        load([], env={}, options={"ledger.url": ("--database", url)})
    assert error.value.code == "config-secret"
    assert "geheim" not in str(error.value) + error.value.where.text
    with pytest.raises(ConfigError) as error:
        load([], env={"TICKERML__LEDGER__URLL": url})
    assert "geheim" not in str(error.value) + error.value.where.text


def test_commands_g3(run, tmp_path):
    """`ledger show` lists tables and shows one; `ledger rebuild` makes it again; errors name what there is."""
    listed = command("ledger", "show", "--run", run.path, "--json", cwd=tmp_path)
    told = json.loads(listed.stdout.splitlines()[-1])
    assert told["tables"]["fills"] == run.manifest["counts"]["fill"]
    shown = command("ledger", "show", "signals", "--run", run.path, "--limit", "3", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert len(shown.stdout.splitlines()) == 4
    assert "2026-01-04 06:0" in shown.stdout
    again = command("ledger", "rebuild", run.path, cwd=tmp_path)
    assert "as they were" in again.stdout, again.stderr
    elsewhere = command("ledger", "rebuild", run.path, "--database", "sqlite:///x.sqlite", "--json", cwd=tmp_path)
    one = json.loads(elsewhere.stdout.splitlines()[-1])["runs"][0]
    assert one["as_before"] is None
    assert one["tables"]["fills"]["hash"] == {k: h for k, (_, h) in hashes(of_file(run.path / FILE)).items()}["fills"]
    for words, code in (
        (("show", "fillz", "--run", run.path), "ledger-table"),
        (("show",), "ledger-missing"),
        (("show", "--database", "nowhere"), "ledger-url"),
        (("show", "--run", "zzz", "--database", "sqlite:///x.sqlite"), "run-missing"),
    ):
        failed = command("ledger", *words, cwd=tmp_path)
        assert failed.stderr.startswith(f"error[{code}]"), failed.stderr
        assert failed.returncode == 2
        assert "Traceback" not in failed.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["x.sqlite"]


def test_show_from_python(run):
    found = show(of_file(run.path / FILE), "performance_metrics", "run-", 10)
    assert found["rows"][0]["strategy"] == ""
    assert found["runs"][0].startswith("run-")
