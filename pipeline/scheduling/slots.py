"""The machine's GPUs or cores, shared out among the stages that run at once."""

import os
import subprocess
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Share:
    """What a stage may use: some slots, with their GPUs or cores."""

    slots: tuple[int, ...]
    gpus: tuple[str, ...] = ()
    cores: frozenset[int] = frozenset()

    def environment(self) -> dict[str, str]:
        """Return the variables that show a stage its own GPUs alone."""
        return {"CUDA_VISIBLE_DEVICES": ",".join(self.gpus)} if self.gpus else {}

    def anywhere(self) -> "Share":
        """Return the share without its cores: what draws or cuts pictures takes those that others leave idle."""
        return replace(self, cores=frozenset())

    def settle(self) -> None:
        """Keep this process, and what it starts, on the share's cores."""
        if self.cores and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, self.cores)


@dataclass
class Slots:
    """N slots: on a machine with GPUs slot i has GPU i (modulo their number), else an equal share of the cores."""

    number: int
    gpus: list[str]
    cores: list[int]
    _free: set[int] = field(init=False)

    def __post_init__(self) -> None:
        self._free = set(range(self.number))

    def idle(self) -> bool:
        """Say whether no slot is taken."""
        return len(self._free) == self.number

    def for_threads(self, threads: int | None) -> int:
        """Return how many slots hold a number of threads; all of them for None, which means all cores there are."""
        if self.gpus or not self.cores:
            return 1
        if threads is None:
            return self.number
        each = max(1, len(self.cores) // self.number)
        return min(self.number, -(-threads // each))

    def take(self, number: int) -> Share | None:
        """Take some slots, if so many are free."""
        if number > len(self._free):
            return None
        slots = tuple(sorted(self._free)[:number])
        self._free -= set(slots)
        gpus = dict.fromkeys(self.gpus[slot % len(self.gpus)] for slot in slots) if self.gpus else {}
        return Share(slots, tuple(gpus), frozenset() if self.gpus else self._cores(slots))

    def give_back(self, share: Share) -> None:
        """Free the slots of a stage that has ended."""
        self._free |= set(share.slots)

    def _cores(self, slots: tuple[int, ...]) -> frozenset[int]:
        """Return the slots' cores: equal shares, in turns where there are more slots than cores."""
        if not self.cores:
            return frozenset()
        each = max(1, len(self.cores) // self.number)
        return frozenset(self.cores[(slot * each + i) % len(self.cores)] for slot in slots for i in range(each))


def visible_gpus() -> list[str]:
    """Return the GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them.

    What the variable says is believed; without it the driver's own tool is asked: importing torch would take seconds.
    """
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        words = [word.strip() for word in named.split(",")]
        return [word for word in words if word and word != "-1"]
    try:
        done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, encoding="utf-8", check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return []
    lines = [line for line in done.stdout.splitlines() if line.startswith("GPU ")]
    return [str(number) for number in range(len(lines))] if done.returncode == 0 else []


def usable_cores() -> list[int]:
    """Return the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))
