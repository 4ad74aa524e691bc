"""The page of one diagnosis: what is wrong, then each answer with its figures and its table, then what to type."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from gradsuite import __version__
from gradsuite.diagnosis.diagnosis import Diagnosis
from gradsuite.errors import UserError
from gradsuite.experiment import Table
from gradsuite.plain import plain
from gradsuite.report import style
from gradsuite.report.diagnosis.panels import panels
from gradsuite.report.diagnosis.text import helping, table
from gradsuite.report.frame import Frame

CAPTIONS: Mapping[str, str] = {
    "horizon": "By layer: what is left at the longest lag, the horizon in steps, and the rate of ln |dL/dh| a step.",
    "weights": "Spectral radius and 2-norm of each block of the recurrent weights.",
    "clipping": "Which share of batches a threshold would clip.",
    "precision": "The first lag at which a typical number loses digits, is zero, or is infinite; and the share lost.",
    "remedies": "Horizons in steps, over seeds; what is left at the longest lag; what helps.",
}


def write_page(diagnosis: Diagnosis, path: Path) -> Path:
    """Write the page, which needs nothing but itself, and return where. Raises UserError if it cannot be written."""
    frame = Frame([])
    sections = []
    with style.context():
        for number, answer in enumerate(diagnosis.answers, 1):
            tables = []
            if answer.table is not None and answer.table in answer.frames:
                tables = [Table("In numbers", CAPTIONS[answer.table], readable(table(answer)))]
            pictures = [frame.dressed(one) for one in panels(with_lags(answer.frames, diagnosis.frames))]
            sections.append({"number": number, "answer": answer, "pictures": pictures, "tables": tables})
    text = frame.page(
        "diagnosis.html",
        title=plain(diagnosis.title),
        diagnosis=diagnosis,
        sections=sections,
        helping=list(helping(diagnosis)),
        plain=plain,
        backends=(),
        version=__version__,
    )
    try:
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise UserError(f"cannot write {str(path)!r}: {error.strerror}") from error
    return path


def with_lags(own: Mapping[str, pd.DataFrame], everything: Mapping[str, pd.DataFrame]) -> Mapping[str, pd.DataFrame]:
    """Return an answer's frames, with the lags beside the remedies: their horizons end at the longest."""
    return own if "remedies" not in own else {"remedies": own["remedies"], "lags": everything["gradient"]}


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table with words in the place of truth values."""
    return frame.replace({True: "yes", False: "no"}) if "helps" in frame else frame
