"""The other media: a file in, the file out, with what belongs to it; arrays become files where that needs no codec."""

from __future__ import annotations

import io
import json
import wave
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, final

from gitreg.errors import InvalidValueError, StorageError
from gitreg.sdk import values
from gitreg.sdk.media.base import Media, as_array, is_path, need, read_path


class _FileMedia(Media):
    """A medium whose bytes are those of a file."""

    formats: ClassVar[tuple[str, ...]]
    """The ends that its file's name may have."""

    @classmethod
    def _end(cls, name: str) -> str:
        """The end of a file's name that tells the format. Raises: InvalidValueError."""
        for end in cls.formats:
            if name == end or name.endswith(f".{end}"):
                return end
        raise InvalidValueError(
            f"'{name[:200]}' is no file of {cls.kind} by its name", hint=f"it may end with {', '.join(cls.formats)}"
        )

    @classmethod
    def _read(cls, source: Any, format: str | None) -> tuple[bytes, str]:
        """The bytes and format of a path, or of a file that is open; `format` is what the caller says."""
        if is_path(source):
            data, name = read_path(source, f"{cls.kind}")
            return data, cls._end(name)
        if not callable(getattr(source, "read", None)):
            raise InvalidValueError(
                f"{cls.kind} cannot be made of {type(source).__name__}", hint="give the path of a file"
            )
        data = source.read()
        name = Path(str(getattr(source, "name", "") or "")).name
        return data.encode() if isinstance(data, str) else bytes(data), cls._end(format or name.lower())


@final
class Audio(_FileMedia):
    """Sound: the file as it is, or numbers as WAV with 16 bits."""

    kind = "audio"
    formats = ("wav", "mp3", "flac", "ogg", "m4a", "aac", "opus")

    def __init__(self, data_or_path: Any, sample_rate: int | None = None, caption: str | None = None) -> None:
        """Make one from a path, or from numbers of shape `(samples,)` or `(samples, channels)` with a `sample_rate`.

        Floats are amplitudes in [-1, 1], what is beyond is cut off; integers are those of 16 bits. Raises:
        InvalidValueError (a ValueError).
        """
        if is_path(data_or_path) or callable(getattr(data_or_path, "read", None)):
            data, format = self._read(data_or_path, None)
        else:
            if not sample_rate:
                raise InvalidValueError("numbers become sound with a sample rate", hint="sample_rate=44100")
            data, format = _wav(as_array(data_or_path), int(sample_rate)), "wav"
        super().__init__(data, format, caption, {"sample_rate": sample_rate})

    @property
    def sample_rate(self) -> int | None:
        """Samples a second, as it was given."""
        return self._details.get("sample_rate")


def _wav(samples: Any, rate: int) -> bytes:
    numpy = need("numpy")
    if samples.ndim not in (1, 2) or samples.dtype.kind not in "iuf":
        raise InvalidValueError(f"no sound can be made of shape {samples.shape} of {samples.dtype}")
    if samples.dtype.kind == "f":
        samples = numpy.rint(numpy.nan_to_num(samples) * 32767)
    samples = samples.clip(-32768, 32767).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(samples.tobytes())
    return file.getvalue()


@final
class Video(_FileMedia):
    """Moving pictures: the file as it is, or frames as GIF."""

    kind = "video"
    formats = ("mp4", "webm", "gif", "ogg", "mov", "avi", "mkv")

    def __init__(
        self, data_or_path: Any, caption: str | None = None, fps: int | None = None, format: str | None = None
    ) -> None:
        """Make one from a path, an open file, or frames of shape `(time, channels, height, width)`.

        Frames are uint8 with 1 or 3 channels and become a GIF of `fps` frames a second (default 4). Raises:
        InvalidValueError (a ValueError), also for another `format` of frames: that needs an encoder.
        """
        if is_path(data_or_path) or callable(getattr(data_or_path, "read", None)):
            data, found = self._read(data_or_path, format)
        else:
            if format not in (None, "gif"):
                raise InvalidValueError(f"frames become GIF here, not {str(format)[:100]!r}", hint="give a file of it")
            data, found = _gif(as_array(data_or_path), fps or 4), "gif"
        super().__init__(data, found, caption, {"fps": fps})


