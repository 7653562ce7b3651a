"""A strategy or model in a file may import the files beside it, and nobody else's of the same name."""

from __future__ import annotations

import json
import sys

import pytest
from test_own_files import QUEUE, STRATEGY, SYNTHETIC

from small_runs import market, print_of, run, settings
from tickerml.cli.app import run as command_line
from tickerml.config import from_mapping
from tickerml.run.own_file import module_of
from tickerml.run.strategies import choose
from tickerml.tape.errors import ConfigError

DIP = (
    STRATEGY.replace("from dataclasses", "import helper\nfrom rules.size import SIZE\nfrom dataclasses")
    .replace('stop=0.004, horizon="15s", size=0.1', "stop=helper.stop(), horizon=late(), size=SIZE")
    .replace("        return Long", "        from later import late\n\n        return Long")
)


def written(folder, stop="0.004", text=DIP):
    """A strategy with a helper, a package and a helper of the helper beside it."""
    (folder / "rules").mkdir(parents=True)
    (folder / "dip.py").write_text(text)
    (folder / "helper.py").write_text("import numbers_of_mine\n\ndef stop():\n    return numbers_of_mine.STOP\n")
    (folder / "numbers_of_mine.py").write_text(f"STOP = {stop}\n")
    (folder / "later.py").write_text('def late():\n    return "15s"\n')
    (folder / "rules" / "__init__.py").write_text("from .size import SIZE\n")
    (folder / "rules" / "size.py").write_text("SIZE = 0.1\n")
    return folder / "dip.py"


def told(capsys, *argv):
    code = command_line([*map(str, argv), "--json"])
    return code, json.loads(capsys.readouterr().out.splitlines()[-1])


def test_a_strategy_with_files_beside_it_runs_and_replays(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hashes = {}
    for name, stop in (("one", "0.004"), ("two", "0.002")):
        path = written(tmp_path / name, stop)
        for mode in ("backtest", "paper"):
            made = tmp_path / f"{name}-{mode}"
            code, found = told(capsys, mode, "-s", path, "--source", *SYNTHETIC[1:], "--run-dir", made)
            assert code == 0
            assert found["orders"] > 0
            hashes[name, mode] = found["state_hash"]
            assert told(capsys, "replay", made)[1]["identical"]
    assert hashes["one", "backtest"] == hashes["one", "paper"] != hashes["two", "backtest"]
    assert hashes["two", "backtest"] == hashes["two", "paper"]
    for name in ("helper", "later", "rules", "numbers_of_mine"):
        assert name not in sys.modules
    (tmp_path / "one" / "numbers_of_mine.py").write_text("STOP = 0.0002\n")
    code, found = told(capsys, "replay", tmp_path / "one-paper")  # in the process that knows the older file
    assert (code, found["identical"]) == (1, False)


def test_one_content_is_one_module_and_each_folder_has_its_own(tmp_path):
    paths = [written(tmp_path / name, stop) for name, stop in (("a", "1"), ("b", "2"), ("c", "1"))]
    modules = [module_of(path, "strategy") for path in paths]
    assert [module.helper.stop() for module in modules] == [1, 2, 1]
    assert modules[0].__name__ == modules[2].__name__  # the same code, and yet each reads the data beside itself
    assert modules[0] is not modules[2]
    assert modules[0] is not modules[1]
    assert choose(str(paths[1]), from_mapping({})).name == "dip"


def test_inside_a_package_imports_look_where_its_folder_lies(tmp_path):
    """As in a script: the package itself, its own modules and the files beside it, by their absolute names."""
    path = written(tmp_path / "x")
    inner = tmp_path / "x" / "rules" / "deep"
    inner.mkdir()
    (inner / "__init__.py").write_text("")
    (inner / "more.py").write_text("import rules.size\nfrom rules import size\nTWICE = 2 * size.SIZE\n")
    (tmp_path / "x" / "rules" / "late.py").write_text(
        "import helper\nfrom rules.deep.more import TWICE\nSTOP = helper.stop()\n"
    )
    path.write_text("from rules.late import STOP, TWICE\nimport rules\nSAME = rules.late.STOP\n")
    module = module_of(path, "strategy")
    assert (module.STOP, module.SAME, module.TWICE) == (0.004, 0.004, 0.2)
    assert "rules" not in sys.modules
    (inner / "more.py").write_text("TWICE = 9\n")
    assert module_of(path, "strategy").TWICE == 9  # a file deep in a package is part of what the module is
    (inner / "more.py").write_text("TWICE = 1 / 0\n")
    with pytest.raises(ConfigError, match="ZeroDivisionError"):
        module_of(path, "strategy")


def test_files_that_import_each_other(tmp_path):
    (tmp_path / "one.py").write_text("import two\n\ndef f():\n    return two.g()\n")
    (tmp_path / "two.py").write_text("import one\n\ndef g():\n    return one.__name__\n")
    module = module_of(tmp_path / "one.py", "strategy")
    assert module.f() == module.__name__


def test_a_file_beside_it_that_cannot_be_run_is_named(tmp_path):
    path = written(tmp_path / "x")
    (tmp_path / "x" / "helper.py").write_text("x = 1\n\n1 / 0\n")
    with pytest.raises(ConfigError, match=r"helper\.py, line 3: ZeroDivisionError"):
        module_of(path, "strategy")


def test_a_model_whose_sibling_was_edited_is_compiled_again(tmp_path):
    path = tmp_path / "my_queue.py"
    path.write_text(
        QUEUE.replace("from dataclasses", "from share import SHARE\nfrom dataclasses").replace("* ahead", "* SHARE")
    )
    tape, prints = market("busy", minutes=2, rows=4000), []
    for share in ("1.0", "0.0", "1.0"):
        (tmp_path / "share.py").write_text(f"SHARE = {share}\n")
        prints.append(print_of(*run("quoter", tape, settings(queue={"model": str(path)}))))
    assert prints[0] == prints[2] != prints[1]
