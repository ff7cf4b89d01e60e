"""The web page, in a separate stack: CloudFront takes minutes, and the service works without a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.constructs.page import WebPage
from infra.stacks.base import StageStack

if TYPE_CHECKING:
    import aws_cdk as cdk
    from constructs import Construct

    from infra.stacks.service import ServiceStack
    from infra.stages.stage import AwsStage


class PageStack(StageStack):
    """skysort-page-<stage>: refers to the service by its API id and bucket names."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        stage: AwsStage,
        service: ServiceStack,
        environment: cdk.Environment | None = None,
    ) -> None:
        super().__init__(
            scope,
            id_,
            stage=stage,
            description=f"skysort's web page, stage {stage.name}",
            environment=environment,
        )
        # With a domain of its own, nothing refers to the API; CloudFront still needs it.
        self.add_stack_dependency(service)
        buckets = (service.drop_folder.drop_bucket_name, service.drop_folder.results_bucket_name)
        self.page = WebPage(self, "Page", stage=stage, api=service.api.rest, buckets=buckets)
        self.output("PageUrl", self.page.url)
        self.output("PageBucket", self.page.bucket.bucket_name)
        self.output("PageDistribution", self.page.distribution.distribution_id)
