"""A result on its way from a worker to the host, in plain values that JSON has; its arrays stay behind."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from gradsuite.conformance.case import Case
from gradsuite.conformance.check import Result
from gradsuite.conformance.finding import Finding
from gradsuite.model import Model


def packed(result: Result) -> dict[str, Any]:
    """Return a result as plain values: `unpacked` makes an equal one of them, whose findings hold no arrays."""
    return result.record | {
        "error": None if result.error is None else float(result.error),
        "bound": None if result.bound is None else float(result.bound),
        "traceback": result.traceback,
        "findings": [_packed(finding) for finding in result.findings],
    }


def unpacked(fields: Mapping[str, Any]) -> Result:
    """Return the result that was packed."""
    return Result(**{**fields, "findings": tuple(_unpacked(finding) for finding in fields["findings"])})


def _packed(finding: Finding) -> dict[str, Any]:
    return {
        "what": finding.what,
        "error": float(finding.error),
        "bound": float(finding.bound),
        "note": finding.note,
        "array": finding.array,
        "case": None if finding.case is None else asdict(finding.case),
    }


def _unpacked(fields: Mapping[str, Any]) -> Finding:
    case = fields["case"]
    return Finding(**{**fields, "case": case and Case(**{**case, "model": Model(**case["model"])})})
