"""Settings: every source, every refusal, and the snippets of the documents that the program was asked for with."""

import json
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from tickerml.config import Config, Exchange, from_mapping, idle, load, pick, to_mapping, without_effect
from tickerml.config.idle import MARK, REASONS, reasons
from tickerml.config.pages import default_yaml, json_schema, markdown
from tickerml.config.schema import sections, settings
from tickerml.tape.errors import ConfigError
from tickerml.tape.params import Range

MICROSTRUCTURE = """\
ml_microstructure:
  enabled: true
  min_signal_ratio: 6.5
  min_confidence: 0.3
  max_leverage: 10000.0
  timer_limit_minutes: 10
  trading_coins: ['BTC', 'ETH', 'SOL', 'SHIB', 'DOGE', 'PEPE']
  
superp:
  enabled: true
  no_liquidation: true
  max_leverage: 10000.0
  
psc_integration:
  use_logarithmic_ratios: true
  long_threshold: 7.0
  short_threshold: 5.0
"""  # noqa: W293 - verbatim, blank lines with their spaces

PAPER = """\
exchanges:
  binance:
    symbols: [BTC/USDT, ETH/USDT]
    order_book_depth: 50
    trade_stream: true
  coinbase:
    symbols: [BTC-USD, ETH-USD]
    # ... etc

trading:
  initial_balance: 10000
  max_position_size: 0.25  # 25% of portfolio
  max_concurrent_positions: 5
  slippage_model: "dynamic"  # or "fixed"
  
risk:
  max_drawdown: 0.20  # 20%
  stop_loss_default: 0.02  # 2%
  position_correlation_limit: 0.7

model:
  inference_mode: "speed"  # or "accuracy"
  ensemble_voting: true
  confidence_threshold: 0.65
"""  # noqa: W293 - verbatim, blank lines with their spaces


def write(folder: Path, text: str, name: str = "config.yaml", mode: int = 0o600) -> Path:
    path = folder / name
    path.write_text(text)
    path.chmod(mode)
    return path


def problems(folder: Path, text: str, env: dict[str, str] | None = None) -> list[ConfigError]:
    with pytest.raises(ConfigError) as caught:
        load([write(folder, text)], env=env or {})
    return [caught.value, *caught.value.more]


def test_both_snippets_load_as_they_stand(tmp_path):
    config = load([write(tmp_path, MICROSTRUCTURE, "a.yaml"), write(tmp_path, PAPER, "b.yaml")], env={})
    assert config.ml_microstructure.min_signal_ratio == 6.5
    assert config.ml_microstructure.trading_coins == ("BTC", "ETH", "SOL", "SHIB", "DOGE", "PEPE")
    assert config.superp.no_liquidation is True
    assert (config.psc_integration.long_threshold, config.psc_integration.short_threshold) == (7.0, 5.0)
    assert config.exchanges["binance"] == Exchange(symbols=("BTC/USDT", "ETH/USDT"), order_book_depth=50)
    assert config.exchanges["coinbase"].symbols == ("BTC-USD", "ETH-USD")
    assert config.trading.initial_balance == Decimal(10000)
    assert config.trading.slippage_model == "dynamic"
    assert (config.risk.max_drawdown, config.risk.position_correlation_limit) == (0.20, 0.7)
    assert (config.model.inference_mode, config.model.confidence_threshold) == ("speed", 0.65)


def test_what_a_snippet_says_that_has_no_meaning_here_is_named_with_its_reason(tmp_path):
    """H4: loaded verbatim, and nothing of it silently ignored, whatever its value."""
    told = without_effect([write(tmp_path, PAPER, "b.yaml")])
    named = {line.split(" does nothing: ")[0].split(" ")[1]: line for line in told}
    assert set(named) == {
        "exchanges.binance.symbols",
        "exchanges.binance.order_book_depth",
        "exchanges.binance.trade_stream",
        "exchanges.coinbase.symbols",
        "risk.stop_loss_default",
        "model.inference_mode",
        "model.ensemble_voting",
        "model.confidence_threshold",
    }
    assert named["exchanges.coinbase.symbols"].startswith(f"{tmp_path / 'b.yaml'}:7 ")
    assert "--source" in named["exchanges.binance.symbols"]
    told = without_effect([write(tmp_path, MICROSTRUCTURE, "a.yaml")])
    assert [line.split(" ")[1] for line in told] == ["superp.no_liquidation"]


def test_every_setting_that_does_nothing_has_its_reason_and_no_other():
    quiet = {f"{n}.{k}" for n, c in sections().items() for k, s in settings(c).items() if s.comment.startswith(MARK)}
    assert set(reasons()) == quiet >= set(REASONS)


def test_what_was_changed_and_does_nothing_is_noted_in_a_run(tmp_path):
    config = load([write(tmp_path, PAPER, "b.yaml")], env={})
    assert idle(config) == [f"exchanges.symbols does nothing: {REASONS['exchanges.symbols']}"]
    assert idle(Config()) == []


def test_no_file_means_defaults():
    assert load(env={}) == Config()


