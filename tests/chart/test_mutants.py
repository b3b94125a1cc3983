"""
What `make chart-mutants` leaves out, and what it says of it.
"""

from __future__ import annotations

import io
from pathlib import Path

import yaml

from tests.chart.charts import SOURCES
from tests.chart.mutants.hunting import Red, Verdict
from tests.chart.mutants.mutations import Mutant, mutants
from tests.chart.mutants.reporting import SPARED, Report

TEMPLATE = """\
{{/* A comment,
     over two lines. */}}
{{- define "a" -}}
# a comment of the file
kind: A
{{- if .Values.on }}
name: {{ .Values.name | default "}}" }}
{{- else }}
name: none
{{- end }}
{{- with .Values.labels }}
labels: {{ toYaml . }}{{ if $.Values.more }}, more{{ end }}
{{- end }}
{{- include "b" (dict
  "root" .
  "name" "x"
) }}

{{- if .Values.last }}
last: true
{{- end }}
{{- end -}}
"""


def left_out(folder: Path) -> dict[str, str]:
    """
    Return what is left of the template by each mutant.
    """
    template = folder / "chart/templates/a.yaml"
    template.parent.mkdir(parents=True)
    template.write_text(TEMPLATE)
    return {f"{each.line} {each.what}": each.of(TEMPLATE) for each in mutants(folder, template)}


def test_significant_lines_are_left_out_one_by_one(tmp_path: Path) -> None:
    """
    No comment, no blank line, nothing that would only break a block; an action over several lines whole, and in parts.
    """
    assert list(left_out(tmp_path)) == [
        "5 kind: A",
        '7 name: {{ .Values.name | default "}}" }}',
        "9 name: none",
        "12 labels: {{ toYaml . }}{{ if $.Values.more }}, more{{ end }}",
        '14 {{- include "b" (dict',
        '15 "root" .',
        '16 "name" "x"',
        "20 last: true",
        "6 {{- if .Values.on }} always holds",
        "6 {{- if .Values.on }} never holds",
        "19 {{- if .Values.last }} always holds",
    ]


def test_what_is_left_is_a_template(tmp_path: Path) -> None:
    """
    A condition goes with its end, and with the other case or without its own; an action goes whole.
    """
    found = left_out(tmp_path)
    always, never = found["6 {{- if .Values.on }} always holds"], found["6 {{- if .Values.on }} never holds"]
    assert 'kind: A\nname: {{ .Values.name | default "}}" }}\n{{- with' in always
    assert "kind: A\nname: none\n{{- with" in never
    assert "{{- end }}\n\n{{- if .Values.last }}" in found['14 {{- include "b" (dict']
    assert '  "root" .\n) }}' in found['16 "name" "x"']
    assert all(text.count("{{- end") == text.count("{{- if") + text.count("{{- with") + 1 for text in found.values())


def test_every_template_has_mutants() -> None:
    """
    Those of both charts are read to their end.
    """
    for source in SOURCES:
        for template in sorted(source.path.glob("templates/*")):
            found = list(mutants(source.path.parent, template))
            assert found, template.name
            assert max(each.lines[-1] for each in found) <= len(template.read_text().splitlines())


def reported(*said: object) -> tuple[int, str]:
    """
    Return the exit status and the words after two mutants, of which something was told.
    """
    out = io.StringIO()
    report = Report([MUTANT, OTHER], out)
    for each in said:
        report.take(each)
    return report.finish(), out.getvalue()


MUTANT = Mutant("a/templates/a.yaml", 5, (5,), "kind: A")
OTHER = Mutant("a/templates/a.yaml", 7, (7,), "name: a")


def test_the_status_says_whether_one_survived() -> None:
    """
    0 if tests found them all; 1 with each survivor's place; 2 if something is not known.
    """
    status, said = reported(Verdict(MUTANT, "test_a", "template"), Verdict(OTHER, "test_b", "template"))
    assert (status, "2 found, 0 spared, 0 survived" in said) == (0, True)
    status, said = reported(Verdict(MUTANT, "test_a", "template"), Verdict(OTHER, "", "template x"))
    assert status == 1
    assert "charts/a/templates/a.yaml:7: name: a\n    renders differ (template x), no test minds" in said
    status, said = reported(Verdict(MUTANT, "test_a", "template"))
    assert status == 2
    status, said = reported(Verdict(MUTANT, "t", "x"), Verdict(OTHER, "t", "x"), Red(("test_c",)))
    assert (status, "test_c fails without any mutant." in said) == (2, True)


def test_what_is_spared_is_there() -> None:
    """
    Each line that may be left out is still a line of its template, and says why.
    """
    for each in yaml.safe_load(SPARED.read_text()):
        (source,) = (source for source in SOURCES if source.name == each["file"].partition("/")[0])
        found = mutants(source.path.parent, source.path.parent / each["file"])
        assert each["what"] in {mutant.what for mutant in found}
        assert each["why"]
