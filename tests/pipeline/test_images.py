"""Pictures that people have."""

import struct
import zlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline import images
from pipeline.disk.pack import Pack, create
from pipeline.errors import InputError


def decode(path):
    return images.open_rgb(path.read_bytes(), path.name)


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "LA", "RGBA", "I;16", "I", "F", "YCbCr"])
def test_any_mode_becomes_rgb(mode, tmp_path):
    gray = Image.fromarray(np.full((6, 8), 128, dtype=np.uint8))
    if mode == "I;16":
        picture = Image.fromarray(np.full((6, 8), 128 * 257, dtype=np.uint16))
    else:
        picture = gray.convert("RGB").convert(mode) if mode not in ("LA", "I", "F") else gray.convert(mode)
    path = tmp_path / ("a.tif" if mode in ("CMYK", "I;16", "I", "F", "YCbCr") else "a.png")
    picture.save(path)
    rgb = decode(path)
    assert rgb.mode == "RGB" and rgb.size == (8, 6)
    assert abs(np.asarray(rgb).mean() - 128) < 2 or mode in ("1", "F", "I")


@pytest.mark.parametrize("kind", ["gif", "webp", "mpo", "tif", "png"])
def test_of_several_frames_the_first_is_shown(kind, tmp_path):
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "blue", "blue")]
    frames[0].save(tmp_path / f"a.{kind}", save_all=True, append_images=frames[1:])
    shown = np.asarray(decode(tmp_path / f"a.{kind}")).reshape(-1, 3).mean(axis=0)
    assert shown[0] > 240 and shown[1:].max() < 15


def test_lab_is_converted(tmp_path):
    Image.new("LAB", (8, 6), (128, 128, 128)).save(tmp_path / "a.tif")  # L 50 %, no colour: sRGB 119
    assert abs(np.asarray(decode(tmp_path / "a.tif")).astype(int) - 119).max() <= 2


def test_transparency_shows_white(tmp_path):
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(tmp_path / "a.png")
    assert np.asarray(decode(tmp_path / "a.png")).min() == 255


