"""How examples are shared between training, validation and test."""

from math import isclose

from gradsuite.errors import UserError
from gradsuite.tasks.files.query import Query
from gradsuite.tasks.task import SPLITS

SHARES = "0.7;0.15;0.15"


def bounds(query: Query, count: int) -> dict[str, tuple[int, int]]:
    """Return where each split begins and ends among `count` examples, by the option `split`.

    Raises UserError unless that is three shares that sum to 1, the first of them not 0.
    """
    texts = query.texts("split") or SHARES.split(";")
    said = ";".join(texts)
    try:
        shares = [float(text) for text in texts]
    except ValueError as error:
        raise UserError(f"split must be three numbers, such as {SHARES}, not {said!r}") from error
    if len(shares) != len(SPLITS):
        raise UserError(f"split must be three shares (training, validation, test), such as {SHARES}, not {said!r}")
    if not all(0 <= share <= 1 for share in shares) or not shares[0]:
        raise UserError(f"split must be shares between 0 and 1, the first of them not 0, not {said!r}")
    if not isclose(sum(shares), 1, abs_tol=1e-9):
        raise UserError(f"split must sum to 1: {said} sum to {sum(shares):g}")
    stops = [round(shares[0] * count), round((shares[0] + shares[1]) * count), count]
    return dict(zip(SPLITS, zip([0, *stops], stops, strict=False), strict=True))
