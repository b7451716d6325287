"""The scene around the birds: far foliage out of focus, leaves, twigs, flowers and berries, and a perch."""

import numpy as np

from pipeline.datasets.drawing.canvas import Canvas, Colour, Dice, ellipse, enlarge, polygon, strokes

LEAVES: list[Colour] = [(0.24, 0.38, 0.14), (0.36, 0.47, 0.18), (0.47, 0.47, 0.20), (0.19, 0.31, 0.17)]
FAR: list[Colour] = [(0.30, 0.40, 0.24), (0.42, 0.48, 0.33), (0.50, 0.46, 0.34), (0.24, 0.31, 0.24), (0.55, 0.58, 0.52)]
BARK: Colour = (0.36, 0.28, 0.21)
PETALS = [(0.0, -1.0), (0.95, -0.31), (0.59, 0.81), (-0.59, 0.81), (-0.95, -0.31)]  # five, around the middle


def backdrop(width: int, height: int, dice: Dice) -> Canvas:
    """Return a canvas with what is far behind: brighter towards the sky, in blots and discs of light."""
    grid = np.array([[dice.vary(dice.pick(FAR), 0.06) for _ in range(5)] for _ in range(5)], np.float32)
    grid += np.linspace(0.16, -0.10, 5, dtype=np.float32)[:, None, None]
    fine = np.array([[dice.pick(FAR) for _ in range(11)] for _ in range(11)], np.float32)
    mixed = 0.62 * enlarge(grid, height, width) + 0.38 * enlarge(fine, height, width)
    canvas = Canvas(mixed.astype(np.float32), light=dice.pick([(-0.6, -0.8), (0.6, -0.8)]))
    for _ in range(int(dice.between(6, 14))):  # gaps in the foliage, as a lens shows them
        radius = dice.between(0.02, 0.07) * width
        place(canvas, radius * 1.6, dice)
        disc = ellipse(*canvas.frame(), (0, 0), (radius, radius))
        canvas.paint(disc, dice.vary((0.74, 0.76, 0.62), 0.10), soft=radius * 0.8, opacity=dice.between(0.15, 0.4))
    return canvas


def clutter(canvas: Canvas, colours: list[Colour], dice: Dice) -> None:
    """Draw what could be taken for a bird's mark: berries and flowers of its ``colours``, among leaves and twigs."""
    width = canvas.pixels.shape[1]
    for _ in range(int(dice.between(2, 5))):
        length, thick = dice.between(0.3, 0.6) * width, dice.between(1.5, 4)
        place(canvas, length, dice)
        bark = dice.vary(BARK, 0.06)
        u, v = canvas.frame()
        shape = polygon(u, v, (-length, -thick), (length, -thick * 0.6), (length, thick * 0.6), (-length, thick))
        canvas.paint(shape, bark, soft=dice.between(2, 6))
    for blur in sorted((dice.between(1.3, 9) for _ in range(int(dice.between(18, 30)))), reverse=True):
        _leaf(canvas, dice.between(0.05, 0.10) * width, blur, dice)
    for _ in range(int(dice.between(0, 4))):
        radius = dice.between(0.010, 0.020) * width
        _berry(canvas, radius, dice.vary(dice.pick(colours), 0.05), dice)
    for _ in range(int(dice.between(0, 2))):
        _flower(canvas, dice.between(0.014, 0.022) * width, dice.vary(dice.pick(colours), 0.05), dice)


def perch(canvas: Canvas, x: float, y: float, dice: Dice) -> None:
    """Draw a branch through a point of the picture, lit from above and rough."""
    canvas.x, canvas.y, canvas.slope, canvas.mirror = x, y, dice.between(-0.16, 0.16), 1
    canvas.scale, canvas.reach = 1.0, 2.0 * max(canvas.pixels.shape)
    thick, bend = dice.between(3.5, 6.5), dice.between(-0.0006, 0.0006)
    u, v = canvas.frame()
    v = v - thick + np.float32(bend) * u * u
    distance = np.abs(v) - (np.float32(thick) - u * np.float32(0.004))
    rough = strokes(u, v, dice.field(64, 64), 0.12, 0.9)
    shade = np.clip(1.05 - v * np.float32(0.45 / thick), 0.4, 1.5) * (np.float32(0.75) + np.float32(0.5) * rough)
    canvas.paint(distance, shade[..., None] * np.float32(dice.vary(BARK, 0.07)))


def place(canvas: Canvas, reach: float, dice: Dice) -> None:
    """Put the frame anywhere, in any turn, with a unit of one pixel."""
    height, width, _ = canvas.pixels.shape
    canvas.x, canvas.y = dice.between(0, width), dice.between(0, height)
    canvas.slope, canvas.scale, canvas.mirror, canvas.reach = dice.between(-1, 1), 1.0, dice.pick([-1, 1]), reach


def _leaf(canvas: Canvas, length: float, blur: float, dice: Dice) -> None:
    place(canvas, 1.3 * length, dice)
    u, v = canvas.frame()
    width, bend = length * dice.between(0.3, 0.45), dice.between(-0.3, 0.3) / length
    v = v + np.float32(bend) * u * u
    reach = u * np.float32(1 / length)
    outline = np.abs(v) - np.float32(width) * (1 - reach * reach) * (np.float32(0.85) - np.float32(0.3) * reach)
    veins = (np.abs(v) * np.float32(0.9) - u) * np.float32(7 / length)
    veins = np.abs(veins - np.rint(veins))
    shade = np.float32(0.86) + np.float32(0.3) * veins + np.where(v < 0, np.float32(0.12), np.float32(-0.06))
    shade = shade * (np.float32(0.88) + np.float32(0.24) * strokes(u, v, dice.field(32, 32), 0.4, 0.6))
    shade = np.where(np.abs(v) < 0.8, shade * np.float32(1.25), shade)
    canvas.paint(outline, shade[..., None] * np.float32(dice.vary(dice.pick(LEAVES), 0.08)), soft=blur)


def _berry(canvas: Canvas, radius: float, colour: Colour, dice: Dice) -> None:
    place(canvas, 2 * radius, dice)
    canvas.slope = 0.0
    shape = ellipse(*canvas.frame(), (0, 0), (radius, radius))
    canvas.paint(shape, canvas.relief(shape, radius)[..., None] * np.float32(colour), soft=dice.between(1.3, 2.5))
    at = canvas.mirror * 0.35 * radius * canvas.light[0], 0.35 * radius * canvas.light[1]
    canvas.paint(ellipse(*canvas.frame(), at, (0.2 * radius, 0.2 * radius)), (0.97, 0.97, 0.95), opacity=0.6)


def _flower(canvas: Canvas, radius: float, colour: Colour, dice: Dice) -> None:
    place(canvas, 3 * radius, dice)
    u, v = canvas.frame()
    petals = [ellipse(u, v, (c * radius, s * radius), (0.62 * radius,) * 2) for c, s in PETALS]
    shape = np.minimum.reduce(petals)
    canvas.paint(shape, canvas.relief(shape, 0.6 * radius)[..., None] * np.float32(colour), soft=dice.between(1.3, 2.5))
    canvas.paint(ellipse(u, v, (0, 0), (0.4 * radius, 0.4 * radius)), dice.vary((0.55, 0.45, 0.15), 0.08))
