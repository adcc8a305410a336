"""What runs the blocks of README and of the site's pages (tests/site)."""

from __future__ import annotations

from pathlib import Path

import pytest
from documents import blocks_of, clean_folder, run_block, same_text

PAGE = """
```python
x = 2
print(x + 1)
print("1.5 s")
```

```text
3
0.25 s
```

<!-- not run: needs another machine -->
```console
rm -r nothing
```

```json title="m.market.json"
{"format": "fedmech-market/1"}
```

```console
fedmech solve m.market.json  # exit code 2
fedmech methods orp
```

```text
...
orp  {words} ...
```

Alone:

```text
3
```
"""


def test_the_runner_of_pages(tmp_path: Path) -> None:
    blocks = blocks_of(PAGE)
    assert [block.language for block in blocks] == ["python", "console", "json", "console"]
    assert [block.unrun for block in blocks] == [None, "needs another machine", None, None]
    assert [block.prints is not None for block in blocks] == [True, False, False, True]
    names: dict = {}
    with clean_folder(tmp_path):
        printed = [run_block(block, names) for block in blocks]
    assert same_text(blocks[0].prints or "", printed[0])
    assert (tmp_path / "m.market.json").exists()
    assert not same_text(blocks[3].prints or "", printed[3])


@pytest.mark.parametrize(
    ("wanted", "found", "same"),
    [
        ("a\n...\nd", "a\nb\nc\nd\n", True),
        ("a\n...\nd", "a\nb\nc\n", False),
        ("took 1 s", "took 2.25 s", True),
        ("seconds        0.1", "seconds        0.25", True),
        ("score          0.1", "score          0.25", False),
        ("took 1 score", "took 2 score", False),
        ("a", "a  \n", True),
        ("a.c", "abc", False),
        ("", "a", False),
    ],
)
def test_what_counts_as_the_same(wanted: str, found: str, same: bool) -> None:
    assert same_text(wanted, found) is same


@pytest.mark.parametrize(
    "code", ["```console\nls\n```", "```ruby\n1\n```", "```console\nfedmech solve none.json\n```", "    echo"]
)
def test_what_cannot_be_run_is_no_page(code: str, tmp_path: Path) -> None:
    (block,) = blocks_of(code)
    with clean_folder(tmp_path), pytest.raises(AssertionError):
        run_block(block, {})
