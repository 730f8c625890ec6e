"""The browser that tests draw pages in: Debian's Chromium, quiet.

Lives here: where it is and how it is started. Not here: what is shown (`tests/deploy/test_screens.py`,
`tests/browser/`).
"""

from __future__ import annotations

import shutil

from playwright.sync_api import Browser, Playwright

# With RenderDocument a tab that is closed while a page arrives never ends, and whoever closes it waits for
# ever (Playwright's issue 42068). The browser takes one such list: this one stands for Playwright's as well.
OFF = (
    "RenderDocument PaintHolding HttpsUpgrades HttpsFirstBalancedModeAutoEnable DestroyProfileOnBrowserClose "
    "ThirdPartyStoragePartitioning AvoidUnnecessaryBeforeUnloadCheckSync AvoidCorsURLLoaderRestartOnRedirect "
    "OptimizationHints NetworkTimeServiceQuerying PreconnectToSearch MediaRouter LensOverlay AimEnabled"
).split()
QUIET = (
    *"--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking".split(),
    *"--disable-component-update --disable-sync".split(),
    f"--disable-features={','.join(OFF)}",
)


def start_chromium(playwright: Playwright, *more: str) -> Browser:
    """A browser without windows; `more` are further switches."""
    return playwright.chromium.launch(executable_path=where_chromium_is(), args=[*QUIET, *more])


def where_chromium_is() -> str:
    """Its path, or one sentence on how to get it."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert found, "These tests draw pages in Chromium: apt-get install chromium."
    return found
