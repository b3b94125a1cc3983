"""
What a push stream says, and when: the present state, every change, and `True` again while nobody seems to have heard.
"""

from __future__ import annotations

from scaler.domain.decision import Decision, Phase, Verdict

_FIRST_REPEAT = 1.0
_LAST_REPEAT = 15.0


class Pushes:
    """
    The memory of one stream. Each repeated push costs KEDA a write to the API server, so they grow rarer: 1 s to 15 s.

    Attributes:
        again_at: when to look again although nothing changed, on the loop's clock; None for never.
    """

    def __init__(self) -> None:
        self.again_at: float | None = None
        self._said: bool | None = None
        self._pause = _FIRST_REPEAT

    def due(self, decision: Decision | None, now: float) -> bool | None:
        """
        Return what is to be said now: nothing (None) while the state is unknown, or was said already.
        """
        if decision is None or decision.verdict is Verdict.UNKNOWN:
            self.again_at = None
            return None
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
        return active if news else None
