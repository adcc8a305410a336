from __future__ import annotations

from pathlib import Path

import pytest
from fedmech.verification.formal.coq import compiled, sources


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all files compiled."""
    folder = tmp_path_factory.mktemp("whole")
    for name, text in sources().items():
        compiled(folder, name, text)
    return folder
