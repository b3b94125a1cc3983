"""
The grid: every policy with every choice of its parameters, on every workload, in every world, with every seed.

A policy's `grid` maps a path into the policy (`stock.cooldownPeriod`, `stock.triggers.0.metadata.listLength`) to the
values to be tried there. What the policy says without its grid is its base: a cell of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import product
from typing import Any

from pydantic import ValidationError

from loadgen.errors import UsageError
from loadgen.experiments.document import Experiment
from loadgen.experiments.findings import did_you_mean, findings
from loadgen.experiments.policies import PolicySection
from loadgen.experiments.values import shown
from loadgen.simulation.scaling import Ours, Scaling
from scaler.domain.economic.params import EconomicParams

Choice = tuple[tuple[str, Any], ...]

_SHORT = {
    "cooldownPeriod": "cooldown",
    "pollingInterval": "poll",
    "listLength": "target",
    "threshold": "target",
    "stabilizationWindowSeconds": "window",
    "idleWindow": "idle",
    "stabilization": "window",
}


@dataclass(frozen=True, slots=True)
class Variant:
    """
    A policy with one choice of its parameters.

    Attributes:
        policy: its name in the file; `family`: ours, stock or fixed.
        choice: (path, value) of each parameter of the grid; what the file says without a grid has base=True.
    """

    policy: str
    family: str
    choice: Choice
    base: bool
    scaling: Scaling

    @property
    def price(self) -> float | None:
        """
        The price of waiting that an economic policy is told; None for any other.
        """
        if isinstance(self.scaling, Ours) and isinstance(self.scaling.policy.params, EconomicParams):
            return self.scaling.policy.params.price
        return None

    @property
    def label(self) -> str:
        """
        The choice in one line.
        """
        return ", ".join(f"{name(path)} {_text(value)}" for path, value in self.choice)


@dataclass(frozen=True, slots=True)
class Cell:
    """
    One simulation.
    """

    workload: str
    world: str
    variant: Variant
    seed: int


def name(path: str) -> str:
    """
    Return what a parameter is called for short: the last part of its path, or the usual word for it.
    """
    last = path.rpartition(".")[2]
    return _SHORT.get(last, last)


def variants(experiment: Experiment) -> list[Variant]:
    """
    Return every policy of an experiment with every choice of its parameters, the base first.

    Raises:
        UsageError: with everything that is wrong with the policies.
    """
    wrong: list[str] = []
    found: list[Variant] = []
    for policy_name, data in experiment.policies.items():
        try:
            found += _variants(policy_name, data)
        except UsageError as error:
            wrong += error.sentences
    if wrong:
        raise UsageError(wrong)
    return found


def cells(experiment: Experiment, of: Sequence[Variant]) -> Iterator[Cell]:
    """
    Yield every simulation of an experiment, in the order of its file.
    """
    for workload, world, variant, seed in product(experiment.workloads, experiment.worlds, of, experiment.seeds):
        yield Cell(workload, world, variant, seed)


def _variants(policy_name: str, data: Mapping[str, Any]) -> Iterator[Variant]:
    at = f"policies.{policy_name}"
    plain = {key: value for key, value in data.items() if key != "grid"}
    base = _policy(plain, at)
    grid = data.get("grid") or {}
    _check(grid, plain, at)
    unchanged = tuple((path, _at(plain, path)) for path in grid)
    yield Variant(policy_name, base.family, unchanged, base=True, scaling=base.scaling(policy_name))
    for values in product(*grid.values()):
        choice = tuple(zip(grid, values, strict=True))
        changed = deepcopy(plain)
        for path, value in choice:
            _put(changed, path, value)
        policy = _policy(changed, at, " (with " + ", ".join(f"{path} = {_text(value)}" for path, value in choice) + ")")
        scaling = policy.scaling(policy_name)
        if scaling != base.scaling(policy_name):
            yield Variant(policy_name, policy.family, choice, base=False, scaling=scaling)


def _check(grid: Any, plain: Mapping[str, Any], at: str) -> None:
    """
    Refuse a grid that is none, and values that are wrong by themselves, each with its own path.
    """
    if not isinstance(grid, Mapping):
        raise UsageError(f"{at}.grid: must be a mapping of paths to lists of values, not {shown(grid)}")
    wrong: list[str] = []
    for path, values in grid.items():
        if not isinstance(values, list) or not values:
            wrong.append(f"{at}.grid.{path}: must be a list of values, not {shown(values)}")
            continue
        for index, value in enumerate(values):
            try:
                changed = deepcopy(dict(plain))
                _put(changed, path, value)
                PolicySection.model_validate(changed)
            except ValidationError as error:
                found = findings(error, PolicySection)
                wrong += (f"{at}.grid.{path}[{index}]: {_rule(path, each)}" for each in found)
            except UsageError as error:
                wrong += (f"{at}.grid.{path}: {each}" for each in error.sentences)
                break
    if wrong:
        raise UsageError(wrong)


def _rule(path: str, finding: str) -> str:
    """
    Return a finding without its place where that is the parameter itself.
    """
    place, _, message = finding.partition(": ")
    return message if place.replace("[", ".").replace("]", "") == path else finding


def _policy(data: Mapping[str, Any], at: str, suffix: str = "") -> PolicySection:
    try:
        return PolicySection.model_validate(data)
    except ValidationError as error:
        raise UsageError(f"{each}{suffix}" for each in findings(error, PolicySection, at)) from error


def _put(data: dict[str, Any], path: str, value: Any) -> None:
    """
    Put a value at a path; mappings that are missing on the way are made.

    Raises:
        UsageError: the path leads nowhere.
    """
    *way, last = path.split(".")
    inner: Any = data
    for part in way:
        inner = inner[_index(inner, part)] if isinstance(inner, list) else inner.setdefault(part, {})
        if not isinstance(inner, dict | list):
            raise UsageError(f"there is nothing below {part}, which is {shown(inner)}")
    inner[_index(inner, last) if isinstance(inner, list) else last] = value


def _index(items: list[Any], part: str) -> int:
    if not part.isdecimal() or int(part) >= len(items):
        known = [str(index) for index in range(len(items))]
        raise UsageError(f"{part!r} must be the place of an item, 0 to {len(items) - 1}{did_you_mean(part, known)}")
    return int(part)


def _at(data: Any, path: str) -> Any:
    """
    Return what stands at a path, or None.
    """
    for part in path.split("."):
        try:
            data = data[int(part)] if isinstance(data, list) else data[part]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
    return data


def _text(value: Any) -> str:
    if value is None:
        return "as usual"
    return value if isinstance(value, str) else json.dumps(value)
