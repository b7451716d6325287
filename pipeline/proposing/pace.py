"""How long a recipe takes on this machine: by a few steps that are timed here, and counts of what they are done to."""

import time
from dataclasses import dataclass
from functools import partial

import psutil
import torch

from pipeline import params
from pipeline.proposing.survey import Survey
from pipeline.training import accelerator, loop

TIMED = 4  # steps at most, after a first one that is not; the quickest counts, which others disturbed least
PATIENCE = 3  # seconds after which no more are begun
ON_CPU = 8  # pictures of such a step: a CPU's time is that of the pictures, a GPU's that of the whole step
FORWARD = 1 / 3  # of a training step: what looking at a picture takes; the way back takes the other two
STAGES = 9  # beside trainings: weights, download, prepare, evaluate, measure, compare, export, report, and the plan


@dataclass(frozen=True)
class Pace:
    """What takes time on this machine."""

    pixel: float  # seconds of training on a pixel
    start: float  # seconds until a stage begins to work
    reading: float  # seconds of reading all pictures once

    def seconds(self, recipe: params.Recipe, survey: Survey, trainings: int, crops: int) -> float:
        """Return how long some trainings and all that goes with them take, one after the other."""
        values = recipe.train
        batch = min(values.batch, survey.training)
        trained = values.epochs * (survey.training // batch) * batch
        tests = -(-values.epochs // values.test_every)
        looked_at = (tests + 1) * survey.test + survey.training  # by 'attend' once, all of them
        started = STAGES + 2 * trainings + crops
        picture = self.pixel * values.crop**2
        read = (2 + crops) * self.reading  # download, prepare, crops
        return trainings * picture * (trained + FORWARD * looked_at) + started * self.start + read


def age() -> float:
    """Return for how many seconds this process runs: at the beginning of a command, what a stage takes to start."""
    return time.time() - psutil.Process().create_time()


def measure(recipe: params.Recipe, survey: Survey, start: float) -> Pace:
    """Time a few training steps of a recipe, on noise and from random weights, which take as long as any.

    start  what ``age`` was when the command began
    """
    job = accelerator.start_for(recipe.train)
    network = loop.build(recipe, survey.classes, job)
    optimizer = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad])
    network, optimizer = job.prepare(network.train(), optimizer)
    on_gpu, side = job.device.type == "cuda", recipe.train.crop
    pictures = recipe.train.batch if on_gpu else min(recipe.train.batch, ON_CPU)
    X = torch.randint(256, (pictures, side, side, 3), dtype=torch.uint8, device=job.device).permute(0, 3, 1, 2)
    t = torch.arange(pictures, device=job.device) % survey.classes
    step = partial(loop.step, network, loop.Objective.of(recipe.training), X, t, pictures, job)
    seconds: list[float] = []
    while len(seconds) < 2 or (len(seconds) <= TIMED and sum(seconds) < PATIENCE):
        started = time.perf_counter()
        step()
        optimizer.step()
        optimizer.zero_grad()
        if on_gpu:
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
    return Pace(min(seconds[1:]) / pictures / side**2, start, survey.seconds)


def about(seconds: float) -> str:
    """Say a time as people do.

    >>> [about(s) for s in (20, 290, 5000, 90000)]
    ['a minute', '5 minutes', '1.4 hours', '25 hours']
    """
    minutes = round(seconds / 60)
    if minutes < 60:
        return "a minute" if minutes <= 1 else f"{minutes} minutes"
    return f"{seconds / 3600:.1f} hours" if seconds < 36_000 else f"{seconds / 3600:.0f} hours"
