"""The web page, in a separate stack: CloudFront takes minutes, and the service works without a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk

from infra.constructs.page import WebPage

if TYPE_CHECKING:
    from constructs import Construct

    from infra.stacks.service import ServiceStack
    from infra.stages.stage import AwsStage


class PageStack(cdk.Stack):
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
            env=environment,
            description=f"skysort's web page, stage {stage.name}",
            termination_protection=stage.keep_data,
        )
        buckets = (service.drop_folder.drop_bucket_name, service.drop_folder.results_bucket_name)
        self.page = WebPage(self, "Page", stage=stage, api=service.api.rest, buckets=buckets)
        cdk.CfnOutput(self, "PageUrl", value=f"https://{self.page.distribution.distribution_domain_name}/")
        cdk.CfnOutput(self, "PageBucket", value=self.page.bucket.bucket_name)
        cdk.CfnOutput(self, "PageDistribution", value=self.page.distribution.distribution_id)
        for name, value in stage.tags.items():
            cdk.Tags.of(self).add(name, value)
