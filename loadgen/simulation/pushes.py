"""
What the scaler says on a push stream: the present state, every change, and `True` again while it is waking.
"""

from __future__ import annotations

from scaler.domain.decision import Decision, Phase, Verdict

_FIRST_REPEAT = 1.0
_LAST_REPEAT = 15.0


class Pushes:
    """
    The memory of one stream.

    Attributes:
        again_at: when `True` is due again although nothing changed; None for never.
    """

    def __init__(self) -> None:
        self.again_at: float | None = None
        self._said: bool | None = None
        self._pause = _FIRST_REPEAT

    def due(self, decision: Decision | None, now: float) -> bool:
        """
        Tell whether `True` is to be pushed now. KEDA ignores a pushed `False`, so that is only remembered.
        """
        if decision is None or decision.verdict is Verdict.UNKNOWN:
            self.again_at = None
            return False
        active = decision.verdict is Verdict.ACTIVE
        news = active is not self._said
        if news:
            self._said, self._pause = active, _FIRST_REPEAT
        if decision.phase is not Phase.WAKING:
            self.again_at = None
        elif news or self.again_at is None:
            self.again_at = now + self._pause
        elif now >= self.again_at:
            self._pause = min(self._pause * 2, _LAST_REPEAT)
            self.again_at = now + self._pause
            return True
        return news and active
