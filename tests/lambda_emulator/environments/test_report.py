"""Lambda's own lines have AWS's form."""

from __future__ import annotations

from lambda_emulator.environments.report import TIMEOUT, Report, Status, init_report_line


def test_report_of_a_first_invocation_bills_its_init() -> None:
    report = Report("id", duration_ms=2.374, memory_size_mb=1024, max_memory_mb=95, init_ms=423.98)

    assert report.line() == (
        "REPORT RequestId: id\tDuration: 2.37 ms\tBilled Duration: 427 ms\tMemory Size: 1024 MB\t"
        "Max Memory Used: 95 MB\tInit Duration: 423.98 ms\t"
    )


def test_report_of_a_later_invocation_has_no_init() -> None:
    report = Report("id", duration_ms=3.0, memory_size_mb=128, max_memory_mb=30)

    assert report.line() == (
        "REPORT RequestId: id\tDuration: 3.00 ms\tBilled Duration: 3 ms\tMemory Size: 128 MB\tMax Memory Used: 30 MB\t"
    )


def test_report_of_a_timeout_has_a_status() -> None:
    report = Report("id", duration_ms=3000, memory_size_mb=128, max_memory_mb=30, status=TIMEOUT)

    assert report.line() == (
        "REPORT RequestId: id\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 30 MB\tStatus: timeout"
    )


def test_report_of_a_crash_has_the_error_type() -> None:
    status = Status("error", "Runtime.ExitError")
    report = Report("id", duration_ms=0.5, memory_size_mb=128, max_memory_mb=30, init_ms=100.2, status=status)

    assert report.line().endswith("\tInit Duration: 100.20 ms\tStatus: error\tError Type: Runtime.ExitError")


def test_failed_init_has_its_own_report() -> None:
    status = Status("error", "Runtime.ImportModuleError")

    assert init_report_line(229.22, status) == (
        "INIT_REPORT Init Duration: 229.22 ms\tPhase: init\tStatus: error\tError Type: Runtime.ImportModuleError"
    )
