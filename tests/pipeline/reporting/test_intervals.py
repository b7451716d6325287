"""Intervals against the textbook, and against results whose truth is known."""

import numpy as np
import pytest
from scipy.stats import norm, t

from pipeline.reporting import intervals
from pipeline.reporting.intervals import HIT, HITS_APART, Estimate

SIMULATIONS, IMAGES, OF_IMAGE = 3000, 1.5, 0.5  # how much images differ, to all networks and to one method
VALUES = 200_000  # simulated at a time
SEEDS_APART = {"none": 0.0, "small": 0.07, "large": 0.2}  # the last: 1.3 points at 95%, 2.4 at 80%


def simulate(rng, size, accuracy, paired, apart):
    """Return values (size: simulations, S, N) of made-up networks and the truth (simulations,) to be covered.

    A network recognises an image if ability, the image's ease, the image's ease to this method, the seed's luck and
    chance add up to more than zero. With one seed the truth is these networks' own; else it is that of all seeds.
    There is a pair of the two for each of the ``apart``, on the same draws.
    """
    simulations, seeds, images = size
    normal = lambda *shape: rng.standard_normal((simulations, *shape), dtype=np.float32)  # noqa: E731
    ease, within = IMAGES * normal(1, images), 1 + IMAGES**2 + OF_IMAGE**2
    values, truth = [np.int8(0)] * len(apart), [0] * len(apart)
    for sign, share in ((1, accuracy), (-1, accuracy - 0.03))[: 1 + paired]:
        luck, rest = normal(seeds, 1), ease + OF_IMAGE * normal(1, images) + normal(seeds, images)
        for i, one in enumerate(apart):
            ability = norm.ppf(share) * np.sqrt(within + one**2)
            own = norm.cdf((ability + one * luck[:, 0, 0]) / np.sqrt(within))
            values[i] = values[i] + np.int8(sign) * (rest > -ability - one * luck)
            truth[i] = truth[i] + sign * (own if seeds == 1 else share)
    return zip(values, truth, strict=True)


CELLS = [(seeds, images) for seeds in (1, 3, 5) for images in (100, 300, 1000)]
KINDS = [(0.8, True), (0.95, True), (0.95, False)]


def coverage(interval, seeds, images, accuracy, paired, apart):
    """Return the percentage of covered truths for each of the ``apart``.

    A part of the simulations at a time: all of them, in new pages of memory, take three times as long.
    """
    rng = np.random.default_rng([seeds, images, int(100 * accuracy), paired])
    covered, part = np.zeros(len(apart)), VALUES // (seeds * images)
    for begin in range(0, SIMULATIONS, part):
        size = min(part, SIMULATIONS - begin), seeds, images
        for i, (values, truth) in enumerate(simulate(rng, size, accuracy, paired, apart)):
            low, high = interval(values.astype(float), HITS_APART if paired else HIT)
            covered[i] += np.sum((low <= truth) & (truth <= high))
    return 100 * covered / SIMULATIONS


def ours(values, ends):
    return intervals.spread(values, ends)[:2]


@pytest.mark.parametrize("seeds, images", CELLS)
@pytest.mark.parametrize("accuracy, paired", KINDS)
def test_an_interval_covers_the_truth_95_times_in_100(seeds, images, accuracy, paired):
    found = coverage(ours, seeds, images, accuracy, paired, list(SEEDS_APART.values()))
    assert ((found >= 93) & (found <= 97)).all(), dict(zip(SEEDS_APART, found, strict=True))


def naive(ddof, quantile, with_seeds=True):
    """Return an interval of the mean's variance by images and by seeds, without any of the corrections."""

    def interval(values, ends):
        *_, seeds, images = values.shape
        middle = values.mean(axis=(-2, -1))
        variance = values.mean(axis=-2).var(axis=-1) / images
        if with_seeds:
            variance = variance + values.mean(axis=-1).var(axis=-1, ddof=ddof) / seeds
        half = quantile(seeds) * np.sqrt(variance)
        return middle - half, middle + half

    return interval


NAIVE = {
    "no seeds": naive(1, lambda _: 1.96, with_seeds=False),
    "a deviation over n": naive(0, lambda _: 1.96),
    "a normal quantile": naive(1, lambda _: 1.96),
    "Student's for all of it": naive(1, lambda seeds: t.ppf(0.975, seeds - 1)),
}


@pytest.mark.parametrize("name", NAIVE)
def test_shorter_ways_do_not(name):
    """The test above would see them."""
    found = np.array([coverage(NAIVE[name], 3, images, 0.8, True, [0.0, 0.2]) for images in (300, 1000)])
    assert found.min() < 93 or found.max() > 97


def test_without_added_answers_many_hits_are_not_covered():
    assert coverage(lambda v, _: ours(v, None), 1, 100, 0.95, False, [0.0]) < 90


