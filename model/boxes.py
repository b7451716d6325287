"""From masks to boxes, and from boxes to the crops that the next scale reads (section 4.4).

A box is x0, y0, x1, y1 as shares of its picture's sides, 0 <= x0 < x1 <= 1: it means the same at every resolution.
Cell (i, j) of an H x W mask spans [j/W, (j+1)/W) x [i/H, (i+1)/H).
"""

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d


def tight_box(M_b: Tensor) -> Tensor:
    """Return the smallest box around all attended cells.

    M_b   (B, H, W) bool  masks; an empty one gives the whole picture
    ->    (B, 4) float64

    >>> M_b = torch.zeros(1, 4, 4, dtype=torch.bool)
    >>> M_b[0, 1, 2:] = True
    >>> tight_box(M_b)
    tensor([[0.5000, 0.2500, 1.0000, 0.5000]], dtype=torch.float64)
    """
    x0, x1 = _extent(M_b.any(dim=1))
    y0, y1 = _extent(M_b.any(dim=2))
    box = torch.stack([x0, y0, x1, y1], dim=1)  # B 4
    whole = torch.tensor([0, 0, 1, 1], dtype=box.dtype, device=box.device)
    return torch.where(M_b.flatten(1).any(dim=1, keepdim=True), box, whole)


def largest_region(M_b: Tensor) -> Tensor:
    """Keep the largest 8-connected region of each mask; of equally large ones, the last in reading order.

    M_b   (B, H, W) bool
    ->    (B, H, W) bool

    >>> largest_region(torch.tensor([[[True, False, True, True]]]))
    tensor([[[False, False,  True,  True]]])
    """
    B, H, W = M_b.shape
    seeds = torch.arange(1.0, H * W + 1, device=M_b.device).view(1, H, W) * M_b  # float32 is exact up to 2^24
    while True:  # every cell takes the highest number in its neighbourhood, until nothing changes
        spread = max_pool2d(seeds[:, None], kernel_size=3, stride=1, padding=1)[:, 0] * M_b
        if torch.equal(spread, seeds):
            break
        seeds = spread
    regions = seeds.long().flatten(1)  # B HW, 0 outside the mask
    sizes = torch.zeros(B, H * W + 1, dtype=torch.long, device=M_b.device)
    sizes.scatter_add_(1, regions, torch.ones_like(regions))
    sizes[:, 0] = 0
    last_best = H * W - sizes.flip(1).argmax(dim=1, keepdim=True)
    return (regions == last_best).view(B, H, W) & M_b


def widen(box: Tensor, margin: float, minimum: float) -> Tensor:
    """Add a margin to a box and enlarge it to a minimal size: later scales cannot recover what a crop cuts away.

    box      (B, 4)  as shares
    margin   share of the box's own side that is added, half of it at each end
    minimum  least side of the result, as a share of the picture's side
    ->       (B, 4)  inside the picture: a box that would stick out is moved in, not cut

    >>> widen(torch.tensor([[0.0, 0.4, 0.2, 0.6]]), margin=0.5, minimum=0.2)
    tensor([[0.0000, 0.3500, 0.3000, 0.6500]])
    """
    side = box[:, 2:] - box[:, :2]
    wanted = (side * (1 + margin)).clamp(min=minimum, max=1)
    corner = (box[:, :2] + side / 2 - wanted / 2).clamp(min=0)
    corner = torch.minimum(corner, 1 - wanted)
    return torch.cat([corner, corner + wanted], dim=1)


def attended_box(M_b: Tensor, outer: Tensor) -> Tensor:
    """Return the boxes around all attended cells, in the pictures that the crops were cut from.

    M_b    (B, H, W) bool  masks of the crops
    outer  (B, 4)  the crops, as shares of their pictures
    ->     (B, 4)  as shares of the pictures

    >>> attended_box(torch.tensor([[[False, True], [False, True]]]), torch.tensor([[0.0, 0.0, 0.5, 0.5]])).tolist()
    [[0.25, 0.0, 0.5, 0.5]]
    """
    return compose(outer, tight_box(M_b))


