from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from gitreg import Image
from gitreg.errors import InvalidValueError, MissingExtraError, StorageError

RAMP: Any = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20


def shown(image: Image) -> list[Any]:
    found: list[Any] = image.to_data_array().tolist()
    return found


class TestPixels:
    def test_of_bytes_are_kept(self) -> None:
        assert shown(Image(RAMP)) == RAMP.tolist()
        assert shown(Image(RAMP.astype(np.int64))) == RAMP.tolist()

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ([[0.0, 0.5], [1.0, 0.25]], [[0, 128], [255, 64]]),  # [0, 1]: by 255
            ([[-1.0, 0.0], [1.0, -0.5]], [[0, 128], [255, 64]]),  # [-1, 1]: from the middle
            ([[0.0, 128.4], [300.0, -5.0]], [[0, 128], [255, 0]]),  # brightness, cut off
            ([[float("nan"), 1.0], [float("inf"), 0.0]], [[0, 1], [255, 0]]),
            ([[True, False], [False, True]], [[255, 0], [0, 255]]),
            ([[-5, 300], [7, 1]], [[0, 255], [7, 1]]),
        ],
    )
    def test_of_other_numbers_are_scaled_or_cut_off(self, values: list[Any], expected: list[Any]) -> None:
        assert shown(Image(np.array(values))) == expected

    def test_are_not_scaled_when_nobody_wants_that(self) -> None:
        assert shown(Image(np.array([[0.0, 1.0]]), normalize=False)) == [[0, 1]]

    @pytest.mark.parametrize(
        ("shape", "size", "mode"),
        [
            ((3, 4), (4, 3), "L"),
            ((3, 4, 1), (4, 3), "L"),
            ((1, 3, 5), (5, 3), "L"),
            ((1, 3, 4, 1), (4, 3), "L"),
            ((3, 4, 3), (4, 3), "RGB"),
            ((3, 4, 4), (4, 3), "RGBA"),
            ((1, 1), (1, 1), "L"),
            ((1, 1, 3), (1, 1), "RGB"),
        ],
    )
    def test_have_one_three_or_four_channels(self, shape: tuple[int, ...], size: tuple[int, int], mode: str) -> None:
        image = Image(np.zeros(shape, np.float32))
        assert (image.size, image.image.mode, image.format) == (size, mode, "png")

    @pytest.mark.parametrize(
        "data",
        [np.zeros((2, 2, 5)), np.zeros(4), np.zeros((0, 3)), np.array([["a"]]), object(), None, [[1], [2, 3]], 5],
        ids=lambda data: f"{type(data).__name__}{getattr(data, 'shape', '')}",
    )
    def test_are_refused_when_they_are_none(self, data: Any) -> None:
        with pytest.raises(InvalidValueError, match="image"):
            Image(data)

    def test_of_a_tensor_have_the_channels_first(self) -> None:
        class Tensor:
            """What torch's tensors offer."""

            dtype = "torch.bfloat16"
            __module__ = "torch"

            def detach(self) -> Tensor:
                return self

            cpu = float = detach

            def numpy(self) -> Any:
                return np.stack([RAMP, RAMP, np.zeros_like(RAMP)])

        image = Image(Tensor())
        assert (image.size, image.image.mode) == ((4, 3), "RGB")

    def test_of_a_later_change_are_not_seen(self) -> None:
        array = RAMP.copy()
        image = Image(array)
        array[:] = 0
        assert shown(image) == RAMP.tolist()


