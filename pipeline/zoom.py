"""Cut and zoom: write the folder that a scale reads, every image cut from its original."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from pipeline import files, images, pack
from pipeline.imageset import ADDED, IMAGES, INDEX
from pipeline.pack import Pack


def write(index: pd.DataFrame, pictures: Pack, crops: np.ndarray, size: int, to: Path) -> None:
    """Cut and zoom every image from its original, so that zooming adds real detail; write them and their index.

    pictures  the originals, under the names of the index's ``file``
    crops     (N, 4)  boxes in the originals, as shares of their sides
    size      short edge in pixels
    """

    def one(file: str, crop: list[float]) -> tuple[bytes, list]:
        original = images.open_rgb(pictures.read(file), f"{pictures.path}: {file}")
        prepared = images.cut(original, crop, size)
        jpeg = images.to_jpeg(prepared)
        return jpeg, [*original.size, *crop, *prepared.size, files.digest(jpeg)]

    with files.whole(to) as folder:
        folder.mkdir(parents=True)
        added = []
        with pack.create(folder / IMAGES) as add:
            tasks = list(zip(index.file, crops.tolist(), strict=True))
            for identity, (jpeg, row) in zip(index.id, _in_threads(one, tasks, f"write {to}"), strict=True):
                add(f"{identity}.jpg", jpeg)
                added.append(row)
        table = index.drop(columns=list(ADDED), errors="ignore").reset_index(drop=True)
        table = table.join(pd.DataFrame(added, columns=list(ADDED)))
        table.to_csv(folder / INDEX, index=False)


def _in_threads(work: Callable, tasks: list[tuple], description: str) -> Iterator:
    """Decoding and zooming leave Python's lock alone, so threads serve all cores; some tasks at a time, in order."""
    workers = os.cpu_count() or 1
    with (
        ThreadPoolExecutor(workers) as pool,
        tqdm(total=len(tasks), desc=description, unit=" images", disable=None) as bar,
    ):
        for start in range(0, len(tasks), 16 * workers):  # what is done waits in memory to be written
            for done in pool.map(work, *zip(*tasks[start : start + 16 * workers], strict=True)):
                yield done
                bar.update()
