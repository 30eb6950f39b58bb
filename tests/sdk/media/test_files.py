from __future__ import annotations

import io
import json
import wave
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from gitreg import Artifact, Audio, Histogram, Html, Molecule, Object3D, Plotly, Video
from gitreg.errors import InvalidValueError, StorageError
from gitreg.sdk.media import files, kinds
from gitreg.sdk.media.base import Media


def back(medium: Media, name: str = "m") -> Any:
    """What an artifact gives back, and not the same object."""
    artifact = Artifact("a", "b")
    artifact.add(medium, name)
    found = artifact.get(name)
    assert found is not medium
    return found


@pytest.mark.parametrize(
    ("made", "name"),
    [
        (Audio, "s.wav"),
        (Audio, "s.ogg"),
        (Video, "v.mp4"),
        (Video, "v.ogg"),
        (Video, "v.gif"),
        (Html, "p.html"),
        (Object3D, "o.glb"),
        (Object3D, "o.pts.json"),
        (Molecule, "m.pdb"),
    ],
)
def test_a_file_goes_in_and_comes_out(made: type[Any], name: str, tmp_path: Path) -> None:
    content = bytes(range(256))
    (tmp_path / name.upper()).write_bytes(content)
    for caption in (None, "words"):
        medium = made(tmp_path / name.upper(), caption=caption)
        assert (medium.data, medium.caption, medium.format) == (content, caption, name.partition(".")[2])
        found = back(medium)
        assert type(found) is made
        assert found == medium


@pytest.mark.parametrize(
    ("made", "name", "words"),
    [
        (Audio, "a.txt", "is no file of audio by its name"),
        (Video, "a.png", "is no file of video"),
        (Molecule, "pdb", "cannot be read"),
        (Object3D, "missing.obj", "cannot be read: No such file"),
        (Html, "missing.html", "cannot be read"),
        (Audio, "https://example.org/a.wav", "from the address"),
    ],
)
def test_what_is_no_such_file_is_refused(
    made: type[Any], name: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for there in ("a.txt", "a.png"):
        (tmp_path / there).write_text("x")
    with pytest.raises(InvalidValueError, match=words) as caught:
        made(name)
    assert isinstance(caught.value, (ValueError, TypeError))


@pytest.mark.parametrize("made", [Audio, Video, Html, Object3D, Molecule, Plotly, Histogram])
@pytest.mark.parametrize("thing", [None, object()])
def test_what_is_none_is_refused(made: type[Any], thing: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        made(thing)


def test_every_kind_has_its_ends_in_the_table_that_finds_them() -> None:
    classes = [item for item in vars(files).values() if isinstance(item, type) and issubclass(item, Media)]
    for made in classes:
        if "kind" in vars(made):
            assert kinds.media_class(made.kind) is made
            for end in vars(made)["formats"]:
                assert end in kinds.KIND_OF_END
    assert kinds.media_class("os") is None


class TestAudio:
    def test_numbers_become_sixteen_bits(self) -> None:
        audio = Audio(np.array([0.0, 1.0, -1.0, 2.0]), sample_rate=8000)
        with wave.open(io.BytesIO(audio.data)) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
            assert np.frombuffer(file.readframes(9), "<i2").tolist() == [0, 32767, -32767, 32767]
        assert back(audio).sample_rate == 8000
        stereo = Audio(np.zeros((5, 2), np.int16), sample_rate=np.int64(10))
        with wave.open(io.BytesIO(back(stereo).data)) as file:
            assert (file.getnchannels(), file.getnframes()) == (2, 5)

    def test_a_rate_is_needed(self) -> None:
        with pytest.raises(InvalidValueError, match="sample rate"):
            Audio([0, 1])
        with pytest.raises(InvalidValueError, match="no sound"):
            Audio(["a"], sample_rate=1)


class TestVideo:
    def test_frames_become_a_gif(self) -> None:
        frames = np.random.default_rng(1).integers(0, 255, (5, 3, 8, 6), np.uint8)
        video = Video(frames, fps=10)
        picture: Any = PIL.Image.open(io.BytesIO(video.data))
        assert (picture.n_frames, picture.size, picture.info["duration"]) == (5, (6, 8), 100)
        assert back(video, "clip.gif") == video
        assert Video(frames[:, :1]) == Video(frames[:, :1])
        with pytest.raises(InvalidValueError, match="become GIF here, not 'mp4'"):
            Video(frames, format="mp4")
        with pytest.raises(InvalidValueError, match="no video"):
            Video(frames[0])

    def test_an_open_file_needs_a_format(self) -> None:
        assert Video(io.BytesIO(b"x"), format="webm").format == "webm"
        with pytest.raises(InvalidValueError, match="by its name"):
            Video(io.BytesIO(b"x"))


class TestTexts:
    def test_a_page_is_kept_as_it_is(self, tmp_path: Path) -> None:
        assert back(Html("<p>hällo</p>")).html == "<p>hällo</p>"
        assert Html(io.StringIO("<p>")).text == "<p>"
        (tmp_path / "a.html").write_text("<b>")
        assert Html(str(tmp_path / "a.html")).html == "<b>"
        assert Html(str(tmp_path / "a.html"), data_is_not_path=True).html == str(tmp_path / "a.html")

    def test_points_and_scenes(self) -> None:
        points = np.array([[1, 2, 3], [4, 5, 6.5]])
        cloud = Object3D.from_numpy(points)
        assert json.loads(back(cloud).text) == points.tolist()
        scene = Object3D.from_point_cloud(points=np.ones((400, 3)), boxes=[{"label": "a", "corners": points}])
        found = json.loads(scene.text)
        assert (len(found["points"]), found["boxes"][0]["corners"][0]) == (400, [1, 2, 3])
        assert Object3D.from_file(io.StringIO("v 1 2 3"), "obj").format == "obj"
        with pytest.raises(InvalidValueError, match="no cloud"):
            Object3D(np.zeros((2, 2)))

    def test_molecules_from_an_open_file(self) -> None:
        assert back(Molecule(io.StringIO("ATOM"), file_type="pdb", caption="x")).text == "ATOM"

    def test_figures_of_plotly(self) -> None:
        class Figure:
            def to_json(self) -> str:
                return '{"data":[]}'

        assert back(Plotly(Figure())).text == '{"data":[]}'
        assert back(Plotly({"data": [np.arange(3)]})).text == '{"data":[[0,1,2]]}'

    def test_histograms(self) -> None:
        counted = Histogram([1, 2, 2, 3], num_bins=2)
        assert (back(counted).histogram, back(counted).bins) == ([1, 3], [1, 2, 3])
        given = Histogram(np_histogram=np.histogram([1, 2], bins=3))
        assert len(given.bins) == 4
        assert back(given) == given
        for wrong in ({"num_bins": 0, "sequence": [1]}, {"np_histogram": ([1], [1])}, {"sequence": ["a"]}, {}):
            with pytest.raises(InvalidValueError, match="histogram"):
                Histogram(**wrong)
        for text in (b"", b"[]", b"{}", b'{"values": 5}', b'{"values": [null]}'):
            with pytest.raises(StorageError, match="no histogram"):
                _ = Histogram._of(text, "histogram.json", None, {}).histogram
