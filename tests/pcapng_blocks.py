"""pcapng files for tests, block by block, in either byte order."""

import struct


class Maker:
    """Writes blocks in one byte order ("<" or ">")."""

    def __init__(self, order: str = "<") -> None:
        self.order = order

    def pack(self, form: str, *values: int) -> bytes:
        return struct.pack(self.order + form, *values)

    def block(self, kind: int, body: bytes) -> bytes:
        body += b"\0" * (-len(body) % 4)
        size = self.pack("I", len(body) + 12)
        return self.pack("I", kind) + size + body + size

    def section(self) -> bytes:
        return self.block(0x0A0D0D0A, self.pack("IHHq", 0x1A2B3C4D, 1, 0, -1))

    def option(self, code: int, value: bytes) -> bytes:
        return self.pack("HH", code, len(value)) + value + b"\0" * (-len(value) % 4)

    def interface(
        self, link: int = 1, snap: int = 0, resolution: int | None = None, offset: int | None = None
    ) -> bytes:
        options = self.option(2, b"eth0")
        if resolution is not None:
            options += self.option(9, bytes([resolution]))
        if offset is not None:
            options += self.option(14, self.pack("q", offset))
        return self.block(1, self.pack("HHI", link, 0, snap) + options + self.option(0, b""))

    def enhanced(
        self, ticks: int, data: bytes, length: int = 60, interface: int = 0, claimed: int | None = None
    ) -> bytes:
        size = len(data) if claimed is None else claimed
        head = self.pack("IIIII", interface, ticks >> 32, ticks & 0xFFFFFFFF, size, length)
        return self.block(6, head + data + b"\0" * (-len(data) % 4) + self.option(1, b"a comment"))

    def simple(self, data: bytes, length: int) -> bytes:
        return self.block(3, self.pack("I", length) + data)

    def old(self, ticks: int, data: bytes, length: int = 60, interface: int = 0) -> bytes:
        head = self.pack("HHIIII", interface, 0xFFFF, ticks >> 32, ticks & 0xFFFFFFFF, len(data), length)
        return self.block(2, head + data)


LITTLE, BIG = Maker("<"), Maker(">")
