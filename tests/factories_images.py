"""Pictures made by arithmetic, their files in every form, and a miniature picture model."""

from __future__ import annotations

import hashlib
import json
import struct
import tarfile
import zipfile
from io import BytesIO
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from skysort.pictures.decode import InputSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from skysort.pictures.bodies.request import PictureRequest
    from skysort.pictures.classify import PictureClassifier

GALAXY_INPUT = InputSpec(64, 64, None, 0.6, "black", measurements=True)
PHOTOGRAPH_INPUT = InputSpec(56, 56, 64, 1.0, "white")
COLOURS = ("red", "green", "blue", "grey")


def render(width: int = 96, height: int = 80, seed: int = 1) -> NDArray[np.uint8]:
    """A picture with smooth shades, edges and some texture, different for every seed: (height, width, 3)."""
    y, x = np.mgrid[0.0 : 1.0 : height * 1j, 0.0 : 1.0 : width * 1j]
    chance = np.random.default_rng(seed)
    picture = np.empty((height, width, 3))
    for channel in range(3):
        fx, fy, phase = (float(chance.uniform(low, high)) for low, high in ((1, 4), (1, 4), (0, 6)))
        picture[..., channel] = 127 + 80 * np.sin(fx * 3 * x + phase) * np.cos(fy * 3 * y)
    picture[(x - 0.4) ** 2 + (y - 0.6) ** 2 < 0.05] += 40
    return np.clip(picture + chance.normal(0, 3, picture.shape), 0, 255).astype(np.uint8)


def plain(colour: tuple[int, int, int], width: int = 40, height: int = 40) -> NDArray[np.uint8]:
    """A picture of one colour."""
    return np.full((height, width, 3), colour, np.uint8)


def encode(picture: NDArray[Any] | Image.Image, form: str = "PNG", **options: Any) -> bytes:
    """A picture as a file of one of Pillow's formats."""
    shown = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    file = BytesIO()
    shown.save(file, form, **options)
    return file.getvalue()


def exif(orientation: int) -> Image.Exif:
    """EXIF data with an orientation."""
    found = Image.Exif()
    found[0x0112] = orientation
    return found


def card(name: str, value: object) -> bytes:
    """One FITS header card."""
    shown = {True: "T", False: "F"}.get(value, value) if isinstance(value, bool) else value
    text = f"{name:<8}= '{value}'" if isinstance(value, str) else f"{name:<8}= {shown!s:>20}"
    return f"{text:<80}".encode("ascii")


