"""A proof about a folder as a file: a point, a bit for each row, what it is worth, and the leaves that bound all others.

Fields: ``format``; ``rows``, of each file; ``point``, the bits of each file in base 64; ``value`` and ``bound``, whole numbers of the
scores' units; ``leaves`` (`streamed`); ``seal``. There is no digest of the rows: all that is said is found anew in them.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...models.procurement.folder import Folder
from .document import require_whole, sealed
from .proof import Pulse, refuse
from .streamed import CheckedFolder, check_folder

__all__ = ["FORMAT", "check_folder_document", "folder_document"]

FORMAT = "fedmech-folder-proof/1"

FIELDS = {"format", "rows", "point", "value", "bound", "leaves", "seal"}


def folder_document(
    folder: Folder, chosen: Sequence[np.ndarray], value: int, bound: int, leaves: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return a point and the proof of a bound as they are written to a file."""
    point = [base64.b64encode(bits.tobytes()).decode() for bits in chosen]
    return sealed(
        {"format": FORMAT, "rows": list(folder.sizes), "point": point, "value": value, "bound": bound, "leaves": leaves}
    )


def check_folder_document(document: Any, folder: Folder, pulse: Pulse) -> CheckedFolder:
    """Verify that a document's point fits and is worth what it says, and that nothing is worth more than its bound.

    Raises
    ------
    ProofError
        Says what is wrong.
    """
    require_whole(document, FIELDS, FORMAT)
    if document["rows"] != list(folder.sizes):
        refuse("the document is for other files")
    if not isinstance(document["point"], list) or not all(isinstance(text, str) for text in document["point"]):
        refuse("point: must be a list of texts")
    try:
        bits = [np.frombuffer(base64.b64decode(text, validate=True), dtype=np.uint8) for text in document["point"]]
    except (binascii.Error, ValueError):
        refuse("point: is not in base 64")
    found = check_folder(folder, bits, document["leaves"], pulse)
    if type(document["value"]) is not int or found.value != document["value"]:
        refuse("the point is not worth that")
    if type(document["bound"]) is not int or found.bound > document["bound"]:
        refuse(f"the leaves prove no bound below {found.bound}: {'; '.join(found.open) or 'the point is worth more'}")
    return found
