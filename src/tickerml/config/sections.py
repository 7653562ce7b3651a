"""The sections of a configuration file. A field: `name: Annotated[type, Range(lo, hi)] = default  # unit; meaning`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Final, Literal

from tickerml.desk.limits import Limits
from tickerml.desk.settings import Manager, Regime
from tickerml.strategies.channel import Channel
from tickerml.strategies.dca import Dca
from tickerml.strategies.five_signal import FiveSignal
from tickerml.strategies.ma_cross import MaCross
from tickerml.strategies.swing import Swing
from tickerml.tape.params import Range

OLDER: Final = {  # keys of `limits` that have an older name in another section, which sets the same limit
    "max_position": ("trading", "max_position_size"),
    "max_open_positions": ("trading", "max_concurrent_positions"),
    "max_drawdown": ("risk", "max_drawdown"),
    "max_correlation": ("risk", "position_correlation_limit"),
}


@dataclass(frozen=True)
class Trading:
    """The account that a run starts with, and how much of it one position may use."""

    initial_balance: Annotated[Decimal, Range(1, 1e12)] = Decimal(10000)  # money of the quote currency at the start
    max_position_size: Annotated[float, Range(0, 1)] = 0.25  # share of equity; sets limits.max_position
    max_concurrent_positions: Annotated[int, Range(1, 100)] = 5  # positions at once; sets limits.max_open_positions
    slippage_model: Literal["dynamic", "fixed"] = "dynamic"  # for bar-only data: by bar range and size, or fixed
    slippage_bps: Annotated[float, Range(0, 1000)] = 2.0  # basis points of the price; fixed, and the floor of dynamic
    slippage_range: Annotated[float, Range(0, 1)] = 0.1  # share of the bar's high minus low that dynamic adds
    leverage: Annotated[float, Range(1, 125)] = 1.0  # times; futures' margin is 1 / it, unless a setup names its own


@dataclass(frozen=True)
class Risk:
    """Limits that stop or refuse entries, by their older names; section `limits` has them all."""

    max_drawdown: Annotated[float, Range(0.001, 1)] = 0.20  # share of the highest equity; sets limits.max_drawdown
    stop_loss_default: Annotated[float, Range(0.0001, 1)] = 0.02  # not used yet; share of the entry price, by default
    position_correlation_limit: Annotated[float, Range(0, 1)] = 0.7  # correlation; sets limits.max_correlation


@dataclass(frozen=True)
class Model:
    """How served models decide. No model is served until one is promoted; then these hold."""

    inference_mode: Literal["speed", "accuracy"] = "speed"  # not used yet; the fast model, or the deep one on bars
    ensemble_voting: bool = True  # not used yet; several models vote; their disagreement shrinks the size
    confidence_threshold: Annotated[float, Range(0, 1)] = 0.65  # not used yet; probability; below it no trade


@dataclass(frozen=True)
class Exchange:
    """One venue by its ccxt name. Keys belong in the environment, or in a file that only you can read (mode 600)."""

    symbols: tuple[str, ...] = ()  # not used yet; ccxt symbols, BTC/USDT or BTC/USDT:USDT; empty = all
    order_book_depth: Annotated[int, Range(1, 5000)] = 50  # not used yet; levels a side to keep
    trade_stream: bool = True  # not used yet; record trades beside the book
    api_key: str = field(default="", repr=False)  # not used yet; secret, TICKERML__EXCHANGES__<NAME>__API_KEY
    api_secret: str = field(default="", repr=False)  # not used yet; secret, TICKERML__EXCHANGES__<NAME>__API_SECRET


@dataclass(frozen=True)
class MlMicrostructure:
    """The PSC microstructure strategy: what it scores, when it trades, how long a trade may last."""

    enabled: bool = True  # traded where none is named; off: dca, swing and channel are (manager.strategies)
    min_signal_ratio: Annotated[float, Range(-20, 40)] = 6.5  # PSC ratio from which a candidate is scored and logged
    min_confidence: Annotated[float, Range(0, 1)] = 0.3  # probability of a net gain below which no trade is made
    choose_confidence: bool = False  # choose it within 0.15 to 0.35 on settled windows, once there are 200
    max_leverage: Annotated[float, Range(1, 10_000)] = 10_000.0  # times the stake
    timer_limit_minutes: Annotated[float, Range(1, 1440)] = 10.0  # minutes; a position closes then at the latest
    entry_minutes: Annotated[float, Range(0, 1440)] = 3.0  # minutes; end of the ENTRY part of the timer
    mid_minutes: Annotated[float, Range(0, 1440)] = 7.0  # minutes; end of the MID part of the timer
    exit_entries: bool = True  # off: no entry in the EXIT part of the timer
    tight_bps: Annotated[float, Range(0, 1000)] = 2.0  # basis points; a spread up to this is tight
    wide_bps: Annotated[float, Range(0, 1000)] = 10.0  # basis points; above it no trade
    full_depth: Annotated[float, Range(1, 1e12)] = 100_000.0  # quote within 10 bps of the mid that earns full points
    target_sigmas: Annotated[float, Range(0.1, 10)] = 1.5  # of the return until the timer ends; distance of the target
    stop_sigmas: Annotated[float, Range(0.1, 10)] = 1.0  # of the same; distance of the stop, where there is one
    min_move: Annotated[float, Range(0, 0.1)] = 0.0012  # share of the price; a nearer target is not worth it
    cooldown_s: Annotated[float, Range(0, 86_400)] = 30.0  # seconds between two intents on a coin
    signal_every_s: Annotated[float, Range(0.1, 3600)] = 10.0  # seconds between two logged signals of a coin
    assumed_spread_bps: Annotated[float, Range(0, 1000)] = 5.0  # basis points; the spread where there is no book
    trading_coins: tuple[str, ...] = ("BTC", "ETH", "SOL", "SHIB", "DOGE", "PEPE")  # base coins; empty = all but TON


@dataclass(frozen=True)
class Superp:
    """Stake-limited positions without liquidation. They exist in simulation only, and every report says so."""

    enabled: bool = False  # on: positions lose their stake at most; off: the venue's own leverage and margin
    no_liquidation: bool = True  # not used yet; a loss ends at the stake
    max_leverage: Annotated[float, Range(1, 10_000)] = 10_000.0  # times the stake
    stake: Annotated[float, Range(0.01, 1e9)] = 100.0  # settle currency; what one position can lose
    cost: Annotated[float, Range(0, 0.1)] = 0.001  # share of the position, both ways together


@dataclass(frozen=True)
class PscIntegration:
    """The PSC ratio: log10(price) - log10(TON price) + 6, and from where on it is a signal."""

    use_logarithmic_ratios: bool = True  # off: a straight line through the same thresholds
    long_threshold: Annotated[float, Range(-20, 40)] = 7.0  # ratio at or above which it is long
    short_threshold: Annotated[float, Range(-20, 40)] = 5.0  # ratio at or below which it is short
    mode: Literal["absolute", "relative"] = "absolute"  # the ratio itself, or its deviation from its rolling mean
    z_entry: Annotated[float, Range(0.5, 10)] = 2.0  # standard deviations; entry in relative mode
    mean_minutes: Annotated[float, Range(1, 10_080)] = 60.0  # minutes; time constant of the rolling mean
    ton_price: str = "tape"  # "tape" = from the source, or a constant such as 6.50 (the report says so)


@dataclass(frozen=True)
class Fees:
    """What the simulated venue charges on each fill's value."""

    model: str = "flat"  # a file in sim/fees, or a file.py of your own
    maker: Annotated[float, Range(-0.01, 0.1)] = 0.0002  # share of value; negative = a rebate
    taker: Annotated[float, Range(0, 0.1)] = 0.0005  # share of value
    params: Mapping[str, float] = field(default_factory=dict)  # the model's other parameters by name


