"""JUnit's XML, for what shows test results: a test case for each finding, sound ones included.

There is no standard; this keeps to what Jenkins reads:
https://github.com/jenkinsci/xunit-plugin/blob/master/src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd/junit-10.xsd
"""

from __future__ import annotations

from collections import Counter
from xml.etree import ElementTree

from cautify.model import SOUND, Checked, Finding
from cautify.reports.legible import legible, place


def check_junit(checked: Checked) -> bytes:
    """One suite: what is sound passes, what is allowed is skipped, and what fails check fails.

    Where nothing was found there is one case that says so, because a suite without cases counts as an error.
    """
    skipped = sum(found.state not in SOUND and not checked.fails(found) for found in checked.findings)
    figures = {
        "name": "cautify check",
        "tests": str(len(checked.findings) or 1),
        "failures": str(len(checked.failing)),
        "errors": "0",
    }
    root = ElementTree.Element("testsuites", figures)
    suite = ElementTree.SubElement(root, "testsuite", {**figures, "skipped": str(skipped), "time": "0"})
    seen: Counter[tuple[str, str]] = Counter()
    for found in checked.findings:
        classname = legible(found.path.removesuffix(".py"))
        name = f"{place(found.path, found.line)}: {found.subject}: {legible(found.message)}"
        seen[classname, name] += 1
        if seen[classname, name] > 1:  # readers take cases of one name for one case
            name += f" ({seen[classname, name]})"
        case = ElementTree.SubElement(suite, "testcase", {"classname": classname, "name": name, "time": "0"})
        _result(case, found, checked)
    if not checked.findings:
        recorded = "nothing is recorded" if checked.patched is None else "the patch is as it was written"
        ElementTree.SubElement(suite, "testcase", {"classname": "cautify", "name": recorded, "time": "0"})
    ElementTree.indent(root)
    data: bytes = ElementTree.tostring(root, encoding="utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + data + b"\n"


def _result(case: ElementTree.Element, found: Finding, checked: Checked) -> None:
    if found.state in SOUND:
        return
    message = {"message": legible(found.message)}
    if checked.fails(found):
        failure = ElementTree.SubElement(case, "failure", {**message, "type": found.state.value})
        failure.text = legible(f"{place(found.path, found.line)}: {found.message}\n{found.remedy}".rstrip(), lines=True)
    else:
        ElementTree.SubElement(case, "skipped", {"message": f"{found.state.value}, allowed: {message['message']}"})
