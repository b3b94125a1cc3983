"""
Sections: what their annotations and checks make of plain data.
"""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, field
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from scaler.settings.errors import Finding, InvalidError
from scaler.settings.forms import Lasting, Listed, Number, Text
from scaler.settings.sections import Beside, Section, checks


class Colour(Enum):
    """A colour."""

    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, kw_only=True)
class Square(Section):
    """A shape."""

    type: Literal["square"]
    side: Annotated[int, Number(least=1, most=9, whole=True)]


@dataclass(frozen=True, kw_only=True)
class Circle(Section):
    """Another shape."""

    type: Literal["circle"]


@dataclass(frozen=True, kw_only=True)
class Base(Section):
    """What is inherited."""

    name: str
    low: Annotated[float, Number(least=0, most=100)] = 10.0
    high: Annotated[float, Number(above=0, most=100)] = 20.0

    @staticmethod
    @checks("high")
    def _ordered(high: float, beside: Beside) -> None:
        if "low" in beside.values and beside.values["low"] > high:
            raise ValueError(f"{beside.key} is below low")


@dataclass(frozen=True, kw_only=True)
class Picture(Base):
    """Everything that a section may have."""

    on: bool = False
    file: Path | None = None
    colour: Colour = Colour.RED
    lasts: Annotated[float, Lasting(zero=False)] = 5.0
    shapes: dict[str, Square | Circle] = field(default_factory=dict)
    tags: Annotated[tuple[str, ...], Listed(Text(empty=False), empty=False)] = ("a",)
    note: str | Circle = ""

    @staticmethod
    @checks("name", "note")
    def _polite(text: Any, beside: Beside) -> None:
        if text == beside.context:
            raise ValueError("is rude")


def refused(data: object, context: object = None) -> dict[str, str]:
    """Return what is wrong with a picture, by path."""
    with pytest.raises(InvalidError) as caught:
        Picture.of(data, context)
    return {".".join(map(str, each.path)): each.message for each in caught.value.findings}


def test_what_is_not_set_has_its_default() -> None:
    """A key without a value is not set."""
    picture = Picture.of({"name": "a", "low": None, "file": None})
    assert picture == Picture(name="a")
    assert (picture.low, picture.high, picture.tags, picture.shapes) == (10.0, 20.0, ("a",), {})


def test_values_become_what_the_annotations_say() -> None:
    """Numbers floats, words members, lists tuples, texts paths."""
    picture = Picture.of(
        {"name": "a", "low": 3, "on": True, "file": "/x", "colour": "blue", "lasts": "1m", "tags": ["x", "y"],
         "shapes": {"s": {"type": "square", "side": 2}, "c": {"type": "circle"}}, "note": {"type": "circle"}}
    )  # fmt: skip
    assert type(picture.low) is float
    assert picture == Picture(
        name="a", low=3.0, on=True, file=Path("/x"), colour=Colour.BLUE, lasts=60.0, tags=("x", "y"),
        shapes={"s": Square(type="square", side=2), "c": Circle(type="circle")}, note=Circle(type="circle"),
    )  # fmt: skip


def test_what_is_a_section_already_stays_as_it_is() -> None:
    """Values in it are not read again, nor is anything copied."""
    picture = Picture(name="a", lasts=7.0, note=Circle(type="circle"), shapes={"c": Circle(type="circle")})
    assert Picture.of(picture) is picture
    assert Picture.of({**vars(picture)}) == picture


def test_nothing_changes_after_reading() -> None:
    """Whoever holds a section may keep it."""
    with pytest.raises(FrozenInstanceError):
        Picture.of({"name": "a"}).name = "b"  # type: ignore[misc]  # that is the point


@pytest.mark.parametrize(
    ("data", "path", "message"),
    [
        ({}, "name", "is required"),
        ({"name": 5}, "name", "must be text; put a number in quotes"),
        ({"name": "a", "low": True}, "low", "must be a number, not True"),
        ({"name": "a", "low": float("inf")}, "low", "must be a finite number"),
        ({"name": "a", "low": 101}, "low", "must be at most 100, not 101"),
        ({"name": "a", "low": -0.5}, "low", "must be at least 0, not -0.5"),
        ({"name": "a", "high": 0}, "high", "must be above 0, not 0"),
        ({"name": "a", "low": 30}, "high", "high is below low"),
        ({"name": "a", "on": 1}, "on", "must be true or false, not 1"),
        ({"name": "a", "file": 1}, "file", "must be the path of a file"),
        ({"name": "a", "colour": []}, "colour", "must be one of red, blue, not a list or mapping"),
        ({"name": "a", "lasts": "0s"}, "lasts", "must be longer than zero"),
        ({"name": "a", "tags": "x"}, "tags", "must be a list"),
        ({"name": "a", "tags": []}, "tags", "must not be empty"),
        ({"name": "a", "tags": ["x", ""]}, "tags.1", "must not be empty"),
        ({"name": "a", "shapes": []}, "shapes", "must be a mapping of keys"),
        ({"name": "a", "shapes": {"s": None}}, "shapes.s", "must be a mapping of keys"),
        ({"name": "a", "shapes": {"s": {}}}, "shapes.s.type", "must be one of square, circle"),
        ({"name": "a", "shapes": {"s": {"type": ["x"]}}}, "shapes.s.type", "must be one of square, circle"),
        ({"name": "a", "shapes": {"s": {"type": "square", "side": 1.0}}}, "shapes.s.side",
         "must be a whole number, not 1"),
        ({"name": "a", "shapes": {5: {"type": "circle"}}}, "shapes.5", "must be text; put a number in quotes"),
        ({"name": "a", "note": 5}, "note", "must be text, or a mapping of keys"),
        ({"name": "a", "nmae": None}, "nmae", "unknown key; did you mean 'name'?"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_its_place(data: dict[str, Any], path: str, message: str) -> None:
    """One mistake, one finding."""
    assert refused(data) == {path: message}


def test_everything_that_is_wrong_is_told_in_the_order_of_the_keys() -> None:
    """A check does not see what is wrong by itself, and what is wrong does not hide the rest."""
    wrong = {"what": 1, "low": -1, "high": 0.5, "shapes": {"s": {"type": "square"}, "t": 1}, "tags": [1, 2]}
    assert list(refused(wrong)) == ["name", "low", "shapes.s.side", "shapes.t", "tags.0", "tags.1", "what"]


def test_a_check_knows_the_rest_of_the_document() -> None:
    """Of the section's own and of the inherited keys; of defaults, too."""
    assert refused({"name": "x"}, "x") == {"name": "is rude"}
    assert refused({"name": "x"}, "") == {"note": "is rude"}


def test_what_is_no_mapping_is_no_section() -> None:
    """As a whole it has no place but its own."""
    with pytest.raises(ValueError, match=r"^must be a mapping of keys$"):
        Picture.of([])


def test_an_error_names_the_places() -> None:
    """For whoever sees it without its findings."""
    assert str(InvalidError([Finding(("a", 0), "is bad"), Finding(("b",), "is required")])) == (
        "a.0: is bad; b: is required"
    )
