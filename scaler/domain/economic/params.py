"""
The parameters of the kind `economic`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, slots=True)
class EconomicParams:
    """
    The parameters.

    Attributes:
        price: what an hour that a job waits is worth, in hours of a replica.
        floor: the last replica is kept for at least this share of what a wake-up costs, whatever was learned: then no
            gap costs more than 1 / floor + 1 times the least that it could have cost.
        cooldown: KEDA's own cooldown in seconds, which comes on top of how long the last replica is kept. None: that of
            the ScaledObject where it is seen, and otherwise nothing.
    """

    price: float = 1.0
    floor: float = 0.1
    cooldown: float | None = None

    def __post_init__(self) -> None:
        """
        Refuse what has no meaning.
        """
        if not 0 < self.price < inf:
            raise ValueError(f"the price of waiting must be above 0 and finite, not {self.price}")
        if not 0 <= self.floor <= 1:
            raise ValueError(f"the floor must be a share between 0 and 1, not {self.floor}")
        if self.cooldown is not None and not 0 <= self.cooldown < inf:
            raise ValueError(f"the cooldown must be at least 0 s and finite, not {self.cooldown}")
