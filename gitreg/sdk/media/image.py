"""`Image`: from pixels, a picture or a file to encoded bytes, and back to pixels when somebody looks."""

from __future__ import annotations

import base64
import binascii
import io
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

from gitreg.errors import InvalidValueError, StorageError
from gitreg.sdk import values
from gitreg.sdk.media.base import Media, as_array, is_path, need, read_path

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpg"),
    (b"GIF8", "gif"),
    (b"BM", "bmp"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
)
_PILLOW = {"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "bmp": "BMP"}
# What Pillow may try: some of its other readers start programs.
_READ = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")
_SAVE: dict[str, dict[str, Any]] = {"PNG": {"compress_level": 6}, "JPEG": {"quality": 75}, "BMP": {}}
_MODES = {
    "PNG": {"1", "L", "LA", "I;16", "P", "RGB", "RGBA"},
    "JPEG": {"L", "RGB", "CMYK"},
    "BMP": {"1", "L", "P", "RGB", "RGBA"},
}


@final
class Image(Media):
    """A picture, kept as encoded bytes."""

    kind = "image"

    def __init__(  # noqa: PLR0917  # W&B's signature
        self,
        data_or_path: Any,
        mode: str | None = None,
        caption: str | None = None,
        grouping: int | None = None,
        classes: Sequence[Mapping[str, Any]] | None = None,
        boxes: Mapping[str, Any] | None = None,
        masks: Mapping[str, Any] | None = None,
        file_type: str | None = None,
        normalize: bool = True,
    ) -> None:
        """Make one from an array, a tensor, a picture of Pillow, a figure of matplotlib, the path of a file, or bytes.

        An array is `(height, width)` or `(height, width, channels)` with 1, 3 or 4 channels; a tensor of torch is
        `(channels, height, width)`. Other axes of length 1 are left out.

        **Floats in [0, 1] are scaled by 255**; those of an array with negative numbers, and none beyond [-1, 1], from
        [-1, 1] to [0, 255]. Other floats, and integers, are brightness from 0 to 255: what is beyond is cut off, and
        NaN is black. `normalize=False` scales nothing. True is white.

        Arrays, pictures and figures become PNG, or what `file_type` says (`png`, `jpg`, `bmp`), in Pillow's `mode` when
        that is given. The bytes of a file are kept as they are.

        Raises: InvalidValueError (a ValueError and TypeError) for what is no picture; MissingExtraError.
        """
        details = {
            "grouping": grouping,
            "classes": values.plain(classes),
            "boxes": values.plain(boxes),
            "masks": None if masks is None else {str(key): _mask(mask) for key, mask in masks.items()},
        }
        if isinstance(data_or_path, Image):
            own = {key: item for key, item in data_or_path._details.items() if key not in ("boxes", "masks")}
            details = {**own, **{key: item for key, item in details.items() if item is not None}}
            caption = data_or_path.caption if caption is None else caption
            data, format = data_or_path.data, data_or_path.format
        elif is_path(data_or_path) or isinstance(data_or_path, bytes):
            data, format = _from_bytes(data_or_path)
        else:
            format = (file_type or "png").lower()
            if format not in _PILLOW:
                raise InvalidValueError(f"an image cannot become {format[:100]!r}", hint="png, jpg or bmp")
            data = _encode(_picture(data_or_path, normalize=normalize), mode, _PILLOW[format])
        super().__init__(data, format, caption, details)

    @property
    def image(self) -> Picture:
        """The picture as an object of Pillow, decoded anew.

        Raises: StorageError when the bytes are no picture, or one of more pixels than Pillow's limit for bombs.
        """
        return _decode(self._data)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels; only the head is decoded. Raises: StorageError."""
        return _open(self._data).size

    @property
    def grouping(self) -> int | None:
        """The number of the group that it is shown with."""
        return self._details.get("grouping")

    @property
    def classes(self) -> list[dict[str, Any]] | None:
        """The classes that boxes and masks speak of: mappings with `id` and `name`."""
        return self._details.get("classes")

    @property
    def boxes(self) -> dict[str, Any] | None:
        """Groups of bounding boxes by name, with text as keys all the way down."""
        return self._details.get("boxes")

    @property
    def masks(self) -> dict[str, Any] | None:
        """Masks by name, each with `mask_data`, an array of the classes' numbers. Raises: StorageError."""
        masks = self._details.get("masks")
        return None if masks is None else {key: _unmasked(mask) for key, mask in masks.items()}

    def to_data_array(self) -> Any:
        """The pixels as a uint8 array, `(height, width)` or `(height, width, channels)`. Raises: StorageError."""
        numpy = need("numpy")
        picture = self.image
        if picture.mode in ("P", "1", "CMYK"):
            picture = picture.convert(
                {"P": "RGBA" if "transparency" in picture.info else "RGB", "1": "L"}.get(picture.mode, "RGB")
            )
        return numpy.array(picture)


def format_of(data: bytes) -> str:
    """The format of a picture by its first bytes, '' when it is none of those that are known."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    return next((format for magic, format in _MAGIC if data.startswith(magic)), "")


def _from_bytes(source: Any) -> tuple[bytes, str]:
    data, name = (source, "the bytes") if isinstance(source, bytes) else read_path(source, "an image")
    format = format_of(data)
    if not format:
        what = "these bytes" if isinstance(source, bytes) else f"'{os.fspath(source)}'"
        raise InvalidValueError(f"{what} hold no picture of a known format", hint="PNG, JPEG, GIF, BMP, TIFF or WebP")
    # 'photo.jpeg' and 'photo.tif' keep their end
    own = name.rpartition(".")[2]
    return data, own if own in ("jpeg", "tif") and own[0] == format[0] else format


def _picture(data: Any, *, normalize: bool) -> Any:
    """The object of Pillow that shows what was given."""
    pillow = need("PIL.Image")
    if isinstance(data, pillow.Image):
        return data
    module = type(data).__module__.partition(".")[0]
    if module == "matplotlib" or getattr(data, "__name__", "").startswith("matplotlib"):
        return _figure(data)
    is_torch = module == "torch"
    try:
        array = as_array(data)
    except (TypeError, ValueError) as error:
        raise InvalidValueError(f"no image can be made of this: {error}") from error
    if is_torch and array.ndim == 3:
        array = array.transpose(1, 2, 0)
    while array.ndim > 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    elif array.ndim == 3 and array.shape[0] == 1 and array.shape[2] not in (3, 4):
        array = array[0]
    if array.dtype.kind not in "biuf" or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise InvalidValueError(
            f"no image can be made of {type(data).__name__} with shape {tuple(array.shape)} of {array.dtype}",
            hint="numbers of shape (height, width) or (height, width, channels), with 1, 3 or 4 channels",
        )
    if not array.size:
        raise InvalidValueError(f"an image of shape {tuple(array.shape)} has no pixels")
    return pillow.fromarray(_bytes(array, normalize=normalize))


def _bytes(array: Any, *, normalize: bool) -> Any:
    """Pixels as uint8, see `Image.__init__`."""
    numpy = need("numpy")
    kind = array.dtype.kind
    if kind == "b":
        array = array.astype(numpy.uint8) * 255
    elif kind == "f":
        array = numpy.nan_to_num(
            array.astype(numpy.float64 if array.itemsize > 4 else numpy.float32), posinf=255, neginf=0
        )
        low, high = array.min(), array.max()
        if normalize and low >= 0 and high <= 1:
            array = array * 255
        elif normalize and low >= -1 and high <= 1:
            array = (array + 1) * 127.5
        array = numpy.rint(array)
    if array.dtype != numpy.uint8:
        array = array.clip(0, 255).astype(numpy.uint8)
    return numpy.ascontiguousarray(array)


def _figure(data: Any) -> Any:
    """What a figure, an axes or another artist of matplotlib shows, or the current figure of `pyplot`."""
    if not hasattr(data, "savefig"):
        data = getattr(data, "figure", None) or data.get_figure()
    file = io.BytesIO()
    data.savefig(file, format="png", metadata={"Software": None})
    return _decode(file.getvalue())


def _encode(picture: Any, mode: str | None, pillow_format: str) -> bytes:
    if mode is not None and picture.mode != mode:
        try:
            picture = picture.convert(mode)
        except ValueError as error:
            raise InvalidValueError(
                f"an image of mode '{picture.mode}' cannot become {mode[:100]!r}: {error}"
            ) from error
    if picture.mode not in _MODES[pillow_format]:
        picture = picture.convert("RGBA" if picture.mode in ("PA", "La", "RGBa") and pillow_format == "PNG" else "RGB")
    file = io.BytesIO()
    picture.save(file, pillow_format, **_SAVE[pillow_format])
    return file.getvalue()


def _open(data: bytes) -> Picture:
    pillow = need("PIL.Image")
    try:
        picture: Picture = pillow.open(io.BytesIO(data), formats=_READ)
    except pillow.DecompressionBombError as error:
        raise StorageError(
            f"the picture is not decoded: {error}", hint="if you trust it, raise PIL.Image.MAX_IMAGE_PIXELS"
        ) from error
    except (OSError, ValueError, SyntaxError) as error:
        raise StorageError(f"the bytes are no picture that can be read: {error}") from error
    return picture


def _decode(data: bytes) -> Picture:
    picture = _open(data)
    try:
        picture.load()
    except (OSError, ValueError, SyntaxError) as error:
        raise StorageError(f"the picture cannot be decoded: {error}") from error
    return picture


def _mask(mask: Mapping[str, Any]) -> dict[str, Any]:
    """A mask as it is recorded: its numbers as a PNG in base64."""
    if "mask_data" in mask:
        numbers = as_array(mask["mask_data"])
        if (
            numbers.ndim != 2
            or numbers.dtype.kind not in "biu"
            or (numbers.size and not 0 <= numbers.min() <= numbers.max() <= 255)
        ):
            raise InvalidValueError(
                f"a mask of shape {numbers.shape} of {numbers.dtype} is no array of classes",
                hint="numbers from 0 to 255, of shape (height, width)",
            )
        data = _encode(need("PIL.Image").fromarray(numbers.astype("uint8")), None, "PNG")
    elif "path" in mask:
        data, _ = _from_bytes(mask["path"])
    else:
        raise InvalidValueError("a mask needs 'mask_data' or 'path'")
    more = {key: values.plain(item) for key, item in mask.items() if key not in ("mask_data", "path")}
    return {"data": base64.b64encode(data).decode(), **more}


def _unmasked(mask: Any) -> dict[str, Any]:
    try:
        data = base64.b64decode(mask["data"], validate=True)
        more = {key: item for key, item in mask.items() if key != "data"}
    except (TypeError, KeyError, ValueError, AttributeError, binascii.Error) as error:
        raise StorageError("a mask of the picture is malformed") from error
    return {"mask_data": need("numpy").array(_decode(data)), **more}
