"""Cut and zoom: write the folder that a scale reads, every image cut from its original."""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from pipeline import files, images
from pipeline.imageset import ADDED


def write(index: pd.DataFrame, raw: Path, crops: np.ndarray, size: int, to: Path) -> None:
    """Cut and zoom every image from its original, so that zooming adds real detail; write them and their index.

    crops  (N, 4)  boxes in the originals, as shares of their sides
    size   short edge in pixels
    """
    tasks = list(zip(index.id, index.file, crops.tolist(), strict=True))
    with files.whole(to) as folder:
        (folder / "images").mkdir(parents=True)

        def one(task: tuple) -> list:
            identity, file, crop = task
            original = images.open_rgb(raw / file)
            prepared = images.cut(original, crop, size)
            jpeg = images.to_jpeg(prepared)
            (folder / "images" / f"{identity}.jpg").write_bytes(jpeg)
            return [*original.size, *crop, *prepared.size, files.digest(jpeg)]

        added = _in_threads(one, tasks, f"write {to}")
        table = index.drop(columns=list(ADDED), errors="ignore").reset_index(drop=True)
        table = table.join(pd.DataFrame(added, columns=list(ADDED)))
        table.to_csv(folder / "index.csv", index=False)


def _in_threads(work, tasks: list, description: str) -> list:  # noqa: ANN001
    """Decoding and zooming leave Python's lock alone, so threads serve all cores."""
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        done: Iterable = pool.map(work, tasks)
        return list(tqdm(done, total=len(tasks), desc=description, unit=" images", disable=None))
