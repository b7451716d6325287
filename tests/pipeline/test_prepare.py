"""Scale 1 sees whole images, split officially."""

from pipeline.disk import imageset


def test_scale_1_sees_everything(finished):
    data = imageset.read(finished / "data/tiny/scale-1")
    assert (data.index[imageset.CROP].to_numpy() == [0, 0, 1, 1]).all()
    assert data.index.split.value_counts().to_dict() == {"train": 20, "test": 10}
    objects = imageset.read_objects(finished / "data/tiny/scale-1")
    assert objects.equals(imageset.read_objects(finished / "data/raw/tiny")) and set(objects.id) < set(data.index.id)
    with data.open(data.index.id[0]) as image:
        assert min(image.size) == 64