def fits_file(planes: NDArray[Any], **cards: object) -> bytes:
    """A FITS file with one image: planes is (height, width) or (bands, height, width), the first row at the bottom."""
    bits = {"u1": 8, "i2": 16, "i4": 32, "i8": 64, "f4": -32, "f8": -64}[f"{planes.dtype.kind}{planes.itemsize}"]
    axes = {f"NAXIS{number}": size for number, size in enumerate(planes.shape[::-1], start=1)}
    header = {"SIMPLE": True, "BITPIX": bits, "NAXIS": planes.ndim, **axes, **cards}
    head = b"".join(card(name, value) for name, value in header.items()) + b"END".ljust(80)
    data = planes.astype(planes.dtype.newbyteorder(">")).tobytes()
    return head.ljust(-(-len(head) // 2880) * 2880) + data.ljust(-(-len(data) // 2880) * 2880, b"\0")


def tiff_file(
    width: int, height: int, tags: Mapping[int, int | Sequence[int]], *parts: bytes, order: str = "<"
) -> bytes:
    """A TIFF with some parts of data as its strips; tags: numbers, which win over those of an 8-bit RGB picture."""
    places = [8 + sum(map(len, parts[:number])) for number in range(len(parts))]
    own: dict[int, int | Sequence[int]] = {256: width, 257: height, 258: (8, 8, 8), 259: 1, 262: 2, 277: 3}
    own |= {278: height, 284: 1, 273: places, 279: [len(part) for part in parts], **tags}
    data = b"".join(parts)
    start = 8 + len(data)
    lists = {tag: [value] if isinstance(value, int) else list(value) for tag, value in sorted(own.items())}
    directory, behind = struct.pack(order + "H", len(lists)), b""
    at = start + 2 + 12 * len(lists) + 4
    for tag, values in lists.items():
        # Places and sizes in four bytes each, all else in two, as nearly every program writes them.
        kind, code = (4, "I") if tag in {273, 279, 324, 325} or max(values, default=0) > 65_535 else (3, "H")
        packed = struct.pack(f"{order}{len(values)}{code}", *values).ljust(4, b"\0")
        if len(packed) > 4:
            packed, behind = struct.pack(order + "I", at + len(behind)), behind + packed
        directory += struct.pack(order + "HHI", tag, kind, len(values)) + packed
    head = b"II*\0" if order == "<" else b"MM\0*"
    return head + struct.pack(order + "I", start) + data + directory + bytes(4) + behind


def sky(height: int = 80, width: int = 96, flux: float = 50.0, seed: int = 1) -> NDArray[np.float32]:
    """A round galaxy of exponential profile on noisy sky, one band: (height, width) float32."""
    y, x = np.mgrid[0:height, 0:width]
    radius = np.hypot(x - width / 2, y - height / 2)
    noise = np.random.default_rng(seed).normal(10, 1, (height, width))
    light: NDArray[np.float64] = noise + flux * np.exp(-radius / 6)
    return light.astype(np.float32)


def every_form(picture: NDArray[np.uint8]) -> dict[str, bytes]:
    """A picture in every accepted form."""
    frames = [Image.fromarray(picture), Image.fromarray(picture[::-1])]
    grey = Image.fromarray(picture).convert("L")
    return {
        "jpeg": encode(picture, "JPEG", quality=95),
        "jpeg_progressive": encode(picture, "JPEG", progressive=True),
        "jpeg_cmyk": encode(Image.fromarray(picture).convert("CMYK"), "JPEG"),
        "jpeg_grey": encode(grey, "JPEG"),
        "jpeg_turned": encode(picture, "JPEG", exif=exif(6)),
        "png": encode(picture),
        "png_grey": encode(grey),
        "png_palette": encode(Image.fromarray(picture).quantize(32)),
        "png_bits": encode(grey.convert("1")),
        "png_alpha": encode(Image.merge("RGBA", [*Image.fromarray(picture).split(), grey])),
        "png_16_bit": encode(Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)),
        "png_animated": encode(frames[0], "PNG", save_all=True, append_images=frames[1:]),
        "webp": encode(picture, "WEBP", quality=95),
        "webp_lossless": encode(picture, "WEBP", lossless=True),
        "webp_animated": encode(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
        "tiff": encode(picture, "TIFF"),
        "tiff_lzw": encode(picture, "TIFF", compression="tiff_lzw"),
        "tiff_deflate": encode(picture, "TIFF", compression="tiff_adobe_deflate"),
        "tiff_jpeg": encode(picture, "TIFF", compression="jpeg"),
        "tiff_16_bit": encode(Image.fromarray(np.asarray(grey).astype(np.uint16) * 257), "TIFF"),
        "tiff_float": encode(Image.fromarray(np.asarray(grey).astype(np.float32) * 3 + 7), "TIFF"),
        "gif": encode(picture, "GIF"),
        "gif_animated": encode(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "fits_bytes": fits_file(np.moveaxis(picture, -1, 0)[:, ::-1]),
        "fits_float": fits_file(sky()),
        "fits_integers": fits_file(sky().astype(np.int16), BZERO=100.0, BSCALE=0.5, BLANK=-1),
        "fits_bands": fits_file(np.stack([sky(seed=band, flux=20.0 * band) for band in (1, 2, 3)])),
    }


def multipart(parts: Sequence[tuple[str, str | None, bytes]], boundary: str = "b-17") -> tuple[bytes, str]:
    """A form of parts (name, file name, content), and its content type."""
    body = b""
    for name, filename, content in parts:
        file = "" if filename is None else f'; filename="{filename}"'
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode()
        body += content + b"\r\n"
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def zip_file(members: Mapping[str, bytes], **options: Any) -> bytes:
    """A zip archive."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def tar_file(members: Mapping[str, bytes], mode: str = "w:gz") -> bytes:
    """A tar archive, gzipped by default."""
    file = BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, BytesIO(content))
    return file.getvalue()


def picture_artefact(
    folder: Path,
    name: str = "image",
    spec: InputSpec = PHOTOGRAPH_INPUT,
    labels: Sequence[str] = COLOURS,
    batch: int | str = "n",
) -> Path:
    """A model that tells colours apart, with its card, in the form that model_export writes.

    The graph: mean colour -> linear -> softmax, its activation on a 7 x 7 grid, the mean colour as embedding.
    """
    folder.mkdir(parents=True)
    weights = np.zeros((3, len(labels)), np.float32)
    weights[[0, 1, 2], [0, 1, 2]] = 8.0
    weights[:, 3:] = 3.0
    grid = spec.height // 7
    constants = {
        "weights": weights,
        "kernel": np.ascontiguousarray(weights.T)[..., np.newaxis, np.newaxis],
        "scale": np.float32(1 / 255),
        "axes": np.array([2, 3], np.int64),
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["float", "scale"], ["scaled"]),
        helper.make_node("Transpose", ["scaled"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("ReduceMean", ["planes", "axes"], ["embedding"], keepdims=0),
        helper.make_node("MatMul", ["embedding", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        helper.make_node("AveragePool", ["planes"], ["pooled"], kernel_shape=[grid, grid], strides=[grid, grid]),
        helper.make_node("Conv", ["pooled", "kernel"], ["activation"]),
    ]
    count = len(labels)
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [batch, spec.height, spec.width, 3])],
        [
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [batch, count]),
            helper.make_tensor_value_info("activation", TensorProto.FLOAT, [batch, count, 7, 7]),
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [batch, 3]),
        ],
        [numpy_helper.from_array(np.asarray(value), key) for key, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    content = model.SerializeToString()
    (folder / f"{name}.onnx").write_bytes(content)
    card_document = {
        "name": name,
        "version": "0.1.0",
        "architecture": "mean colour",
        "labels": list(labels),
        "input": {**vars(spec), "name": "image"},
        "file": f"{name}.onnx",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "outputs": {"probabilities": [count], "activation": [count, 7, 7], "embedding": [3]},
        "conformal": {"coverage": 0.9, "method": "class thresholds", "thresholds": dict.fromkeys(labels, 0.2)},
    }
    if name == "image":
        card_document["wordnet_ids"] = [f"n{number:08d}" for number in range(count)]
        card_document["subsets"] = {"primary": ["n00000000", *labels[1:3]]}
    (folder / "card.json").write_text(json.dumps(card_document))
    return folder


def results_of(
    classifier: PictureClassifier, request: PictureRequest, query: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """The results of a request, each with predictions or an error."""
    return cast("list[dict[str, Any]]", classifier.answer(request, query or {})["results"])