@dataclass(frozen=True)
class Account:
    """What the simulated venue holds of ours: margin of futures, wallets of coins, in what fees are paid."""

    isolated: bool = False  # futures: each position has a margin of its own; off: cross, the wallet stands for all
    hedge: bool = False  # futures: a long and a short leg for each; off: one-way
    tiers: Literal["auto", "none", "binance"] = "auto"  # margin by size, liquidation; auto: futures above leverage 1
    liquidation_fee: Annotated[float, Range(0, 0.1)] = 0.0125  # share of the value of what is liquidated; with tiers
    spot_wallets: bool = False  # spot: what is bought is a balance of the coin, with dust; off: a position
    fee_in: Literal["quote", "received", "other"] = "quote"  # spot wallets: received = coins, of what is bought
    fee_currency: str = "BNB"  # the other currency, where fees are paid in one
    fee_discount: Annotated[float, Range(0, 1)] = 0.75  # share of a fee that is charged when paid in that currency
    balances: Mapping[str, float] = field(default_factory=dict)  # spot wallets: coins held at the start, {BNB: 1.5}
    min_notional: Annotated[float, Range(0, 1e6)] = 0.0  # quote; smallest order, where the source names none


@dataclass(frozen=True)
class Latency:
    """How long orders and answers travel between the strategy and the simulated venue."""

    model: str = "constant"  # constant, distribution, feed (as the tape's own delay), or a file.py of your own
    entry_ms: Annotated[float, Range(0, 60_000)] = 10.0  # milliseconds until the venue has an order
    cancel_ms: Annotated[float, Range(0, 60_000)] = 10.0  # milliseconds until the venue has a cancel
    response_ms: Annotated[float, Range(0, 60_000)] = 10.0  # milliseconds until its answer is back
    params: Mapping[str, float] = field(default_factory=dict)  # the model's other parameters by name: {sigma: 0.5}
    watermark_ms: Annotated[float, Range(1, 10_000)] = 50.0  # milliseconds; longest feed delay that is believed
    visibility: Literal["watermark", "oracle"] = "watermark"  # oracle sees answers early: only to compare with peers


