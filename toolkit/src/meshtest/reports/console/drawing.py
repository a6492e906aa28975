"""State machines laid out as drawings: boxes in layers from top to bottom, in pixels.

A usual way to the next layer is a curve; a longer one, one back and one of an error take a lane at the right,
one lane a target. The states inside of a Map or a Parallel are a drawing inside of its box.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

CHARACTER = 7.3  # the width of one in the page's font of the drawing
HEIGHT = 34.0
PADDING = 14.0
GAP_X, GAP_Y, LANE = 28.0, 34.0, 18.0


@dataclass(frozen=True)
class Box:
    """A state: its corner, its size, and the drawings inside of it with their corners."""

    name: str
    kind: str
    x: float
    y: float
    width: float
    height: float
    inner: tuple[tuple[float, float, Drawing], ...] = ()

    @property
    def middle(self) -> float:
        """The x of its middle."""
        return self.x + self.width / 2


@dataclass(frozen=True)
class Way:
    """A transition: an SVG path, and whether it is one of an error that is caught."""

    source: str
    target: str
    path: str
    is_error: bool


@dataclass(frozen=True)
class Drawing:
    """A machine, or a branch of one."""

    width: float
    height: float
    boxes: tuple[Box, ...] = ()
    ways: tuple[Way, ...] = field(default=(), repr=False)


def draw(definition: Mapping[str, Any]) -> Drawing:
    """Lay out a definition in the States Language.

    Source: https://states-language.net/spec.html
    """
    states: Mapping[str, Any] = definition.get("States", {})
    sized = {name: _sized(name, state) for name, state in states.items()}
    boxes = _placed(_layers(definition), sized)
    right = max((box.x + box.width for box in boxes.values()), default=0.0)
    lanes: dict[str, float] = {}
    ways = tuple(
        _way(boxes[name], boxes[target], is_error, lanes, right)
        for name, state in states.items()
        for target, is_error in _targets(state)
        if target in boxes
    )
    bottom = max((box.y + box.height for box in boxes.values()), default=0.0)
    return Drawing(right + LANE * len(lanes), bottom, tuple(boxes.values()), ways)


# ─── Structure ───


def _targets(state: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """(state, whether by an error) of each way out, each once."""
    usual = [
        state.get("Next"),
        *(each.get("Next") for each in state.get("Choices", [])),
        state.get("Default"),
    ]
    caught = [each.get("Next") for each in state.get("Catch", [])]
    ways = [(target, False) for target in usual] + [(target, True) for target in caught]
    return list(dict.fromkeys((target, is_error) for target, is_error in ways if target))


def _inner(state: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    processor = state.get("ItemProcessor", state.get("Iterator"))
    return [*state.get("Branches", []), *([processor] if processor else [])]


def _layers(definition: Mapping[str, Any]) -> list[list[str]]:
    """The states by their longest way from the start, ways back left out; unreachable ones come first."""
    states: Mapping[str, Any] = definition.get("States", {})
    depths = dict.fromkeys(states, 0)
    ordered = list(_topological(definition.get("StartAt", ""), states))
    position = {name: number for number, name in enumerate(ordered)}
    for name in ordered:
        for target, _ in _targets(states[name]):
            if position.get(target, -1) > position[name]:
                depths[target] = max(depths[target], depths[name] + 1)
    # What ends the machine is drawn at its end, side by side.
    last = max(depths.values(), default=0)
    for name, state in states.items():
        if state.get("Type") in ("Fail", "Succeed") and name != definition.get("StartAt"):
            depths[name] = last
    # A failure stands beside the usual way.
    names = sorted(states, key=lambda name: states[name].get("Type") == "Fail")
    return [[name for name in names if depths[name] == depth] for depth in range(last + 1)]


def _topological(start: str, states: Mapping[str, Any]) -> Iterator[str]:
    """The reachable states, each before those that it leads to, as far as there are no ways back."""
    done: list[str] = []
    seen: set[str] = set()

    def visit(name: str) -> None:
        if name in states and name not in seen:
            seen.add(name)
            for target, _ in reversed(_targets(states[name])):
                visit(target)
            done.append(name)

    visit(start)
    return reversed(done)


# ─── Geometry ───


def _sized(name: str, state: Mapping[str, Any]) -> Box:
    """A state's box at the origin, large enough for its name and what is inside."""
    width = len(name) * CHARACTER + 2 * PADDING
    x, inner, height = PADDING, [], HEIGHT
    for machine in _inner(state):
        drawing = draw(machine)
        inner.append((x, HEIGHT, drawing))
        x += drawing.width + GAP_X
        height = max(height, HEIGHT + drawing.height + PADDING)
    if inner:
        width = max(width, x - GAP_X + PADDING)
    return Box(name, state.get("Type", ""), 0.0, 0.0, width, height, tuple(inner))


def _placed(layers: list[list[str]], sized: Mapping[str, Box]) -> dict[str, Box]:
    placed: dict[str, Box] = {}
    # The first states of the layers are one column, under each other's middle.
    column = max((sized[layer[0]].width for layer in layers if layer), default=0.0)
    y = 0.0
    for layer in (layer for layer in layers if layer):
        x = (column - sized[layer[0]].width) / 2
        for name in layer:
            box = sized[name]
            placed[name] = Box(name, box.kind, x, y, box.width, box.height, box.inner)
            x += box.width + GAP_X
        y += max(sized[name].height for name in layer) + GAP_Y
    return placed


def _way(source: Box, target: Box, is_error: bool, lanes: dict[str, float], right: float) -> Way:
    """A path from the target's end: ways that share a lane are drawn dash upon dash."""
    from_y, to_y = source.y + source.height, target.y
    if not is_error and 0 < to_y - from_y <= GAP_Y:
        bend = (from_y + to_y) / 2
        path = (
            f"M{target.middle:.1f} {to_y:.1f}"
            f"C{target.middle:.1f} {bend:.1f} {source.middle:.1f} {bend:.1f} {source.middle:.1f} {from_y:.1f}"
        )
    else:
        lane = lanes.setdefault(target.name, right + LANE * (len(lanes) + 1))
        path = (
            f"M{target.x + target.width:.1f} {target.y + target.height / 2:.1f}H{lane:.1f}"
            f"V{source.y + source.height / 2:.1f}H{source.x + source.width:.1f}"
        )
    return Way(source.name, target.name, path, is_error)