def test_a_photo_taken_sideways_is_set_upright(tmp_path):
    photo = Image.new("RGB", (8, 4))
    photo.paste("red", (0, 0, 4, 4))
    exif = photo.getexif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    photo.save(tmp_path / "a.jpg", exif=exif)
    upright = decode(tmp_path / "a.jpg")
    assert upright.size == (4, 8) and upright.getpixel((2, 1))[0] > 200 and upright.getpixel((2, 6))[0] < 50


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_a_cameras_bits_in_a_16_bit_file(bits, tmp_path):
    values = np.linspace(0, 2**bits - 1, 256).astype(np.uint16).reshape(16, 16)
    Image.fromarray(values).save(tmp_path / "a.png")
    shown = np.asarray(decode(tmp_path / "a.png"))[..., 0].ravel()
    assert shown[0] == 0 and shown[-1] == 255 and abs(int(shown[128]) - 128) <= 1


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_a_cameras_bits_in_a_16_bit_file_of_colours(bits, tmp_path):
    """A PNG written by hand: Pillow writes none with 16 bits a colour."""
    values = np.linspace(0, 2**bits - 1, 64).astype(">u2").repeat(3).reshape(8, 24)
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    chunks = ((b"IHDR", struct.pack(">2I5B", 8, 8, 16, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    png = b"\x89PNG\r\n\x1a\n"
    for kind, data in chunks:
        png += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    (tmp_path / "a.png").write_bytes(png)
    shown = np.asarray(decode(tmp_path / "a.png"))
    assert shown.min() == 0 and shown.max() == 255 and abs(int(shown[4, 0, 0]) - 128) <= 43


@pytest.mark.parametrize(
    "values, shown",
    [
        ([0, 0.5, 1, np.nan], [0, 127, 255, 0]),
        ([0, 51, 255, np.nan], [0, 51, 255, 0]),
        ([-1, 0, 1, -np.inf], [0, 1, 2, 0]),
        ([0, 1, np.inf, 0.5], [0, 255, 255, 127]),
        ([0, 1e6, 5e5, np.nan], [0, 255, 127, 0]),
        ([np.nan, np.nan, np.nan, np.nan], [0, 0, 0, 0]),
        ([0, 1.01, 0.5, 0.25], [0, 255, 127, 63]),
    ],
)
def test_floats_with_holes(values, shown, tmp_path):
    Image.fromarray(np.array(values, np.float32)[None]).save(tmp_path / "a.tif")
    assert np.asarray(decode(tmp_path / "a.tif"))[0, :, 0].tolist() == shown


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0oops", b"Exif\0\0MM\0*\0\0\xff\xff", b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01"]
)
def test_damaged_exif_leaves_a_photo_as_it_is(exif, tmp_path):
    Image.new("RGB", (8, 4), "red").save(tmp_path / "a.jpg", exif=exif)
    assert decode(tmp_path / "a.jpg").size == (8, 4)


@pytest.mark.parametrize("tag", [0x0142, 0x013E])
def test_exif_damaged_elsewhere_still_says_how_a_photo_was_held(tag, tmp_path):
    """Tags that hold text where Pillow, when it writes them anew, wants numbers."""
    entries = struct.pack(">H2HI4s2HI4s", 2, tag, 2, 2, b"x", 0x0112, 3, 1, b"\0\6")
    exif = b"Exif\0\0MM\0*" + struct.pack(">I", 8) + entries + bytes(4)
    Image.new("RGB", (8, 4), "red").save(tmp_path / "a.jpg", exif=exif)
    assert decode(tmp_path / "a.jpg").size == (4, 8)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_is_none_leaves_a_photo_as_it_is(orientation, tmp_path):
    photo = Image.new("RGB", (8, 4), "red")
    exif = photo.getexif()
    exif[0x0112] = orientation
    photo.save(tmp_path / "a.jpg", exif=exif)
    assert decode(tmp_path / "a.jpg").size == (8, 4)


@pytest.mark.parametrize("suffix", ["jpg", "tif", "png", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_upright_size_is_known_from_the_header(suffix, orientation, tmp_path):
    photo = Image.new("RGB", (8, 4))
    exif = photo.getexif()
    exif[0x0112] = orientation
    photo.save(tmp_path / f"a.{suffix}", exif=exif)
    with Image.open(tmp_path / f"a.{suffix}") as opened:
        assert images.upright_size(opened) == decode(tmp_path / f"a.{suffix}").size


@pytest.mark.parametrize("content", [b"", b"no picture", None], ids=["empty", "text", "cut short"])
def test_what_cannot_be_decoded_is_named(content, tmp_path):
    path = tmp_path / "bad.jpg"
    Image.effect_noise((64, 64), 50).save(path)
    path.write_bytes(path.read_bytes()[:500] if content is None else content)
    with pytest.raises(InputError, match=r"bad.jpg: cannot be decoded .*; replace it or take it out"):
        decode(path)


def test_sixty_megapixels(tmp_path):
    Image.new("L", (10_000, 6_000), 128).save(tmp_path / "a.png")
    assert decode(tmp_path / "a.png").size == (10_000, 6_000)


def test_postscript_is_not_run_whatever_it_is_called(monkeypatch):
    """Pillow hands it to Ghostscript, a program that does what the picture says."""
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *_: pytest.fail("Ghostscript was asked"))
    content = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n%%EOF\n"
    with pytest.raises(InputError, match=r"a.jpg: cannot be decoded \(its content is no picture of a format"):
        images.open_rgb(content, "a.jpg")


def test_a_bomb_is_named(tmp_path, monkeypatch):
    Image.new("L", (100, 100)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(InputError, match=r"a.png: cannot be decoded \(it has more than 0 million pixels\); make it"):
        decode(tmp_path / "a.png")


def test_one_pixel_wide(tmp_path):
    Image.new("RGB", (1, 900), "red").save(tmp_path / "a.png")
    assert images.cut(decode(tmp_path / "a.png"), (0, 0, 1, 1), 32).size == (32, 128)


def test_the_extension_may_lie(tmp_path):
    Image.new("RGB", (4, 4), "red").save(tmp_path / "a.jpg", format="PNG")
    assert decode(tmp_path / "a.jpg").getpixel((0, 0)) == (255, 0, 0)


@given(st.integers(1, 5000), st.integers(1, 5000), st.sampled_from([32, 160, 448]))
def test_fit_gives_whole_cells_and_the_short_edge(width, height, size):
    w, h = images.fit(width, height, size)
    assert min(w, h) == size and w % images.CELL == h % images.CELL == 0
    assert max(w, h) <= images.LONGEST * size
    assert (w >= h) == (width >= height) or w == h
    if max(width, height) <= images.LONGEST * min(width, height):
        assert abs(max(w, h) - max(width, height) / min(width, height) * size) <= images.CELL / 2 + 1e-6


@given(st.tuples(*[st.floats(0, 1)] * 4), st.integers(1, 40), st.integers(1, 40))
def test_any_box_can_be_cut(box, width, height):
    x0, x1 = sorted(box[:2])
    y0, y1 = sorted(box[2:])
    piece = images.cut(Image.new("RGB", (width, height)), (x0, y0, x1, y1), 32)
    assert min(piece.size) == 32


def test_cut_shows_what_is_in_the_box():
    picture = Image.new("RGB", (100, 50))
    picture.paste("red", (50, 0, 100, 50))
    assert np.asarray(images.cut(picture, (0.5, 0, 1, 1), 32))[:, 2:, 0].min() == 255
    assert np.asarray(images.cut(picture, (0, 0, 0.5, 1), 32))[:, :-2].max() == 0


def pack_of(folder):
    """What the download stage makes of the pictures in a folder."""
    with create(folder / "pictures.zip") as add:
        for path in sorted(folder.glob("*.png")):
            add(path.name, path.read_bytes())
    return Pack(folder / "pictures.zip")


def test_images_are_cut_from_their_originals(tmp_path):
    sizes = [(64, 48), (48, 64), (50, 50)]
    for n, size in enumerate(sizes):
        Image.effect_noise(size, 80).save(tmp_path / f"{n}.png")
    crops = np.array([[0, 0, 1, 1], [0, 0.5, 1, 1], [0.2, 0.2, 0.8, 0.8]])
    index = pd.DataFrame({"file": ["0.png", "1.png", "2.png"]})
    for n, (jpeg, values) in enumerate(images.cut_all(index, pack_of(tmp_path), crops, 32)):
        width, height, *crop, prepared_width, prepared_height, digest = values
        assert (width, height) == sizes[n] and crop == crops[n].tolist() and len(digest) == 16
        prepared = images.open_rgb(jpeg, "a")
        assert prepared.size == (prepared_width, prepared_height) and min(prepared.size) == 32


def test_many_images_come_in_order_and_twice_the_same(tmp_path):
    for n in range(100):
        Image.new("RGB", (32, 32), (n, n, n)).save(tmp_path / f"{n}.png")
    index = pd.DataFrame({"file": [f"{n}.png" for n in range(100)]})
    whole, pictures = np.tile([0.0, 0, 1, 1], (100, 1)), pack_of(tmp_path)
    one, two = (list(images.cut_all(index, pictures, whole, 32)) for _ in range(2))
    assert [images.open_rgb(jpeg, "a").getpixel((0, 0))[0] for jpeg, _ in one] == list(range(100)) and one == two


def test_a_picture_of_many_that_cannot_be_decoded_is_named(tmp_path):
    (tmp_path / "1.png").write_bytes(b"oops")
    index = pd.DataFrame({"file": ["1.png"]})
    with pytest.raises(InputError, match=r"pictures.zip: 1.png: cannot be decoded"):
        list(images.cut_all(index, pack_of(tmp_path), np.array([[0.0, 0, 1, 1]]), 32))


def test_all_pictures_that_cannot_be_decoded_are_named_at_once(tmp_path, capsys):
    for n in range(30):
        Image.new("RGB", (8, 8)).save(tmp_path / f"{n:02d}.png")
    for n in (3, 4, 29):
        (tmp_path / f"{n:02d}.png").write_bytes(b"oops")
    index = pd.DataFrame({"file": [f"{n:02d}.png" for n in range(30)]})
    with pytest.raises(InputError, match=r"^3 pictures cannot be decoded.*: 03.png, .*: 04.png, .*: 29.png; replace"):
        list(images.cut_all(index, pack_of(tmp_path), np.tile([0.0, 0, 1, 1], (30, 1)), 32))
    assert capsys.readouterr().out.count("its content is no picture of a format that Pillow reads") == 3


def test_a_damaged_pack_is_one_line_however_many_pictures_it_has(tmp_path, capsys):
    path = tmp_path / "pictures.zip"
    path.write_bytes(b"no ZIP")
    index = pd.DataFrame({"file": [f"{n}.jpg" for n in range(20)]})
    with pytest.raises(InputError, match=r"^\S+pictures.zip: damaged at '\d+.jpg' \(File is not a zip file\); delete"):
        list(images.cut_all(index, Pack(path), np.tile([0.0, 0.0, 1.0, 1.0], (20, 1)), 64))
    assert capsys.readouterr().out == ""


def test_a_bug_of_ours_is_no_damaged_picture(tmp_path, monkeypatch):
    Image.fromarray(np.zeros((4, 4), np.uint16)).save(tmp_path / "a.png")
    monkeypatch.setattr(images, "BITS", None)
    with pytest.raises(TypeError):
        decode(tmp_path / "a.png")