def _gif(frames: Any, fps: int) -> bytes:
    pillow = need("PIL.Image")
    if frames.ndim != 4 or not len(frames) or frames.shape[1] not in (1, 3) or frames.dtype.kind not in "iu":
        raise InvalidValueError(
            f"no video can be made of shape {frames.shape} of {frames.dtype}",
            hint="integers from 0 to 255 of shape (time, channels, height, width)",
        )
    frames = frames.clip(0, 255).astype("uint8").transpose(0, 2, 3, 1)
    pictures = [pillow.fromarray(frame[:, :, 0] if frame.shape[2] == 1 else frame.copy()) for frame in frames]
    file = io.BytesIO()
    pictures[0].save(
        file, "GIF", save_all=True, append_images=pictures[1:], duration=1000 / fps, loop=0, optimize=False
    )
    return file.getvalue()


class _Text(_FileMedia):
    """A medium whose file is text."""

    @property
    def text(self) -> str:
        """What its file says."""
        return self._data.decode("utf-8", "replace")


@final
class Html(_Text):
    """A page."""

    kind = "html"
    formats = ("html", "htm")

    def __init__(
        self,
        data: Any,
        inject: bool = True,  # noqa: ARG002  # W&B's own styles, which there are none of
        data_is_not_path: bool = False,
        caption: str | None = None,
    ) -> None:
        """Make one from text, the path of a file that is there (its name ends with `.html`), or an open file.

        The page is kept as it is: nothing is added to it, whatever `inject` says.
        """
        is_file = is_path(data) and not data_is_not_path and str(data).lower().endswith((".html", ".htm"))
        if isinstance(data, str) and not is_file:
            super().__init__(data.encode("utf-8", "replace"), "html", caption)
        else:
            super().__init__(*self._read(data, "html"), caption)

    @property
    def html(self) -> str:
        """The page."""
        return self.text


@final
class Object3D(_Text):
    """A scene, a body, or a cloud of points."""

    kind = "object3d"
    formats = ("obj", "gltf", "glb", "babylon", "stl", "pts.json")

    def __init__(self, data_or_path: Any, caption: str | None = None, *, file_type: str | None = None) -> None:
        """Make one from a path, an open file of `file_type`, points, or W&B's mapping for a scene.

        Points are an array of shape `(points, 3)`, with a class as a fourth number or a colour as three more. Raises:
        InvalidValueError (a ValueError).
        """
        if is_path(data_or_path) or callable(getattr(data_or_path, "read", None)):
            data, format = self._read(data_or_path, file_type)
        else:
            data, format = _points(data_or_path), "pts.json"
        super().__init__(data, format, caption)

    @classmethod
    def from_file(cls, data_or_path: Any, file_type: str | None = None) -> Object3D:
        """Make one from a path, or an open file of `file_type`."""
        return cls(data_or_path, file_type=file_type)

    @classmethod
    def from_numpy(cls, data: Any) -> Object3D:
        """Make one from an array of points."""
        return cls(data)

    @classmethod
    def from_point_cloud(
        cls,
        points: Any,
        boxes: Any,
        vectors: Any = None,
        point_cloud_type: str = "lidar/beta",
    ) -> Object3D:
        """Make a scene from points, boxes around some of them, and arrows."""
        scene = {
            "type": point_cloud_type,
            "points": points,
            "boxes": boxes,
            "vectors": [] if vectors is None else vectors,
        }
        return cls(scene)