def test_the_default_file_says_the_defaults(tmp_path):
    assert load([write(tmp_path, default_yaml())], env={}) == Config()


def test_every_setting_has_a_unit_or_meaning_and_every_number_a_range():
    for name, cls in sections().items():
        for one in settings(cls).values():
            assert one.comment, f"{name}.{one.name} has no comment"
            assert one.range is not None or one.type not in {int, float, Decimal}, f"{name}.{one.name} has no range"
            if one.range is not None:
                assert float(one.default) in one.range, f"{name}.{one.name} defaults to a value it refuses"


def test_schema_and_page_name_every_setting():
    schema, page = json.dumps(json_schema()), markdown()
    for cls in sections().values():
        for key in settings(cls):
            assert f'"{key}"' in schema
            assert f"`{key}`" in page


def test_json_is_accepted(tmp_path):
    path = write(tmp_path, json.dumps({"risk": {"max_drawdown": 0.1}}), "config.json")
    assert load([path], env={}).risk.max_drawdown == 0.1


def test_later_files_then_environment_then_options_win(tmp_path):
    first = write(
        tmp_path, "risk: {max_drawdown: 0.1, stop_loss_default: 0.01}\ntrading: {initial_balance: 5}", "1.yaml"
    )
    second = write(tmp_path, "risk: {max_drawdown: 0.2}", "2.yaml")
    env = {"TICKERML__TRADING__INITIAL_BALANCE": "6.25", "TICKERML__SYNTHETIC__COINS": "[BTC, TON]", "HOME": "/"}
    config = load([first, second], env=env, options={"synthetic.seed": ("--seed", 3)})
    assert (config.risk.max_drawdown, config.risk.stop_loss_default) == (0.2, 0.01)
    assert config.trading.initial_balance == Decimal("6.25")
    assert (config.synthetic.coins, config.synthetic.seed) == (("BTC", "TON"), 3)
    assert load([second, first], env={}).risk.max_drawdown == 0.1
    stronger = load(env=env, options={"trading.initial_balance": ("--cash", Decimal(7))})
    assert stronger.trading.initial_balance == 7


def test_all_problems_are_told_at_once_with_their_places(tmp_path):
    found = problems(
        tmp_path, "risk:\n  max_drawdon: 0.1\n  stop_loss_default: 2\ntradng: {}\nmodel: {ensemble_voting: 3}\n"
    )
    assert [(e.code, e.where.line, e.where.column, e.where.mark) for e in found] == [
        ("config-key", 2, 3, 11),
        ("config-range", 3, 22, 1),
        ("config-key", 4, 1, 6),
        ("config-type", 5, 26, 1),
    ]
    assert found[0].where.text == "  max_drawdon: 0.1"
    assert found[0].where.note == "did you mean max_drawdown? (number, 0.001 to 1, default 0.2)"
    assert found[1].message.startswith("risk.stop_loss_default is 2; it must be 0.0001 to 1 (not used yet; share of")
    assert found[2].where.note == "did you mean trading?"
    assert found[3].message.startswith("model.ensemble_voting is 3; it must be true or false")
    assert [e.means for e in found] == ["", "", "", "4 problems, nothing was started"]


def test_a_far_name_gets_the_list_instead_of_a_guess(tmp_path):
    (only,) = problems(tmp_path, "fees: {gebuehr: 1}")
    assert only.where.note == ""
    assert only.try_ == "one of: model, maker, taker, params"


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("risk: [\n", "config-syntax", 2),
        ("- a\n- b\n", "config-syntax", 1),
        ("risk:\n  max_drawdown: 0.1\n  max_drawdown: 0.2\n", "config-duplicate", 3),
        ("risk: 5\n", "config-type", 1),
        ("fees: {maker: .nan}\n", "config-type", 1),
        ("fees: {maker: yes}\n", "config-type", 1),
        ("trading: {initial_balance: much}\n", "config-type", 1),
        ("trading: {initial_balance: true}\n", "config-type", 1),
        ("trading: {slippage_model: dynamo}\n", "config-range", 1),
        ("trading: {max_concurrent_positions: 2.5}\n", "config-type", 1),
        ("exchanges:\n  binance: {order_book_depth: 0}\n", "config-range", 2),
        ("exchanges:\n  binance: {depth: 5}\n", "config-key", 2),
        ("psc_integration: {short_threshold: 8}\n", "config-conflict", 1),
        ("latency: {model: constnat}\n", "config-model", 1),
        ("queue: {model: advance}\n", "config-model", 1),
        ("queue: {model: mine.py}\n", "config-model", 1),
        ("queue: {params: {exponent: large}}\n", "config-type", 1),
        ("queue: {params: [3]}\n", "config-type", 1),
        ("psc_integration:\n  ton_price: moon\n", "config-range", 2),
        ("trading:\n  max_concurrent_positions: 010\n", "config-syntax", 2),
        ("trading: {initial_balance: 1:30}\n", "config-syntax", 1),
        ("trading: {pairs: [BTC/USDT, 0_17]}\n", "config-syntax", 1),
    ],
)
def test_each_refusal_names_its_line(tmp_path, text, code, line):
    (only,) = problems(tmp_path, text)
    assert (only.code, only.where.line) == (code, line)
    assert "nvalid" not in only.message


