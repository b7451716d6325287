"""Scale 1 sees whole images, split officially."""

from pipeline.disk import imageset


def test_scale_1_sees_everything(finished):
    data = imageset.read(finished / "data/tiny/scale-1")
    assert (data.index[imageset.CROP].to_numpy() == [0, 0, 1, 1]).all()
    assert data.index.split.value_counts().to_dict() == {"train": 20, "test": 10}
    with data.open(data.index.id[0]) as image:
        assert min(image.size) == 64