def _points(source: Any) -> bytes:
    if isinstance(source, Mapping):
        scene = {str(key): _all_numbers(item) for key, item in source.items()}
        return json.dumps(scene, allow_nan=False, separators=(",", ":")).encode()
    points = as_array(source)
    if points.ndim != 2 or points.shape[1] not in (3, 4, 6) or points.dtype.kind not in "iuf":
        raise InvalidValueError(
            f"no cloud of points can be made of shape {points.shape} of {points.dtype}",
            hint="numbers of shape (points, 3), (points, 4) or (points, 6)",
        )
    return json.dumps(points.tolist(), separators=(",", ":")).encode()


def _all_numbers(item: Any) -> Any:
    """Plain values with all their numbers: `values.plain` keeps only the shape of large arrays."""
    if isinstance(item, Mapping):
        return {str(key): _all_numbers(value) for key, value in item.items()}
    if isinstance(item, (list, tuple)):
        return [_all_numbers(value) for value in item]
    return item.tolist() if callable(getattr(item, "tolist", None)) else values.plain(item)


@final
class Molecule(_Text):
    """A molecule."""

    kind = "molecule"
    formats = ("pdb", "pqr", "mmcif", "mcif", "cif", "sdf", "sd", "gro", "mol2", "mmtf")

    def __init__(self, data_or_path: Any, caption: str | None = None, *, file_type: str | None = None) -> None:
        """Make one from a path, or an open file of `file_type`. Raises: InvalidValueError (a ValueError)."""
        super().__init__(*self._read(data_or_path, file_type), caption)


@final
class Plotly(_Text):
    """A figure of Plotly, as its JSON text."""

    kind = "plotly"
    formats = ("plotly.json",)

    def __init__(self, val: Any) -> None:
        """Make one from a figure, which knows `to_json`, or from the mapping that describes one."""
        if isinstance(val, Mapping):
            text = json.dumps(_all_numbers(val), separators=(",", ":"))
        elif callable(getattr(val, "to_json", None)):
            text = val.to_json()
        else:
            raise InvalidValueError(f"{type(val).__name__} is no figure of Plotly", hint="Image takes matplotlib's")
        super().__init__(text.encode(), "plotly.json")


@final
class Histogram(_Text):
    """How many values lie between two limits and the next."""

    kind = "histogram"
    formats = ("histogram.json",)
    MAX_LENGTH = 512

    def __init__(self, sequence: Any = None, np_histogram: tuple[Any, Any] | None = None, num_bins: int = 64) -> None:
        """Count numbers in `num_bins` bins, at most 512, or take the pair that `numpy.histogram` gives.

        Raises: InvalidValueError (a ValueError).
        """
        if np_histogram is None and sequence is None:
            raise InvalidValueError("a histogram needs numbers, or 'np_histogram'")
        if np_histogram is None:
            if not 0 < num_bins <= self.MAX_LENGTH:
                raise InvalidValueError(f"a histogram has 1 to {self.MAX_LENGTH} bins, not {num_bins}")
            numbers = as_array(sequence).ravel()
            try:
                np_histogram = need("numpy").histogram(numbers, bins=num_bins)
            except (TypeError, ValueError) as error:
                raise InvalidValueError(f"a histogram cannot be made: {error}") from error
        counts, limits = (as_array(item).tolist() for item in np_histogram)
        if len(counts) > self.MAX_LENGTH or len(limits) != len(counts) + 1:
            raise InvalidValueError(
                f"a histogram with {len(counts)} counts and {len(limits)} limits", hint="one limit more than counts"
            )
        text = json.dumps({"values": counts, "bins": limits}, separators=(",", ":"))
        super().__init__(text.encode(), "histogram.json")

    @property
    def histogram(self) -> list[float]:
        """How many values are in each bin. Raises: StorageError when the file is damaged."""
        return self._numbers("values")

    @property
    def bins(self) -> list[float]:
        """The limits of the bins, one more than there are bins. Raises: StorageError."""
        return self._numbers("bins")

    def _numbers(self, key: str) -> list[float]:
        try:
            return [float(number) for number in json.loads(self._data)[key]]
        except (ValueError, TypeError, LookupError, RecursionError) as error:
            raise StorageError("the file is no histogram") from error