def mass_box(M: Tensor, mass: float) -> Tensor:
    """Return the boxes that hold the middle of each map's mass, on each axis by itself.

    M     (B, H, W)  maps; the lowest cell of each counts as nothing, for logits have no zero
    mass  share of the mass that lies between the two sides of an axis; half of the rest is cut off at each end
    ->    (B, 4) float64  sides lie within cells, as mass is even within a cell; the whole picture where M is constant

    >>> mass_box(torch.tensor([[[0.0, 1.0, 1.0, 0.0]]]), mass=0.5)
    tensor([[0.3750, 0.2500, 0.6250, 0.7500]], dtype=torch.float64)
    """
    M = M.double() - M.double().amin(dim=(1, 2), keepdim=True)
    flat = ~M.flatten(1).any(dim=1)
    M = torch.where(flat[:, None, None], torch.ones_like(M), M)
    (x0, x1), (y0, y1) = (_middle(M.sum(dim=axis), mass) for axis in (1, 2))
    box = torch.stack([x0, y0, x1, y1], dim=1)  # B 4
    return torch.where(flat[:, None], torch.tensor([0, 0, 1, 1], dtype=box.dtype, device=box.device), box)


def next_crop(M_b: Tensor, M: Tensor, outer: Tensor, policy: tuple[str, float, float, float]) -> Tensor:
    """Return what the next scale sees, in the pictures that this scale's crops were cut from.

    M_b     (B, H, W) bool  masks of the crops
    M       (B, H, W)  their maps; rounded to float16, as which they are stored
    outer   (B, 4)  the crops, as shares of their pictures
    policy  region   ``all`` the box goes around all attended cells; ``largest`` around their largest region; ``mass``
                     is ``mass_box`` and asks no mask
            margin, minimum  of ``widen``
            mass             of ``mass_box``
    ->      (B, 4)  the boxes after ``widen`` within the crops, as shares of the pictures

    >>> M_b = torch.tensor([[[False, True], [False, True]]])
    >>> next_crop(M_b, M_b.float(), torch.tensor([[0.0, 0.0, 0.5, 0.5]]), ("all", 0.0, 1.0, 1.0)).tolist()
    [[0.0, 0.0, 0.5, 0.5]]
    """
    region, margin, minimum, mass = policy
    if region == "mass":
        box = mass_box(M.half(), mass)
    else:
        box = tight_box(largest_region(M_b) if region == "largest" else M_b)
    return compose(outer, widen(box, margin, minimum))


def compose(outer: Tensor, inner: Tensor) -> Tensor:
    """Express a box found inside a crop as a box of the picture that the crop was cut from.

    outer  (B, 4)  the crop, as shares of the picture
    inner  (B, 4)  the box, as shares of the crop
    ->     (B, 4)  the box, as shares of the picture

    >>> compose(torch.tensor([[0.5, 0.0, 1.0, 1.0]]), torch.tensor([[0.0, 0.0, 0.5, 1.0]]))
    tensor([[0.5000, 0.0000, 0.7500, 1.0000]])
    """
    corner, side = outer[:, :2], outer[:, 2:] - outer[:, :2]
    return torch.cat([corner + inner[:, :2] * side, corner + inner[:, 2:] * side], dim=1)


def _extent(occupied: Tensor) -> tuple[Tensor, Tensor]:
    """Return the start of the first occupied cell and the end of the last, in each row of (B, N), as shares of N."""
    N = occupied.shape[1]
    first = occupied.double().argmax(dim=1)
    last = N - 1 - occupied.flip(1).double().argmax(dim=1)
    return first.double() / N, (last + 1).double() / N


def _middle(along: Tensor, mass: float) -> tuple[Tensor, Tensor]:
    """Return the two places between which the middle of (B, N) lies, as shares of N; no row is all zeros."""
    N = along.shape[1]
    ends = torch.cat([torch.zeros_like(along[:, :1]), along.cumsum(dim=1)], dim=1)  # B N+1: the mass before each end
    places = []
    for share in ((1 - mass) / 2, (1 + mass) / 2):
        wanted = share * ends[:, -1:]  # B 1
        cell = torch.searchsorted(ends[:, 1:].contiguous(), wanted).clamp(max=N - 1)  # the first that reaches it
        before, own = ends.gather(1, cell), along.gather(1, cell)
        inside = ((wanted - before) / own.clamp(min=torch.finfo(own.dtype).tiny)).clamp(min=0, max=1)
        places.append(((cell + inside) / N)[:, 0])
    return places[0], places[1]
