"""
Why so many replicas, in the words of a person.
"""

from __future__ import annotations

from scaler.domain.economic.account import Account, Answer, Why
from scaler.domain.outlook import Outlook
from scaler.domain.wording import duration, quiet_text, replicas_text

_ORDINALS = {
    2: "a second",
    3: "a third",
    4: "a fourth",
    5: "a fifth",
    6: "a sixth",
    7: "a seventh",
    8: "an eighth",
    9: "a ninth",
    10: "a tenth",
}
_ALMOST_EMPTY = 0.5


def answer_text(answer: Answer, account: Account, outlook: Outlook, now: float) -> str:
    """
    Say in one sentence why there are to be so many replicas.
    """
    match answer.why:
        case Why.WAKE:
            return f"{replicas_text(answer.replicas)} wanted: {_jobs(account.jobs)} there, and no replica"
        case Why.GROW:
            return _growing(answer)
        case Why.WORK:
            return _working(answer, account)
        case Why.KEEP:
            return _keeping(answer, account, outlook, now)
        case Why.LOOK:
            return "keeping 1 replica until its GPU has been looked at once more: the last job has just ended"
        case Why.NOTHING:
            return f"{quiet_text(outlook.wants)}, and no replica is worth keeping for what may come"


def _growing(answer: Answer) -> str:
    prospect = answer.prospect
    if prospect is None:
        return f"{replicas_text(answer.replicas)} wanted"
    more = answer.replicas - prospect.replicas
    them = "it saves more waiting than it costs" if more == 1 else "they save more waiting than they cost"
    work = "more jobs are on their way" if not prospect.waiting else f"{_jobs(prospect.waiting)} waiting"
    return f"{replicas_text(answer.replicas)} wanted, {more} more than there are: {work}, and {them}"


def _working(answer: Answer, account: Account) -> str:
    wanted, prospect = answer.replicas, answer.prospect
    if prospect is None or not prospect.waiting:
        rest = "" if prospect is None or prospect.replicas <= wanted else ", and more are not worth keeping"
        return f"{replicas_text(wanted)} wanted: {_jobs(account.jobs)} there{rest}"
    if prospect.replicas > wanted:
        return f"{replicas_text(wanted)} wanted: {_jobs(account.jobs)} there, and more would be idle"
    if wanted >= account.most:
        return f"keeping {replicas_text(wanted)}, the most that there may be: {_jobs(prospect.waiting)} waiting"
    another = _another(wanted + 1)
    if prospect.left_when_ready < _ALMOST_EMPTY:
        return f"not adding {another}: the queue will be empty before it is ready"
    return f"not adding {another}: {_jobs(prospect.waiting)} waiting, and that costs less than a cold start would"


def _keeping(answer: Answer, account: Account, outlook: Outlook, now: float) -> str:
    number, until = answer.replicas, now if answer.until is None else answer.until
    level = account.level(number)
    age = now - (now if level.below is None else level.below)
    within = level.gaps.usually_within(age, account.prices.expected(number))
    job = "a job" if number == 1 else f"{_another(number)} job"
    if within is None:
        comes = f"nothing is known yet of when {job} comes"
    else:
        comes = f"{job} usually comes within {duration(_rounded(within))}"
    quiet = "" if outlook.demand else f"{quiet_text(outlook.wants)}, but "
    return (
        f"keeping {replicas_text(number)} for another {duration(until - now)}: {quiet}{comes}, and a cold start would "
        "cost more"
    )


def _another(number: int) -> str:
    return _ORDINALS.get(number, "another")


def _jobs(count: int) -> str:
    return "1 job is" if count == 1 else f"{count} jobs are"


def _rounded(seconds: float) -> float:
    """
    Round what is only roughly known: to 5 s, from ten minutes on to whole minutes.
    """
    step = 60.0 if seconds >= 600 else 5.0 if seconds >= 20 else 1.0  # noqa: PLR2004 - see above
    return max(1.0, round(seconds / step) * step)