@dataclass(frozen=True)
class Queue:
    """Where a resting order stands at its price, and how trades and cancels ahead of it move it."""

    model: str = "log_probability"  # a file in sim/queue: front, back, power_probability ..., or a file.py of your own
    params: Mapping[str, float] = field(default_factory=dict)  # the model's parameters by name: {exponent: 3.0}
    partial_fills: bool = True  # off: an order fills whole or not, as hftbacktest's no-partial-fill exchange


@dataclass(frozen=True)
class Data:
    """Where market data lies and how its clocks are read."""

    store: str = "store"  # folder of the Parquet store that `data import` writes and `data list` shows
    runs: str = "runs"  # folder of the runs
    timeframe: Literal["1s", "1m", "5m", "15m", "1h", "1d"] = "1m"  # bars that psc scores by where there is no book
    bar_delay_ms: Annotated[float, Range(0, 3_600_000)] = 1000.0  # milliseconds from a bar's close to its receipt
    min_latency_ms: Annotated[float, Range(0, 10_000)] = 1.0  # not used yet; milliseconds; least travel time


@dataclass(frozen=True)
class Synthetic:
    """The built-in market: `--source synthetic[:scenario][:seed]` names two of these on the command line."""

    scenario: str = "calm"  # what happens in it; `tickerml synth --list` shows all
    seed: Annotated[int, Range(0, 2**53)] = 7  # same seed, same market, byte for byte
    coins: tuple[str, ...] = ()  # base coins; empty = all that it has
    minutes: Annotated[int, Range(1, 44_640)] = 240  # minutes of market


@dataclass(frozen=True)
class Ledger:
    """The tables that a run's records are also kept in. What the tape holds is the truth; they can be made again."""

    enabled: bool = True  # paper writes them while it runs
    backtests: bool = False  # backtests too
    url: str = field(
        default="", repr=False
    )  # sqlite:///FILE or postgresql://...; empty = ledger.sqlite beside the runs


@dataclass(frozen=True)
class Config:
    """All settings of a run. A setting that no file, variable or option names has the default written here."""

    trading: Trading = field(default_factory=Trading)
    risk: Risk = field(default_factory=Risk)
    limits: Limits = field(default_factory=Limits)
    manager: Manager = field(default_factory=Manager)
    regime: Regime = field(default_factory=Regime)
    model: Model = field(default_factory=Model)
    exchanges: Mapping[str, Exchange] = field(default_factory=dict)
    ml_microstructure: MlMicrostructure = field(default_factory=MlMicrostructure)
    superp: Superp = field(default_factory=Superp)
    psc_integration: PscIntegration = field(default_factory=PscIntegration)
    dca: Dca = field(default_factory=Dca)
    swing: Swing = field(default_factory=Swing)
    channel: Channel = field(default_factory=Channel)
    five_signal: FiveSignal = field(default_factory=FiveSignal)
    ma_cross: MaCross = field(default_factory=MaCross)
    fees: Fees = field(default_factory=Fees)
    account: Account = field(default_factory=Account)
    latency: Latency = field(default_factory=Latency)
    queue: Queue = field(default_factory=Queue)
    data: Data = field(default_factory=Data)
    synthetic: Synthetic = field(default_factory=Synthetic)
    ledger: Ledger = field(default_factory=Ledger)
