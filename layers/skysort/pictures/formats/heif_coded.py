"""The frame sizes in the coded data of HEIC and AVIF items: decoders trust these, not the container."""

from __future__ import annotations

from typing import Final

from skysort.errors import LimitExceededError, MalformedInputError
from skysort.limits import HEIF_PARTS

# HEVC (ITU-T H.265, 7.3.1 and 7.3.2.2).
_SPS, _FIRST_NOT_PICTURE, _HEAD = 33, 32, 2
_MAX_LAYERS, _444 = 6, 3
_SPS_BYTES: Final = 128  # of a parameter set that are read: the sizes come early
_CONFIGURATION: Final = 23  # bytes before the parameter sets
# AV1 (AV1 Bitstream Specification, 5.3 and 5.5).
_SEQUENCE, _FRAME_HEADER, _FRAME = 1, 3, 6
_LEB_BYTES, _TIER_FROM = 8, 7


class _Bits:
    """Reads bits, the highest first."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise MalformedInputError("the HEIC or AVIF picture is damaged: its coded data end inside a header")
        return self._value >> self._left & (1 << count) - 1

    def golomb(self) -> int:
        """An unsigned Exp-Golomb number (H.265, 9.2)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 32:  # noqa: PLR2004 - numbers have up to 32 bits
                raise MalformedInputError(
                    "the HEIC or AVIF picture is damaged: a number in its coded data does not end"
                )
        return (1 << zeros) - 1 + self.take(zeros)


def hevc(config: bytes, data: bytes) -> tuple[int, int]:
    """Pixels of the largest frame in HEVC data, 0 if unknown, and the number of frames."""
    # config: an hvcC box (ISO/IEC 14496-15, 8.3.3). data: an item's length-prefixed NAL units.
    size, units = _parameter_sets(config)
    frames = offset = parts = 0
    largest = max((_sps_pixels(unit) for unit in units), default=0)
    while offset + size + _HEAD < len(data):
        parts += 1
        if parts > HEIF_PARTS:
            raise LimitExceededError(f"a HEIC picture may have up to {HEIF_PARTS:,} units; this one has more")
        length = int.from_bytes(data[offset : offset + size], "big")
        kind = data[offset + size] >> 1 & 63
        if kind == _SPS:
            largest = max(largest, _sps_pixels(data[offset + size : offset + size + min(length, _SPS_BYTES)]))
        elif kind < _FIRST_NOT_PICTURE and data[offset + size + _HEAD] & 0x80:
            frames += 1
        offset += size + length
    return largest, frames


def _parameter_sets(config: bytes) -> tuple[int, list[bytes]]:
    """The size of the length prefix, and the sequence parameter sets."""
    if len(config) < _CONFIGURATION:
        raise MalformedInputError("the HEIC picture is damaged: its decoder configuration is missing")
    size, parameter_sets, offset = (config[21] & 3) + 1, [], _CONFIGURATION
    for _ in range(config[22]):
        kind = config[offset] & 63 if offset < len(config) else 0
        count = int.from_bytes(config[offset + 1 : offset + 3], "big")
        offset += 3
        for _ in range(count):
            length = int.from_bytes(config[offset : offset + 2], "big")
            if kind == _SPS:
                parameter_sets.append(config[offset + 2 : offset + 2 + min(length, _SPS_BYTES)])
            offset += 2 + length
            if offset >= len(config):
                return size, parameter_sets
    return size, parameter_sets


def _sps_pixels(unit: bytes) -> int:
    """Pixels of a frame, by its sequence parameter set (H.265, 7.3.2.2.1 and 7.3.3)."""
    bits = _Bits(unit[_HEAD:].replace(b"\0\0\3", b"\0\0"))
    bits.take(4)
    layers = bits.take(3)
    if layers > _MAX_LAYERS:
        raise MalformedInputError("the HEIC picture is damaged: its coded data have too many layers")
    bits.take(1 + 96)
    present = [(bits.take(1), bits.take(1)) for _ in range(layers)]
    if layers:
        bits.take(2 * (8 - layers))
    for profile, level in present:
        bits.take(88 * profile + 8 * level)
    bits.golomb()
    bits.take(bits.golomb() == _444)
    return bits.golomb() * bits.golomb()


def av1(config: bytes, data: bytes) -> tuple[int, int]:
    """Pixels of the largest frame in AV1 data, 0 if unknown, and the number of frames."""
    # config: an av1C box, whose OBUs begin after 4 bytes. data: an item's OBUs.
    largest = frames = 0
    parts = HEIF_PARTS
    for units in (config[4:], data):
        offset = 0
        while offset < len(units) and parts:
            parts -= 1
            kind, extended, sized = units[offset] >> 3 & 15, units[offset] >> 2 & 1, units[offset] >> 1 & 1
            offset += 1 + extended
            length, used = _leb128(units, offset) if sized else (len(units) - offset, 0)
            offset += used
            if kind == _SEQUENCE:
                largest = max(largest, _sequence_pixels(units[offset : offset + min(length, _SPS_BYTES)]))
            frames += kind in {_FRAME, _FRAME_HEADER}
            offset += length
    if not parts:
        raise LimitExceededError(f"an AVIF picture may have up to {HEIF_PARTS:,} units; this one has more")
    return largest, frames


def _leb128(data: bytes, offset: int) -> tuple[int, int]:
    """A LEB128 number, and its size in bytes (AV1, 4.10.5)."""
    value = 0
    for number, byte in enumerate(data[offset : offset + _LEB_BYTES]):
        value |= (byte & 127) << 7 * number
        if byte < 128:  # noqa: PLR2004 - the last byte
            return value, number + 1
    raise MalformedInputError("the AVIF picture is damaged: a length in its coded data does not end")


def _sequence_pixels(data: bytes) -> int:
    """Pixels of a frame, by its sequence header (AV1, 5.5.1)."""
    bits = _Bits(data)
    bits.take(4)
    if bits.take(1):
        bits.take(5)
    else:
        _skip_operating_points(bits)
    across, down = bits.take(4) + 1, bits.take(4) + 1
    return (bits.take(across) + 1) * (bits.take(down) + 1)


def _skip_operating_points(bits: _Bits) -> None:
    model = delay = 0
    if bits.take(1):
        bits.take(64)
        if bits.take(1):
            bits.golomb()
        model = bits.take(1)
        if model:
            delay = bits.take(5) + 1
            bits.take(42)
    shown = bits.take(1)
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        bits.take(bits.take(5) > _TIER_FROM)
        if model and bits.take(1):
            bits.take(2 * delay + 1)
        if shown and bits.take(1):
            bits.take(4)
