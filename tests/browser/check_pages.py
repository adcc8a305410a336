"""Open pages in Chromium at several widths, light and dark, and say what is wrong with them.

    python tests/browser/check_pages.py --axe node_modules/axe-core/axe.min.js PAGE.html ...

Nothing may overflow, no text of a figure may leave it or cover another, the console stays empty, nothing is asked of a network, axe-core finds
nothing serious, and a line that filters a table filters it. Chromium is spoken to over a pipe, so that nothing else is needed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from itertools import count
from pathlib import Path
from typing import Any

WIDTHS = (360, 768, 1600)

LAYOUT = """(() => {
  const wrong = [], root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) wrong.push(`the page is ${root.scrollWidth} wide in ${root.clientWidth}`);
  for (const one of document.querySelectorAll("body *")) {
    if (one.closest(".scroll") && !one.matches(".scroll") || one.closest("svg") || !one.getClientRects().length) continue;
    const box = one.getBoundingClientRect();
    if (box.right > root.clientWidth + 1 || box.left < -1) wrong.push(`<${one.tagName}> reaches from ${box.left} to ${box.right}`);
  }
  for (const figure of document.querySelectorAll("svg")) {
    const around = figure.getBoundingClientRect();
    const texts = [...figure.querySelectorAll("text")].map((text) => [text.textContent, text.getBoundingClientRect()]);
    texts.forEach(([name, box], at) => {
      if (box.left < around.left - 1 || box.right > around.right + 1 || box.top < around.top - 1 || box.bottom > around.bottom + 1)
        wrong.push(`"${name}" leaves its figure`);
      for (const [other, there] of texts.slice(at + 1))
        if (box.left < there.right - 1 && there.left < box.right - 1 && box.top < there.bottom - 2 && there.top < box.bottom - 2)
          wrong.push(`"${name}" covers "${other}"`);
    });
  }
  return wrong;
})()"""

FILTER = """(() => {
  const wrong = [];
  for (const box of document.querySelectorAll(".filter")) {
    const rows = [...document.getElementById(box.dataset.table).tBodies[0].rows], words = box.querySelector("input");
    const shown = () => rows.filter((row) => !row.hidden);
    if (box.hidden || shown().length !== rows.length) wrong.push("a filter does not begin with all rows");
    const type = (text) => { words.value = text; words.dispatchEvent(new Event("input")); };
    const wanted = rows.at(-1).cells[0].textContent;
    type(wanted.toUpperCase());
    if (!shown().includes(rows.at(-1)) || shown().some((row) => !row.textContent.toUpperCase().includes(wanted.toUpperCase())))
      wrong.push(`the filter does not find ${wanted}`);
    type("no row has these words");
    if (shown().length || !box.querySelector("output").textContent.startsWith("0 of")) wrong.push("the filter shows rows that it ought to hide");
    type("");
    const kind = box.querySelector("select");
    if (kind) {
      kind.value = kind.options[1].value;
      kind.dispatchEvent(new Event("change"));
      if (!shown().length || shown().some((row) => row.cells[kind.dataset.column].textContent !== kind.value)) wrong.push("the list does not choose rows");
      kind.value = "";
      kind.dispatchEvent(new Event("change"));
    }
    if (shown().length !== rows.length) wrong.push("a filter does not end with all rows");
  }
  return wrong;
})()"""

AXE = """axe.run().then((found) => found.violations
  .filter((one) => ["serious", "critical"].includes(one.impact))
  .map((one) => `axe: ${one.id}: ${one.help}: ${one.nodes[0].html.slice(0, 200)}`))"""


class Browser:
    """Chromium without a window, spoken to by its DevTools protocol over two pipes."""

    def __init__(self, program: str, home: str) -> None:
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        flags = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--remote-debugging-pipe",
        ]
        # Three and four are where Chromium reads and writes.
        words = [
            "sh",
            "-c",
            f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}',
            "sh",
            program,
            *flags,
            f"--user-data-dir={home}",
            "about:blank",
        ]
        self.process = subprocess.Popen(words, pass_fds=(theirs_in, theirs_out), stderr=subprocess.DEVNULL)
        os.close(theirs_in)
        os.close(theirs_out)
        self._numbers, self._rest = count(1), b""
        self.events: list[dict[str, Any]] = []
        pages = self.call("Target.getTargets")["targetInfos"]
        target = next(page["targetId"] for page in pages if page["type"] == "page")
        self._session: str | None = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    _session: str | None = None

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method and wait for its answer; events that come before it are kept."""
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def wait_for(self, method: str) -> None:
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self._next())

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            read = os.read(self._in, 1 << 20)
            if not read:
                raise RuntimeError("Chromium has ended")
            self._rest += read
        first, _, self._rest = self._rest.partition(b"\0")
        return json.loads(first)

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression of JavaScript, awaited."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise RuntimeError(json.dumps(found["exceptionDetails"])[:2_000])
        return found["result"].get("value")


def complaints(browser: Browser, page: Path, axe: str) -> list[str]:
    """Everything that is wrong with one page."""
    found: list[str] = []
    for width in WIDTHS:
        for scheme in ("light", "dark"):
            browser.events.clear()
            browser.call(
                "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500
            )
            browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            browser.call("Page.navigate", url=page.resolve().as_uri())
            browser.wait_for("Page.loadEventFired")
            wrong = browser.evaluate(LAYOUT)
            browser.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            wrong += browser.evaluate(LAYOUT)
            wrong += browser.evaluate(FILTER)
            wrong += _heard(browser.events)
            browser.evaluate(axe + "; 0")
            wrong += browser.evaluate(AXE)
            found += [f"{page.name}, {width} px, {scheme}: {text}" for text in dict.fromkeys(wrong)]
    return found


def _heard(events: list[dict[str, Any]]) -> list[str]:
    """What the console says, and what was asked of a network."""
    found = []
    for event in events:
        method, about = event.get("method"), event.get("params", {})
        if method in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"):
            found.append(f"console: {json.dumps(about)[:300]}")
        if method == "Network.requestWillBeSent" and not about["request"]["url"].startswith(("file:", "data:")):
            found.append(f"asks for {about['request']['url']}")
    return found


def main() -> int:
    """Check the pages that are named; the exit code is 1 if something is wrong with one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="+", type=Path)
    parser.add_argument("--axe", required=True, type=Path, help="axe.min.js of the npm package axe-core")
    parser.add_argument("--chromium", default="chromium")
    given = parser.parse_args()
    axe = given.axe.read_text()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        browser = Browser(given.chromium, home)
        try:
            found = [text for page in given.pages for text in complaints(browser, page, axe)]
        finally:
            browser.process.terminate()
            browser.process.wait()
    for text in found:
        print(text)
    print(f"{len(given.pages)} pages, {len(WIDTHS)} widths, light and dark: {len(found)} complaints")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
