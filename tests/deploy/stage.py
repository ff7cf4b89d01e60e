"""A whole stage in an emulated account of this process: deployed, released, and looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.deploy.formation import REGION, Aws, Outcome
from tests.deploy.templates import released

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.stages.stage import AwsStage
    from tests.infra.synth import Synthesised


@dataclass(frozen=True, slots=True)
class DeployedStage:
    """A stage by its templates. region: where it is deployed."""

    aws: Aws
    synthesised: Synthesised
    region: str = REGION

    @property
    def stage(self) -> AwsStage:
        """Its settings."""
        return self.synthesised.stage

    @property
    def service(self) -> str:
        """The name of the service's stack."""
        return f"skysort-service-{self.stage.name}"

    @property
    def template(self) -> Mapping[str, Any]:
        """The service's template."""
        return self.synthesised.templates[self.service]

    def deploy(self) -> dict[str, Outcome]:
        """Deploy every stack in its order, until one fails; by stack."""
        found: dict[str, Outcome] = {}
        for stack, template in self.synthesised.templates.items():
            found[stack] = self.aws.deploy(stack, template, self.region)
            if "ROLLBACK" in found[stack].status:
                break
        return found

    def release(self, **tags: str) -> Outcome:
        """Deploy the service with new images of these functions: StarFunction="second"."""
        template = dict(self.template)
        for function, tag in tags.items():
            template = released(template, function, tag, Description=f"revision {tag}")
        return self.aws.deploy(self.service, template, self.region)

    def live(self) -> dict[str, str]:
        """The version that every function's alias names, by function."""
        lambda_ = self.aws.client("lambda", self.region)
        return {
            name: lambda_.get_alias(FunctionName=self.stage.function_name(name), Name="live")["FunctionVersion"]
            for name in self.stage.functions
        }

    def destroy(self) -> list[Outcome]:
        """Delete every stack, the last one first."""
        return [self.aws.destroy(stack, self.region) for stack in reversed(list(self.synthesised.templates))]
