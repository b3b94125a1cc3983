"""
Patterns of arrivals and service times as an experiment file writes them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from loadgen.arrivals import patterns
from loadgen.arrivals.services import Exponential, Fixed, Lognormal, Service
from loadgen.experiments.values import Count, Duration, Interval, Load, Rate, Section


class ConstantSection(Section):
    """
    One job each time the same interval has passed.
    """

    kind: Literal["constant"]
    rate: Annotated[Rate, Field(gt=0)]

    def pattern(self) -> patterns.Pattern:
        """
        Return the pattern.
        """
        return patterns.Constant(self.rate)


class PoissonSection(Section):
    """
    Independent arrivals at a constant rate.
    """

    kind: Literal["poisson"]
    rate: Annotated[Rate, Field(gt=0)]

    def pattern(self) -> patterns.Pattern:
        """
        Return the pattern.
        """
        return patterns.Poisson(self.rate)


class BurstsSection(Section):
    """
    Bursts at random moments.
    """

    kind: Literal["bursts"]
    rate: Annotated[Rate, Field(gt=0)]
    """Bursts, on average."""
    size: Count
    """Jobs in a burst."""
    spread: Duration = 0.0
    """The jobs of a burst come within so long."""

    def pattern(self) -> patterns.Pattern:
        """
        Return the pattern.
        """
        return patterns.Bursts(self.rate, self.size, self.spread)


class OnOffSection(Section):
    """
    Phases with independent arrivals and phases without, both of a drawn length.
    """

    kind: Literal["onOff"]
    rate: Annotated[Rate, Field(gt=0)]
    """While on."""
    on: Interval
    """How long a phase with arrivals lasts on average."""
    off: Interval
    """How long a phase without lasts on average."""

    def pattern(self) -> patterns.Pattern:
        """
        Return the pattern.
        """
        return patterns.OnOff(self.rate, self.on, self.off)


class DiurnalSection(Section):
    """
    A rate that swings between a low and a high once a day.
    """

    kind: Literal["diurnal"]
    low: Rate
    high: Annotated[Rate, Field(gt=0)]
    peak: Duration = patterns.DAY / 2
    """How long after the start the rate is highest."""
    day: Interval = patterns.DAY

    @field_validator("high")
    @classmethod
    def _above_low(cls, high: float, info: ValidationInfo) -> float:
        if high < info.data.get("low", 0.0):
            raise ValueError("must be at least low")
        return high

    def pattern(self) -> patterns.Pattern:
        """
        Return the pattern.
        """
        return patterns.Diurnal(self.low, self.high, self.peak, self.day)


class RampSection(Section):
    """
    A rate that changes evenly from the beginning to the end.
    """

    kind: Literal["ramp"]
    first: Rate
    last: Rate

    @field_validator("last")
    @classmethod
    def _some(cls, last: float, info: ValidationInfo) -> float:
        if not last and not info.data.get("first", 1.0):
            raise ValueError("must be above 0 where first is 0")
        return last

    def pattern(self) -> patterns.Pattern:
        """
        Return the pattern.
        """
        return patterns.Ramp(self.first, self.last)


class TogetherSection(Section):
    """
    Several patterns at the same time.
    """

    kind: Literal["together"]
    parts: Annotated[tuple[AnyPattern, ...], Field(min_length=1)]

    def pattern(self) -> patterns.Pattern:
        """
        Return the pattern.
        """
        return patterns.Together(tuple(part.pattern() for part in self.parts))


class TurnSection(Section):
    """
    One of several patterns in turn.
    """

    arrivals: AnyPattern
    length: Interval


class InTurnSection(Section):
    """
    Several patterns one after the other, again and again.
    """

    kind: Literal["inTurn"]
    parts: Annotated[tuple[TurnSection, ...], Field(min_length=1)]

    def pattern(self) -> patterns.Pattern:
        """
        Return the pattern.
        """
        return patterns.InTurn(tuple((part.arrivals.pattern(), part.length) for part in self.parts))


AnyPattern = Annotated[
    ConstantSection
    | PoissonSection
    | BurstsSection
    | OnOffSection
    | DiurnalSection
    | RampSection
    | TogetherSection
    | InTurnSection,
    Field(discriminator="kind"),
]
"""One class a kind."""

TogetherSection.model_rebuild()
TurnSection.model_rebuild()
InTurnSection.model_rebuild()


class ServiceSection(Section):
    """
    How long a job takes, where a trace or pattern does not tell.
    """

    kind: Literal["fixed", "exponential", "lognormal"] = "fixed"
    mean: Interval
    cv: Load = 1.0
    """Of a lognormal time: standard deviation over mean."""

    def service(self) -> Service:
        """
        Return what draws the times.
        """
        match self.kind:
            case "fixed":
                return Fixed(self.mean)
            case "exponential":
                return Exponential(self.mean)
            case "lognormal":
                return Lognormal(self.mean, self.cv)
