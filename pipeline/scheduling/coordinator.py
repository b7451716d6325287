"""Starts stages as soon as what they need has ended and the machine has room; follows them to their ends."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from pipeline import params
from pipeline.scheduling import graph, jobs, memory, processes, travel
from pipeline.scheduling.graph import Stage
from pipeline.scheduling.slots import Slots, usable_cores, visible_gpus

PASSED, FAILED, STOPPED = 0, 1, 130  # exit statuses
PAUSE = 0.1  # seconds between two looks at what runs
LAUNCHED = "python3 -m pipeline launch "  # how the commands of trainings begin: dataset and variant follow


@dataclass(frozen=True)
class Options:
    """How to run what is out of date.

    at_once     the number of slots, or None for as many as the machine has GPUs, else cores
    keep_going  after a failure, go on with what does not depend on it
    retries     how often a stage that a signal has ended is started again
    through     a cluster's launcher, which starts the trainings: 'srun --exact -n1 -c8 --gpus=1'
    """

    at_once: int | None = None
    keep_going: bool = False
    retries: int = 0
    through: str = ""


@dataclass
class Coordinator:
    """Starts stages as soon as what they need has ended and slots are free."""

    project: str
    stages: dict[str, Stage]
    stale: set[str]
    options: Options
    running: list[jobs.Job] = field(default_factory=list)
    ended: dict[str, str] = field(default_factory=dict)  # stage -> how
    times: dict[str, float] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)
    signals: int = 0  # heard
    obeyed: int = 0

    def __post_init__(self) -> None:
        self.began = time.monotonic()
        self.known = memory.read_times()
        pending = self.stale | graph.below(self.stages, self.stale)
        self.waiting = {name: stage for name, stage in self.stages.items() if name in pending}
        self.lengths = graph.path_lengths(self.waiting, {name: self.known.get(name, 1.0) for name in self.waiting})
        gpus, cores = ([], []) if self.options.through else (visible_gpus(), usable_cores())
        self.slots = Slots(self.options.at_once or len(gpus) or len(cores), gpus, cores)
        self.sizes = {name: self._slots_of(stage) for name, stage in self.waiting.items()}  # once: it reads recipes

    def run(self) -> int:
        """Run everything that can be run; return the exit status."""
        todo = f"{count(self.waiting)} of {len(self.stages)} may be out of date"
        print(f"{todo}; {self.slots.number} slots; what stages say is in {jobs.LOGS}", flush=True)
        with self._signals_heard():
            while self.running or (self._goes_on() and self._ready()):
                self._start()
                time.sleep(PAUSE)
                self._obey()
                over = [job for job in self.running if job.poll()]
                for job in over:
                    self._end(job)
                if over:
                    self._start()  # the slots do not wait for the copy
                    memory.keep_lock()
        return self._sum_up()

    def _goes_on(self) -> bool:
        return not self.signals and (self.options.keep_going or jobs.FAILED not in self.ended.values())

    def _ready(self) -> list[Stage]:
        """Return the stages that could start now, those with the longest chain behind them first."""
        busy = {job.stage.name for job in self.running}
        free = [stage for stage in self.waiting.values() if not stage.needs & set(self.waiting)]
        return sorted((s for s in free if s.name not in busy), key=lambda stage: -self.lengths[stage.name])

    def _start(self) -> None:
        ready = self._ready() if self._goes_on() else []
        if any(job.stage.alone for job in self.running):
            return
        for stage in sorted(ready, key=lambda stage: stage.alone):
            only = len(ready) == 1 and not self.running
            if stage.alone and self.running:
                return
            number = self.slots.number if stage.alone or (only and self.slots.gpus) else self.sizes[stage.name]
            if share := self.slots.take(number):
                if not launched(stage):  # only a training must have its cores to itself
                    share = share.anywhere()
                self._say("start", stage.name)
                self.running.append(jobs.start(stage, share, self.project, self._environment()))
            if stage.alone:
                return

    def _environment(self) -> dict[str, str]:
        return {travel.THROUGH: self.options.through} if self.options.through else {}

    def _slots_of(self, stage: Stage) -> int:
        """Return the slots that a stage takes: those that hold its recipe's threads, where it trains on CPUs."""
        words = stage.command.removeprefix(LAUNCHED).split()
        if not launched(stage) or len(words) < 3:
            return 1
        return self.slots.for_threads(params.read(words[1], words[2]).train.threads)

    def _end(self, job: jobs.Job) -> None:
        name, result, seconds = job.stage.name, job.result(), time.monotonic() - job.started
        self.running.remove(job)
        self.slots.give_back(job.share)
        if result == jobs.FAILED:
            self._fail(job, seconds)
            return
        if result == jobs.RAN:
            self.times[name] = seconds
        self._settle(name, result)
        self._say({jobs.RAN: "done"}.get(result, result), name, seconds)

    def _fail(self, job: jobs.Job, seconds: float) -> None:
        name, status = job.stage.name, job.status()
        by_signal = status < 0 or status > 128
        if by_signal and not self.signals and self.tries.get(name, 0) < self.options.retries:
            self.tries[name] = self.tries.get(name, 0) + 1
            self._say("again", f"{name} (ended with status {status}; try {self.tries[name]} of {self.options.retries})")
            return
        if self.signals:
            self._settle(name, jobs.STOPPED)
            self._say(jobs.STOPPED, name, seconds)
            return
        self._settle(name, jobs.FAILED)
        self._say("FAILED", f"{name}; all that it said is in {job.log}", seconds)
        print("".join(f"    {line}\n" for line in job.last_lines()), end="", flush=True)

    def _settle(self, name: str, result: str) -> None:
        """Note how a stage has ended; what depends on a failed one will not be run."""
        self.ended[name] = result
        gone = {name} | (graph.below(self.waiting, {name}) if result in (jobs.FAILED, jobs.STOPPED) else set())
        self.waiting = {other: stage for other, stage in self.waiting.items() if other not in gone}

    @contextmanager
    def _signals_heard(self) -> Iterator[None]:
        """Stop the stages at the first Ctrl-C or SIGTERM, so that trainings keep their epochs; kill at the second."""
        before = {number: signal.signal(number, self._hear) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _hear(self, *_: object) -> None:
        self.signals += 1

    def _obey(self) -> None:
        """Do what the signals that were heard since the last look ask for."""
        if self.signals > self.obeyed:
            self.obeyed += 1
            if self.obeyed > 1:
                processes.kill(self.project)
                return
            self._say("stopping", f"{count(self.running)}; once more kills them")
            for job in self.running:
                with suppress(ProcessLookupError):
                    job.interrupt()

    def _say(self, word: str, what: str, seconds: float | None = None) -> None:
        took = "" if seconds is None else f" ({clock(seconds)})"
        print(f"{clock(time.monotonic() - self.began):>8}  {word:<9} {what}{took}", flush=True)

    def _sum_up(self) -> int:
        memory.restore_lock()
        memory.write_times({**self.known, **self.times})
        results = list(self.ended.values())
        counts = {word: results.count(word) for word in dict.fromkeys(results)}
        unjudged = len(self.stages) - len(results)
        print(
            f"{', '.join(f'{n} {word}' for word, n in counts.items())}, {unjudged} not touched, in "
            f"{clock(time.monotonic() - self.began)}; one after the other {clock(sum(self.times.values()))}"
        )
        ran = {name: self.stages[name] for name in self.stages if name in self.times}
        if chain := graph.critical_path(ran, self.times):
            print(f"longest chain {clock(sum(self.times[name] for name in chain))}: {' > '.join(chain)}")
        if self.signals:
            print("stopped; what was finished is cached, and trainings go on from their last epoch: run this again")
            return STOPPED
        return FAILED if jobs.FAILED in results else PASSED


def launched(stage: Stage) -> bool:
    """Say whether a stage is a job of Accelerate's: it trains or attends, with its recipe's threads."""
    return stage.command.startswith(LAUNCHED)


def count(things: object) -> str:
    """Say how many stages there are."""
    return f"{len(things)} stage{'' if len(things) == 1 else 's'}"


def clock(seconds: float) -> str:
    """Write seconds as minutes and hours, as in 1:05 or 2:00:05."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
