"""
Asking: what is wanted for whom stands in the ledger, and the switchboard asks it.
"""

from __future__ import annotations

from collections.abc import Iterable

from scaler.engine.ledger import Ledger
from scaler.engine.plan import Plan
from scaler.engine.roster import Workload
from scaler.engine.switchboard import Switchboard
from scaler.sources.questions import Question


class Asking:
    """
    Keeps the switchboard to what the ledger says.
    """

    def __init__(self, ledger: Ledger, switchboard: Switchboard) -> None:
        self._ledger = ledger
        self._switchboard = switchboard

    def ask(self, workload: Workload, plan: Plan) -> None:
        """
        Ask for all that a plan needs, from now on.
        """
        for question, close in self._ledger.join(workload, plan):
            self._switchboard.ask(question, close=close)
        self.watch(workload, plan)

    def watch(self, workload: Workload, plan: Plan) -> None:
        """
        Watch the demand of a sleeper closely, and of nobody else.
        """
        for question, close in self._ledger.mark(workload, plan):
            self._switchboard.ask(question, close=close)

    def drop(self, workload: Workload, questions: Iterable[Question]) -> None:
        """
        Ask questions no more for a workload.
        """
        orphans, relaxed = self._ledger.leave(workload, questions)
        for question in orphans:
            self._switchboard.drop(question)
        for question in relaxed:
            self._switchboard.ask(question, close=False)