@pytest.mark.parametrize("p, n", [(0.5, 400), (0.9, 1000)])
def test_an_interval_of_many_images_is_the_binomials(p, n):
    found = intervals.estimate(np.arange(n) < p * n, ends=HIT)
    error = 196 * np.sqrt(p * (1 - p) / n)
    assert found.points == pytest.approx(100 * p) and (found.images, found.seeds) == (n, 1)
    assert found.interval == pytest.approx((100 * p - error, 100 * p + error), abs=0.3)


def test_paired_differences_are_surer_than_unpaired_ones():
    rng = np.random.default_rng(1)
    one = (rng.random(500) < 0.8).astype(float)
    two = np.where(np.arange(500) < 20, 1 - one, one)  # the same but for 20 images
    (low, high), single = intervals.estimate(one - two, ends=HITS_APART).interval, intervals.estimate(one).interval
    assert high - low < 4 < single[1] - single[0]


def slow_parts(values):
    """The three variances, by the sums of squares of a textbook's two-way table."""
    seeds, images = len(values), len(values[0])
    mean = sum(map(sum, values)) / (seeds * images)
    rows = [sum(row) / images for row in values]
    columns = [sum(row[i] for row in values) / seeds for i in range(images)]
    rest = sum((values[s][i] - rows[s] - columns[i] + mean) ** 2 for s in range(seeds) for i in range(images)) / (
        (seeds - 1) * (images - 1)
    )
    of_rows = images * sum((row - mean) ** 2 for row in rows) / (seeds - 1)
    of_columns = seeds * sum((column - mean) ** 2 for column in columns) / (images - 1)
    return [max(of_columns - rest, 0) / seeds, max(of_rows - rest, 0) / images, rest]


@pytest.mark.parametrize("shape", [(2, 3), (3, 50), (5, 7)])
def test_variances_are_those_of_a_two_way_table(shape):
    values = np.random.default_rng(0).normal(size=shape) + np.arange(shape[0])[:, None] + np.arange(shape[1])
    found = intervals.estimate(values, unit=1.0)
    assert found.variance == pytest.approx(slow_parts(values.tolist())) and (found.seeds, found.images) == shape


def test_overlaps_have_students_interval():
    values = np.random.default_rng(0).random(30)
    error = t.ppf(0.975, 29) * values.std(ddof=1) / np.sqrt(30)
    found = intervals.estimate(values, unit=1.0)
    assert found.interval == pytest.approx((values.mean() - error, values.mean() + error))


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 1), (3, 20)])
@pytest.mark.parametrize("value, ends", [(1.0, HIT), (0.0, HIT), (0.0, HITS_APART), (0.5, None)])
def test_without_any_variety(shape, value, ends):
    found = intervals.estimate(np.full(shape, value), ends=ends)
    low, high = found.interval
    assert low <= found.points == 100 * value <= high and np.isfinite([low, high]).all()
    assert ends is None or high - low > 1, "the same answers of a few images are no certainty"
    assert ends is None or (low >= 100 * ends[0] and high <= 100 * ends[1])


def test_seeds_that_agree_by_chance_are_no_certainty():
    """Each seed's difference is zero, on other images."""
    values = np.zeros((2, 10))
    values[0, :2], values[1, 2:4] = (1, -1), (-1, 1)
    low, high = intervals.estimate(values, ends=HITS_APART).interval
    assert low < -5 and high > 5


def test_how_many_images_would_tell():
    hits = np.array([1.0] * 10 + [-1.0] * 4 + [0.0] * 186)
    found = intervals.estimate(hits, ends=HITS_APART)  # 3 points
    assert found.interval[0] < 0 < found.interval[1]
    n = intervals.images_that_tell(found, 0.0)
    assert n == 400 and intervals.estimate(np.tile(hits, 2), ends=HITS_APART).interval[0] > 0
    assert intervals.images_that_tell(found, 2.0) > 1000 and intervals.images_that_tell(found, 3.0) is None
    assert intervals.seeds_that_tell(found, 0.0) is None


def test_how_many_seeds_would_tell():
    values = np.zeros((3, 1000))
    values[0, :60] = values[1, :10] = values[2, :35] = 1.0
    found = intervals.estimate(values, ends=HITS_APART)  # 3.5 points, of which seeds swing 2.5
    assert found.interval[0] < 0 and intervals.images_that_tell(found, 0.0) is None
    assert intervals.seeds_that_tell(found, 0.0) in (4, 5)


def test_records():
    found = intervals.estimate(np.array([[1.0, 0, 1], [0, 1, 1]]), ends=HITS_APART)
    assert intervals.from_records([intervals.to_record("a minus b", found)]) == {"a minus b": found}
    assert Estimate(2.8).interval is None
