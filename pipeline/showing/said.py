"""What the page shows of an answer, as JSON: the classes, and what each scale saw, attended, masked and said."""

import base64
import io
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from pipeline import images, overlay
from pipeline.predicting.rows import Asked
from pipeline.recogniser import Answer, View
from pipeline.reporting.examples import within
from pipeline.reporting.figures import BOX_COLOURS

TOP = 5  # classes that are named
QUALITY = 90  # of the pictures that the page shows


def said(answer: Answer, class_names: list[str]) -> dict[str, Any]:
    """Return what is shown; probabilities are those of 'pipeline predict', of the TOP most likely classes."""
    crops = [view.crop for view in answer.views[1:]]
    scales = [
        {
            "crop": images.to_pixels(view.crop, *answer.size),
            "attended": images.to_pixels(view.attended, *answer.size),
            "share": float(view.M_b.mean()),
            "pictures": _pictures(view, following),
            "top": _top(view.avg, class_names),
        }
        for view, following in zip(answer.views, [*crops, None], strict=True)
    ]
    width, height = answer.size
    return {"width": width, "height": height, "top": _top(answer.probabilities, class_names), "scales": scales}


def thumbnail(picture: Image.Image, longest: int) -> bytes:
    """Return a small JPEG of a picture."""
    small = picture.copy()
    small.thumbnail((longest, longest))
    return _jpeg(small)


def _top(probabilities: np.ndarray, class_names: list[str]) -> list[dict[str, Any]]:
    asked = Asked(class_names, n_scales=1, top_k=TOP, scores=False, threshold=0)
    return [{"class": class_names[c], "probability": float(probabilities[c])} for c in asked.top(probabilities)]


def _pictures(view: View, following: Any) -> dict[str, str]:
    """Draw what a scale saw, with its boxes, its map and its mask; ``following`` is what the next scale sees."""
    with Image.open(io.BytesIO(view.jpeg)) as image:
        seen = image.convert("RGB")
    pixels = np.asarray(seen)
    drawn = {
        "saw": _boxed(seen, view, {"next": following, "attended": view.attended}),
        "attended": Image.fromarray(overlay.heat(pixels, view.M.astype(np.float32))),
        "masked": Image.fromarray(overlay.mask(pixels, view.M_b)),
    }
    return {name: f"data:image/jpeg;base64,{base64.b64encode(_jpeg(one)).decode()}" for name, one in drawn.items()}


def _boxed(seen: Image.Image, view: View, boxes: dict[str, Any]) -> Image.Image:
    boxed, width = seen.copy(), max(2, min(seen.size) // 120)
    pen = ImageDraw.Draw(boxed)
    for name, box in boxes.items():
        if box is not None:
            x0, y0, x1, y1 = images.to_pixels(within(np.array(box), np.array(view.crop)).tolist(), *seen.size)
            pen.rectangle((x0, y0, x1 - 1, y1 - 1), outline=BOX_COLOURS[name], width=width)
    return boxed


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=QUALITY)
    return buffer.getvalue()