def test_models_are_named_by_their_file_or_are_a_file_of_ones_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("")
    text = "queue: {model: power_probability, params: {exponent: 2.5}}\nlatency: {model: mine.py}\n"
    config = load([write(tmp_path, text)], env={})
    assert config.queue.params == {"exponent": 2.5}
    assert config.latency.model == "mine.py"
    (only,) = problems(tmp_path, "latency: {model: constnt}")
    assert only.where.note == "did you mean constant?"
    assert "distribution" in only.message


def test_numbers_as_people_write_them(tmp_path):
    config = load([write(tmp_path, "fees: {maker: 1e-4}\npsc_integration: {ton_price: 6.50}\n")], env={})
    assert config.fees.maker == 1e-4
    assert config.psc_integration.ton_price == "6.5"


def test_a_missing_file_says_how_to_make_one(tmp_path):
    with pytest.raises(ConfigError) as caught:
        load([tmp_path / "none.yaml"], env={})
    assert caught.value.code == "config-file"
    assert caught.value.try_.startswith("tickerml new config")


def test_an_unknown_variable_is_an_error_and_names_itself(tmp_path):
    (only,) = problems(tmp_path, "", {"TICKERML__RISK__MAX_DRAWDOWNS": "0.1"})
    assert only.code == "config-key"
    assert only.where.text == "TICKERML__RISK__MAX_DRAWDOWNS=0.1"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows files have no mode bits")
def test_secrets_only_from_private_files_or_the_environment(tmp_path):
    text = "exchanges:\n  kraken: {api_key: abc, api_secret: def, order_book_depth: 0}\n"
    private = write(tmp_path, text.replace("0}", "10}"))
    assert load([private], env={}).exchanges["kraken"].api_key == "abc"
    with pytest.raises(ConfigError) as caught:
        load([write(tmp_path, text, "open.yaml", 0o644)], env={})
    found = [caught.value, *caught.value.more]
    assert [e.code for e in found] == ["config-secret", "config-range"]
    assert found[0].try_ == f"chmod 600 {tmp_path / 'open.yaml'}"
    assert not any("abc" in (e.where.text or "") + e.message for e in found)
    assert load([write(tmp_path, "exchanges:\n  kraken: {api_key: ''}\n", "o.yaml", 0o644)], env={}).exchanges["kraken"]
    config = load(env={"TICKERML__EXCHANGES__KRAKEN__API_KEY": "12345"})
    assert config.exchanges["kraken"].api_key == "12345"
    assert "12345" not in repr(config)


@pytest.mark.parametrize("key", ["api_secrt", "api_keys", "apikey", "token"])
def test_a_secret_under_a_misspelt_name_is_in_no_message(tmp_path, key):
    text = f"exchanges:\n  kraken:\n    {key}: [hush, 1]\n"
    named = f"exchanges.kraken.{key}"
    found = [
        *problems(tmp_path, text, {}),
        *problems(tmp_path, "", {f"TICKERML__EXCHANGES__KRAKEN__{key.upper()}": "[hush, 1]"}),
    ]
    with pytest.raises(ConfigError) as caught:
        load(env={}, options={named: ("--param", "[hush, 1]")})
    found += [caught.value, *caught.value.more]
    assert {e.code for e in found} == {"config-key"}
    assert not any("hush" in f"{e.where and e.where.text} {e.message} {e.try_}" for e in found)


def test_a_manifest_keeps_settings_but_no_secrets():
    config = from_mapping(
        {"exchanges": {"kraken": {"api_secret": "hush", "symbols": ["BTC/USD"]}}, "queue": {"model": "back"}}
    )
    kept = json.loads(json.dumps(to_mapping(config)))
    assert "hush" not in json.dumps(kept)
    again = from_mapping(kept)
    assert again.queue.model == "back"
    assert again.trading == config.trading
    assert again.exchanges["kraken"].symbols == ("BTC/USD",)


def test_ranges_are_closed():
    assert 0 in Range(0, 1)
    assert from_mapping({"risk": {"max_drawdown": 1}}).risk.max_drawdown == 1.0


def test_the_settings_of_psc_are_its_parameters():
    """One dialect: a parameter of the strategy stands in one of its sections, with the same default and limits."""
    from tickerml.strategies.psc_params import PscParams

    config = Config()
    parts = (config.ml_microstructure, config.psc_integration, config.superp)
    known = {key: one for part in parts for key, one in settings(type(part)).items()}
    elsewhere = {"superp": config.superp.enabled, "timeframe": config.data.timeframe}
    for name, theirs in settings(PscParams).items():
        if name not in elsewhere:
            ours = known[name]
            assert (ours.default, ours.range, ours.words) == (theirs.default, theirs.range, theirs.words), name
    assert PscParams(**pick(PscParams, *parts), **elsewhere) == PscParams()
