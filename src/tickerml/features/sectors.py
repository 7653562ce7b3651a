"""Which sector a coin belongs to: a table by base coin, for the features that compare sectors.

A coin is in one sector: that of what its token pays for. Tokens of exchanges, staked and wrapped coins and stable coins
are in none.

Source: the classes that the large market listings share; where they differ, the more specific one.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tickerml.tape.kernel import kernel
from tickerml.tape.params import name_code

SECTORS: Final = {
    "payment": "BTC LTC BCH ETC XRP XLM DASH ZEC XMR NEXO",
    "layer 1": "ETH SOL ADA AVAX DOT ATOM NEAR ICP APT SUI SEI TON TRX BNB ALGO EOS FTM HBAR INJ XTZ EGLD KAS HYPE TIA",
    "layer 2": "ARB OP MATIC POL STRK ZK IMX MNT METIS LRC",
    "defi": "UNI AAVE MKR SKY CRV DYDX 1INCH LDO COMP SNX SUSHI GMX PENDLE JUP ORCA ENA RUNE CAKE ETHFI WLFI ONDO",
    "meme": "DOGE SHIB PEPE BONK FLOKI WIF BOME MEME PEOPLE TURBO POPCAT PIPPIN TRUMP FARTCOIN",
    "ai": "FET RENDER TAO AGIX OCEAN WLD GRT AKT ARKM VIRTUAL",
    "infrastructure": "LINK FIL AR STX QNT PYTH THETA HNT JASMY W API3",
    "gaming": "APE AXS SAND MANA GALA ENJ ILV BEAM RONIN PIXEL",
}
_NUMBER: Final = {name_code(coin): k + 1 for k, coins in enumerate(SECTORS.values()) for coin in coins.split()}
_COINS: Final = np.array(sorted(_NUMBER), np.int64)
_OF: Final = np.array([_NUMBER[code] for code in sorted(_NUMBER)], np.int64)


@kernel
def sector_of(base: int) -> int:
    """Number of the sector of the coin with this `name_code`, from 1; 0 = in none."""
    for k in range(len(_COINS)):
        if _COINS[k] == base:
            return int(_OF[k])
    return 0