class TestSources:
    def test_pictures_of_pillow_in_any_mode(self) -> None:
        for mode in ("1", "L", "P", "RGB", "RGBA", "CMYK", "HSV", "I;16", "F", "LAB"):
            assert Image(PIL.Image.new(mode, (2, 3))).size == (2, 3)
        assert Image(RAMP, mode="RGB").image.mode == "RGB"
        with pytest.raises(InvalidValueError, match="cannot become 'nonsense'"):
            Image(RAMP, mode="nonsense")

    def test_figures_of_matplotlib(self) -> None:
        import matplotlib as mpl

        mpl.use("Agg")
        from matplotlib import pyplot as plt

        figure, axes = plt.subplots(figsize=(2, 1), dpi=50)
        axes.plot([1, 2])
        assert Image(figure).size == (100, 50)
        assert Image(axes) == Image(figure) == Image(plt)
        plt.close(figure)

    def test_a_files_bytes_are_kept_as_they_are(self, tmp_path: Path) -> None:
        for name, format in (
            ("a.png", "PNG"),
            ("a.jpeg", "JPEG"),
            ("a.gif", "GIF"),
            ("a.webp", "WEBP"),
            ("b.tif", "TIFF"),
        ):
            path = tmp_path / name
            PIL.Image.fromarray(RAMP).save(path, format)
            image = Image(str(path))
            assert (image.data, image.format) == (path.read_bytes(), name.partition(".")[2])
            assert Image(path.read_bytes()).size == (4, 3)
        lying = tmp_path / "photo.png"
        (tmp_path / "a.jpeg").rename(lying)
        assert Image(lying).format == "jpg"
        Image(lying).save(tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == lying.read_bytes()

    def test_what_is_no_picture_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        path.write_text("text")
        with pytest.raises(ValueError, match="hold no picture"):
            Image(path)
        with pytest.raises(ValueError, match="cannot be read: No such file"):
            Image(tmp_path / "nothing.png")
        with pytest.raises(ValueError, match="from the address"):
            Image("https://example.org/a.png")
        with pytest.raises(ValueError, match="cannot become 'exe'"):
            Image(RAMP, file_type="exe")

    def test_another_format_may_be_asked_for(self) -> None:
        assert Image(RAMP, file_type="jpg").data.startswith(b"\xff\xd8")
        assert Image(np.zeros((2, 2, 4), np.uint8), file_type="jpg").image.mode == "RGB"
        assert Image(RAMP, file_type="bmp").size == (4, 3)

    def test_another_image_with_other_words(self) -> None:
        first = Image(RAMP, caption="one", grouping=3)
        again = Image(first, caption="two")
        assert (again.data, again.caption, again.grouping) == (first.data, "two", 3)
        assert first != again
        assert Image(first) == first
        assert hash(Image(first)) == hash(first)


class TestNotes:
    def test_boxes_classes_and_masks_are_kept(self) -> None:
        mask = np.array([[0, 1], [2, 255]], np.uint8)
        image = Image(
            np.zeros((2, 2)),
            classes=[{"id": 1, "name": "cat"}],
            boxes={"seen": {"box_data": [{"position": {"minX": 0.1}, "class_id": 1}]}},
            masks={"truth": {"mask_data": mask, "class_labels": {1: "cat"}}},
        )
        assert image.classes == [{"id": 1, "name": "cat"}]
        assert image.boxes == {"seen": {"box_data": [{"position": {"minX": 0.1}, "class_id": 1}]}}
        assert image.masks
        assert image.masks["truth"]["mask_data"].tolist() == mask.tolist()
        assert image.masks["truth"]["class_labels"] == {"1": "cat"}
        plain = Image(RAMP)
        assert (plain.classes, plain.boxes, plain.masks, plain.caption, plain.grouping) == (None,) * 5

    @pytest.mark.parametrize("mask", [{}, {"mask_data": np.zeros(3)}, {"mask_data": np.full((2, 2), 256)}])
    def test_a_mask_is_an_array_of_classes(self, mask: Any) -> None:
        with pytest.raises(InvalidValueError, match="mask"):
            Image(RAMP, masks={"a": mask})


def png(width: int, height: int) -> bytes:
    """A PNG that says how large it is, and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


class TestStrangersBytes:
    def test_a_bomb_is_not_decoded(self) -> None:
        bomb = Image(png(60_000, 60_000))
        for look in (lambda: bomb.image, bomb.to_data_array, lambda: bomb.size):
            with pytest.raises(StorageError, match="not decoded"):
                look()

    @pytest.mark.parametrize(
        "data", [b"", b"text", png(10, 10)[:40], b"\x89PNG\r\n\x1a\n", b"%!PS-Adobe-3.0 EPSF-3.0\n"]
    )
    def test_what_is_damaged_is_an_error_of_ours(self, data: bytes) -> None:
        with pytest.raises(StorageError, match=r"no picture|cannot be decoded"):
            _ = Image._of(data, "png", None, {}).image

    def test_a_malformed_mask_is_an_error_of_ours(self) -> None:
        for mask in (None, {}, {"data": 5}, {"data": "?"}, {"data": "aGVsbG8="}):
            with pytest.raises(StorageError):
                _ = Image._of(png(1, 1), "png", None, {"masks": {"a": mask}}).masks


def test_the_same_pixels_give_the_same_bytes_in_another_process() -> None:
    script = "import numpy, sys, gitreg; sys.stdout.buffer.write(gitreg.Image(numpy.arange(6.).reshape(2, 3) / 6).data)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout == Image(np.arange(6.0).reshape(2, 3) / 6).data


def test_a_missing_library_is_named_with_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(MissingExtraError, match="'PIL' is not installed") as caught:
        Image(RAMP)
    assert caught.value.hint == "pip install 'gitreg[tables]'"
    buffer = io.BytesIO(png(1, 1)).getvalue()
    assert Image(buffer).data == buffer
