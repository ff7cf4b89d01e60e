"""The shape of the product: imports go one way, without circles, and only HTTP knows a web framework."""

from __future__ import annotations

from graphlib import TopologicalSorter

from tests.unit.import_graph import BLOCK, DOCUMENT, ROWS, arrows, between_packages, drawn, modules, package

RANK = {name: rank for rank, row in enumerate(ROWS) for name in row}
WEB = ("aws_lambda_powertools.event_handler", "fastapi", "flask", "starlette", "uvicorn")


def test_every_module_lies_in_a_known_package() -> None:
    assert {package(module) for module in modules()} <= set(RANK)


def test_no_arrow_leads_back_up() -> None:
    upward = [f"{source} -> {target}" for source, target in between_packages() if RANK[source] >= RANK[target]]
    assert not upward


def test_no_modules_import_each_other_in_a_circle() -> None:
    known = modules()
    graph: dict[str, set[str]] = {name: set() for name in known}
    for arrow in arrows():
        if arrow.target in known:
            graph[arrow.source].add(arrow.target)
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_only_http_knows_a_web_framework() -> None:
    layers = ("skysort.", "skysort_cli.")
    knowing = {arrow.source for arrow in arrows() if arrow.source.startswith(layers) and arrow.target.startswith(WEB)}
    assert {module for module in knowing if not module.startswith("skysort.http.")} == set()


def test_layers_know_no_function_and_nothing_of_where_they_run() -> None:
    outward = ("functions", "infra", "model_export", "tests")
    allowed = {("skysort_cli", "infra")}  # `skysort serve` starts the local stack of a checkout
    found = {
        (package(arrow.source), arrow.target.split(".")[0])
        for arrow in arrows()
        if arrow.source.startswith("skysort") and arrow.target.split(".")[0] in outward
    }
    assert found <= allowed


def test_the_graph_is_drawn_as_it_is() -> None:
    text = DOCUMENT.read_text("utf-8")
    block = BLOCK.search(text)
    assert block, "CONTRIBUTING.md lacks the block <!-- imports: ... -->"
    assert drawn() in block[0], "python -m tests.unit.import_graph draws it anew"
