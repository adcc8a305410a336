"""A user's folder of downloaded data: the files that are expected in it, and what to say when they are missing."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...models.files import PathLike
from ...models.input_error import InputError

__all__ = ["DataFolder", "scaled"]


@dataclass(frozen=True)
class DataFolder:
    """The folder of one data set.

    Parameters
    ----------
    folder : path or None
        What the user gave: the ``root`` that torchvision was given.
    name : str
        Of the data set.
    maker : str
        The call that makes torchvision download it, with ``{}`` for the folder.
    """

    folder: PathLike | None
    name: str
    maker: str

    def read(self, file: str, *, zipped: bool = False) -> tuple[Path, bytes]:
        """Read a file, or with `zipped` the same with ``.gz`` at its end.

        Parameters
        ----------
        file : str
            Path inside of the folder.
        zipped : bool
            Whether a gzip file is as good.

        Returns
        -------
        path : Path
            The file that was read.
        content : bytes
            All of it, unzipped.

        Raises
        ------
        InputError
            If there is no folder or no such file, or it cannot be read.
        """
        path = self.path(file, zipped=zipped)
        try:
            content = path.read_bytes()
            return path, gzip.decompress(content) if path.suffix == ".gz" else content
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise InputError(f"damaged gzip file: {error}", file=str(path)) from None
        except OSError as error:
            raise InputError(f"cannot read: {error.strerror or error}", file=str(path)) from None

    def path(self, file: str, *, zipped: bool = False) -> Path:
        """Find a file; arguments and errors are those of `read`."""
        if self.folder is None:
            raise InputError(
                f"{self.name} needs a folder with {file}; torchvision makes it: {self.maker.format('FOLDER')}"
            )
        plain = Path(self.folder) / file
        for path in (plain, plain.with_name(plain.name + ".gz")) if zipped else (plain,):
            if path.is_file():
                return path
        also = " (or .gz)" if zipped else ""
        raise InputError(
            f"no such file{also}, which {self.name} needs; torchvision makes it: {self.maker.format(repr(str(self.folder)))}",
            file=str(plain),
        )


def scaled(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Bytes 0..255 as numbers from 0 to 1."""
    return np.divide(pixels, np.float32(255), dtype=np.float32)
