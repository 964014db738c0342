"""Search for the front doors of functions in an app.

An event does not say whether its front door streams, so the runtime needs a list. Other constructs may make the front
door, so the search looks at the whole stage. It looks at the other stages of the app too, if a function has a name,
because only a name leads from one stage to another. The search only reads: it changes neither template nor constructs.
It does not see `add_property_override`, because the CDK keeps overrides to itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from aws_cdk import Stage, aws_lambda

from cdk_lambda_streaming.cdk.value_reader import ValueReader
from cdk_lambda_streaming.front_doors.methods import RestMethod
from cdk_lambda_streaming.front_doors.openings import DISTRIBUTION, TYPES, Opening, read_openings
from cdk_lambda_streaming.front_doors.records import Part
from cdk_lambda_streaming.front_doors.references import FUNCTION, References, Resource, has_names, read_resources


class SearchResult(NamedTuple):
    """Front doors by the paths of functions, and the resources of CloudFront distributions."""

    openings: Mapping[str, list[Opening]]
    distributions: list[Resource]
    values: ValueReader


def find_front_doors(stage: Stage, functions: Mapping[str, aws_lambda.Function]) -> SearchResult:
    """Return the front doors of functions of a stage, by the paths of the functions."""
    values = ValueReader()
    is_named = has_names(functions.values())
    types = {**TYPES, FUNCTION: ("functionName",)} if is_named else TYPES
    resources = read_resources(stage, types, values, in_other_stages=is_named)
    references = References(functions, resources, values)
    found: dict[str, list[Opening]] = {path: [] for path in functions}
    for opening in read_openings(resources, values):
        for target in references.find(opening.resource.stack, opening.target):
            door = opening.door._replace(qualifier=opening.door.qualifier or target.qualifier)
            found[target.path].append(opening._replace(door=door))
    distributions = [resource for resource in resources if resource.type == DISTRIBUTION]
    return SearchResult({path: _with_parts(doors) for path, doors in found.items()}, distributions, values)


def _with_parts(openings: list[Opening]) -> list[Opening]:
    """Return the front doors with their parts of REST APIs, if the runtime must distinguish them."""
    if len({opening.door.streams for opening in openings if opening.method is not None}) < 2:
        return openings
    return [opening._replace(door=opening.door._replace(part=_part_of(opening.method))) for opening in openings]


def _part_of(method: RestMethod | None) -> Part | None:
    resource = None if method is None else method.resource()
    return None if method is None or resource is None else Part(method.verb, resource)
