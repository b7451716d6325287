"""A bird: one body for all species, in any colour and pose, and the small marks that tell species apart."""

import numpy as np
from numpy.typing import NDArray

from pipeline.datasets.drawing.canvas import Array, Canvas, Colour, Dice, ellipse, polygon, strokes, union

BODIES: list[Colour] = [(0.43, 0.35, 0.26), (0.40, 0.42, 0.45), (0.31, 0.39, 0.47), (0.47, 0.43, 0.31)]
FEET = 0.35  # below the bird's middle, in its own units: one from beak to tail
DARK: Colour = (0.06, 0.05, 0.05)
DEPTHS = {"body": 0.17, "wing": 0.09, "tail": 0.05}  # of the parts' relief


def draw(canvas: Canvas, marks: dict[str, Colour], dice: Dice) -> NDArray[np.bool_]:
    """Draw a bird, with a mark of each colour at its place, where the canvas' frame is; return its mask.

    marks  of ``crown``, ``throat``, ``wing`` and ``tail``
    """
    canvas.reach = 0.65
    u, v = canvas.frame()
    parts, wing = _parts(u, v, dice)
    back = dice.vary(dice.pick(BODIES), 0.06)
    belly = tuple(0.45 * channel + 0.42 for channel in dice.vary(back, 0.05))
    feathers = np.float32(0.80) + np.float32(0.4) * strokes(u, v, dice.field(64, 64), 22, 75)
    pale = np.clip((v - u * np.float32(0.25) - np.float32(0.03)) * np.float32(7), 0, 1)[..., None]
    coat = (np.float32(back) * (1 - pale) + np.float32(belly) * pale) * feathers[..., None]
    lit = {name: canvas.relief(parts[name], depth)[..., None] for name, depth in DEPTHS.items()}
    quills = wing * np.float32(16)
    quills = np.float32(0.58) + np.float32(0.4) * np.abs(quills - np.rint(quills))
    folded = np.float32(back) * (feathers * quills)[..., None]
    mask = np.zeros(canvas.pixels.shape[:2], dtype=bool)
    seen = mask[canvas.window()]

    def mark(place: str, lit: Array) -> None:
        tint = dice.between(-0.04, 0.04)  # drawn for every bird, marked or not: so sisters share scene and pose
        if place in marks:
            colour = np.clip(np.float32(marks[place]) + np.float32(tint), 0.03, 1)
            canvas.paint(parts[f"{place} mark"], colour * feathers[..., None] * lit)

    seen |= canvas.paint(parts["leg"], dice.vary((0.20, 0.14, 0.11), 0.04)) > 0.5
    seen |= canvas.paint(parts["tail"], folded * lit["tail"]) > 0.5
    mark("tail", lit["tail"])
    seen |= canvas.paint(parts["body"], coat * lit["body"]) > 0.5
    mark("crown", lit["body"])
    mark("throat", lit["body"])
    canvas.paint(parts["shadow"], DARK, soft=0.04 * canvas.scale, opacity=0.35)
    seen |= canvas.paint(parts["wing"], folded * lit["wing"]) > 0.5
    mark("wing", lit["wing"])
    seen |= _face(canvas, parts, back, dice) > 0.5
    return mask


def _face(canvas: Canvas, parts: dict[str, Array], back: Colour, dice: Dice) -> Array:
    """Draw beak and eye; return the beak's coverage."""
    horn = dice.vary((0.33, 0.27, 0.20), 0.05)
    beak = canvas.paint(parts["beak"], horn)
    canvas.paint(parts["lower beak"], tuple(0.6 * channel for channel in horn))
    canvas.paint(parts["ring"], tuple(0.5 * channel + 0.35 for channel in back), opacity=0.8)
    canvas.paint(parts["eye"], DARK)
    canvas.paint(parts["glint"], (0.95, 0.95, 0.93), opacity=0.9)
    return beak


def _parts(u: Array, v: Array, dice: Dice) -> tuple[dict[str, Array], Array]:
    """Return signed distances to the bird's parts and its marks' places, and the height across the folded wing."""
    plump, nod, droop = dice.between(0.19, 0.235), dice.between(-0.035, 0.03), dice.between(0.0, 0.11)
    hx, hy = 0.27 + dice.between(-0.03, 0.01), -0.20 + nod
    wx, wy = -0.07 + 0.5 * nod, -0.005
    head = ellipse(u, v, (hx, hy), (0.115, 0.108))
    body = union(head, ellipse(u, v, (0, 0), (0.31, plump), -0.13), 0.10)
    wing = union(
        ellipse(u, v, (wx, wy), (0.19, 0.115), droop), ellipse(u, v, (wx - 0.16, wy + 0.05), (0.17, 0.05), 0.12), 0.06
    )
    low = 0.10 * dice.between(-0.5, 1.0)
    tail = polygon(u, v, (-0.2, -0.05), (-0.17, 0.09), (-0.50, 0.13 + low), (-0.53, 0.05 + low))
    legs = [polygon(u, v, (x, 0.1), (x + 0.01, FEET), (x - 0.006, FEET), (x - 0.016, 0.1)) for x in (0.02, 0.10)]
    toes = [ellipse(u, v, (x + 0.015, FEET), (0.035, 0.010)) for x in (0.02, 0.10)]
    bx, by = hx + 0.085, hy + 0.005
    eye, glint = (hx + 0.042, hy - 0.018), (hx + 0.049, hy - 0.025)
    parts = {
        "body": body,
        "wing": wing,
        "shadow": ellipse(u, v, (wx, wy + 0.035), (0.2, 0.115), droop),
        "tail": tail,
        "leg": np.minimum.reduce([*legs, *toes]),
        "beak": polygon(u, v, (bx, by - 0.038), (hx + 0.205, by + 0.012), (bx, by + 0.038)),
        "lower beak": polygon(u, v, (bx, by + 0.008), (hx + 0.205, by + 0.012), (bx, by + 0.036)),
        "ring": ellipse(u, v, eye, (0.026, 0.026)),
        "eye": ellipse(u, v, eye, (0.019, 0.019)),
        "glint": ellipse(u, v, glint, (0.006, 0.006)),
        "crown mark": np.maximum(ellipse(u, v, (hx - 0.015, hy - 0.095), (0.10, 0.065), 0.05), body),
        "throat mark": np.maximum(ellipse(u, v, (hx + 0.035, hy + 0.115), (0.085, 0.075)), body),
        "wing mark": np.maximum(np.abs(u - np.float32(wx - 0.05) - v * np.float32(0.3)) - np.float32(0.050), wing),
        "tail mark": np.maximum(np.abs(u + np.float32(0.44)) - np.float32(0.070), tail),
    }
    return parts, v - np.float32(wy) - u * np.float32(0.25)
