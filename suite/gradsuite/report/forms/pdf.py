"""A report as PDF: its page, printed by a Chromium that is installed."""

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from gradsuite.errors import UserError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
SECONDS = 180.0  # for a page of two megabytes on a slow machine


def print_page(page: Path, out: Path) -> None:
    """Print a page into a PDF file. Raises UserError if no browser that can is there, or if it fails."""
    with TemporaryDirectory() as profile:
        line = [browser(), "--headless=new", "--disable-gpu", "--no-pdf-header-footer", f"--user-data-dir={profile}"]
        line += ["--no-sandbox"] if os.geteuid() == 0 else []  # which Chromium refuses to do without as root
        printed = Path(profile) / "page.pdf"
        try:
            subprocess.run(
                [*line, f"--print-to-pdf={printed}", page.resolve().as_uri()],
                check=True,
                capture_output=True,
                timeout=SECONDS,
            )
            shutil.copyfile(printed, out)
        except subprocess.TimeoutExpired as error:
            raise UserError(f"{line[0]} did not print {str(page)!r} within {SECONDS:g} s") from error
        except (OSError, subprocess.CalledProcessError) as error:
            raise UserError(f"cannot print {str(page)!r} into {str(out)!r}: {error}") from error


def browser() -> str:
    """Return the path of a browser that prints. Raises UserError if there is none."""
    if found := next(filter(None, map(shutil.which, BROWSERS)), None):
        return found
    raise UserError(
        "a PDF is printed by Chromium, and there is none here: install chromium or Google Chrome, "
        "or print report.html from any browser"
    )
