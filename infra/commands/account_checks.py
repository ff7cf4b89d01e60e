"""What `make doctor` reads of the account: its bootstrap, quotas, stacks, names, CloudFront and subscriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from infra.commands.checks import failed, note, ok, unknown
from infra.commands.stack_state import prepare, resources, service_stack, stacks_of, state
from infra.stages.account import region_of
from infra.stages.stage import SMALL_MEMORY_MB, UNRESERVED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from infra.commands.checks import Check, Result
    from infra.commands.session import Session
    from infra.stages.stage import AwsStage

# aws-cdk-lib's DefaultStackSynthesizer, MIN_BOOTSTRAP_STACK_VERSION, which the templates' rule asks for.
BOOTSTRAP_VERSION: Final = 6
_QUALIFIER: Final = "hnb659fds"
# "Lambda quotas": new accounts have less, and AWS raises both quotas with use.
_USUAL_CONCURRENCY: Final = 1_000
_SHOWN: Final = 5


class AccountChecks:
    """Checks of a stage's account. names: what the stage's resources will be called, by type."""

    def __init__(self, session: Session, stage: AwsStage, names: Iterable[tuple[str, str]]) -> None:
        self._session = session
        self._stage = stage
        self._names = frozenset(names)
        self._lambda = session.boto.client("lambda")

    def all(self) -> list[Check]:
        """Every check, in the order of a deployment."""
        return [
            ("bootstrap", self.bootstrap),
            ("stacks", self.stacks),
            ("names", self.names),
            ("concurrency", self.concurrency),
            ("memory", self.memory),
            ("CloudFront", self.cloudfront),
            ("API log role", self.log_role),
            ("mail", self.mail),
            *([("certificates", self.certificates)] if self._stage.domain else []),
        ]

    def bootstrap(self) -> tuple[Result, str]:
        """Whether the account and region are bootstrapped, with a version that the templates accept."""
        qualifier = self._stage.qualifier or _QUALIFIER
        try:
            parameter = self._session.boto.client("ssm").get_parameter(Name=f"/cdk-bootstrap/{qualifier}/version")
        except ClientError as error:
            if error.response["Error"]["Code"] != "ParameterNotFound":
                raise
            return failed(f"{self._session.place} is not bootstrapped with qualifier {qualifier}: make bootstrap")
        version = int(parameter["Parameter"]["Value"])
        if version < BOOTSTRAP_VERSION:
            return failed(f"version {version}, and {BOOTSTRAP_VERSION} is needed: make bootstrap renews it")
        return ok(f"version {version}, qualifier {qualifier}")

    def stacks(self) -> tuple[Result, str]:
        """Whether the stacks are in a state from which a deployment can begin."""
        found = {name: state(self._session, name) for name in stacks_of(self._stage.name)}
        told = ", ".join(f"{name} {state.status if state else 'absent'}" for name, state in found.items())
        prepare(self._session, self._stage, adopt=False, look=True)
        return ok(told)

    def names(self) -> tuple[Result, str]:
        """Whether a bucket, log group, function or queue has a name that the stack would create, and is not its own."""
        own = {pair for stack in stacks_of(self._stage.name) for pair in resources(self._session, stack)}
        # SQS's physical ids are URLs.
        own |= {(type_, id_.rpartition("/")[2]) for type_, id_ in own if type_ == "AWS::SQS::Queue"}
        wanted = self._names - own
        taken = sorted(wanted & set(self._existing(wanted)))
        if not taken:
            return ok(f"none of the {len(self._names)} names that the stage gives is taken")
        shown = ", ".join(name for _, name in taken[:_SHOWN]) + (" and more" if len(taken) > _SHOWN else "")
        return failed(
            f"{len(taken)} exist outside of the stage's stacks: {shown}. Delete them, or have the stack take them "
            f"over: make deploy STAGE={self._stage.name} ARGS=--import-existing-resources"
        )

    def _existing(self, wanted: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
        boto = self._session.boto
        yield from ((type_, name) for type_, name in wanted if type_ == "AWS::S3::Bucket" and self._bucket(name))
        groups = boto.client("logs").get_paginator("describe_log_groups")
        for prefix in ("/aws/lambda/skysort-", "/skysort/", "/aws/vendedlogs/"):
            for page in groups.paginate(logGroupNamePrefix=prefix):
                yield from (("AWS::Logs::LogGroup", group["logGroupName"]) for group in page["logGroups"])
        for page in self._lambda.get_paginator("list_functions").paginate():
            yield from (("AWS::Lambda::Function", function["FunctionName"]) for function in page["Functions"])
        for page in boto.client("sqs").get_paginator("list_queues").paginate(QueueNamePrefix="skysort-"):
            yield from (("AWS::SQS::Queue", url.rpartition("/")[2]) for url in page.get("QueueUrls", ()))

    def _bucket(self, name: str) -> bool:
        """Whether there is a bucket of this name, in whatever account."""
        try:
            self._session.boto.client("s3").head_bucket(Bucket=name)
        except ClientError as error:
            return error.response["Error"]["Code"] not in {"404", "NoSuchBucket"}
        return True

    def concurrency(self) -> tuple[Result, str]:
        """Whether the account has the concurrency that the stage commits, beside what others have reserved."""
        limits = self._lambda.get_account_settings()["AccountLimit"]
        limit = int(limits["ConcurrentExecutions"])
        others = limit - int(limits["UnreservedConcurrentExecutions"]) - self._reserved()
        committed, stage = self._stage.committed, self._stage.name
        told = f"{limit:,} at once, of which other functions have reserved {max(0, others):,}"
        if self._stage.without_any_reserved and not committed:
            return ok(f"{told}; the stage reserves none")
        if committed + max(0, others) > limit - UNRESERVED:
            return failed(
                f"{told}; the stage commits {committed:,}, and {UNRESERVED} must stay free. Have the quota 'Concurrent "
                f"executions' raised, or reserve none: make deploy STAGE={stage} ARGS='-c reserve=no'"
            )
        return ok(f"{told}; the stage commits {committed:,}")

    def _reserved(self) -> int:
        """What the stage's own functions have reserved already."""
        total = 0
        for type_, name in resources(self._session, service_stack(self._stage.name)):
            if type_ == "AWS::Lambda::Function":
                reply = self._lambda.get_function_concurrency(FunctionName=name)
                total += reply.get("ReservedConcurrentExecutions", 0)
        return total

    def memory(self) -> tuple[Result, str]:
        """Whether functions may have the memory that the stage gives them; AWS tells that quota nowhere."""
        most = max(function.memory_mb for function in self._stage.functions.values())
        if most <= SMALL_MEMORY_MB:
            return ok(f"{most:,} MB at most, which every account allows")
        sizes = [
            function["MemorySize"]
            for page in self._lambda.get_paginator("list_functions").paginate()
            for function in page["Functions"]
        ]
        if max(sizes, default=0) > SMALL_MEMORY_MB:
            return ok(f"the account has functions of {max(sizes):,} MB; the stage's have up to {most:,} MB")
        limit = int(self._lambda.get_account_settings()["AccountLimit"]["ConcurrentExecutions"])
        small = f"make deploy STAGE={self._stage.name} ARGS='-c small=yes'"
        if limit < _USUAL_CONCURRENCY:
            return failed(
                f"the stage has functions of {most:,} MB. Accounts whose concurrency was not raised ({limit}) usually "
                f"allow {SMALL_MEMORY_MB:,} MB: ask AWS to raise it, or {small}"
            )
        return unknown(
            f"the stage has functions of {most:,} MB, and AWS does not tell whether the account allows more than "
            f"{SMALL_MEMORY_MB:,} MB; if it does not: {small}"
        )

    def cloudfront(self) -> tuple[Result, str]:
        """Whether the account has been allowed a distribution before."""
        if not self._stage.page:
            return ok("not needed: the stage has no page")
        listed = self._session.boto.client("cloudfront").list_distributions(MaxItems="1")
        if listed.get("DistributionList", {}).get("Quantity", 0):
            return ok("the account has distributions")
        return note(
            "the account has no distribution yet, and AWS verifies some new accounts first ('Your account must be "
            f"verified'). Without the page: make deploy STAGE={self._stage.name} ARGS='-c page=no'"
        )

    def log_role(self) -> tuple[Result, str]:
        """Whether somebody else has set the role by which API Gateway writes logs, one for the account and region."""
        role = self._session.boto.client("apigateway").get_account().get("cloudwatchRoleArn")
        if not self._stage.api.log_role:
            return (
                ok(f"{role}, not the stage's") if role else failed("none, and the stage sets none (log_role = false)")
            )
        own = any(type_ == "AWS::ApiGateway::Account" for type_, _ in self._own())
        if role and not own:
            return note(f"the stage would replace {role}, which other APIs use; keep it by api.log_role = false")
        return ok(role or "the stage sets it")

    def _own(self) -> Iterator[tuple[str, str]]:
        return resources(self._session, service_stack(self._stage.name))

    def certificates(self) -> tuple[Result, str]:
        """Whether the certificates of the stage's domain are issued; CloudFormation would wait for them, and fail."""
        domain = self._stage.domain
        arns = (domain.certificate, domain.page_certificate) if domain else ()
        states = {}
        for arn in filter(None, arns):
            manager = self._session.boto.client("acm", region_name=region_of(arn))
            try:
                states[arn] = manager.describe_certificate(CertificateArn=arn)["Certificate"]["Status"]
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceNotFoundException":
                    raise
                states[arn] = "not found"
        if wrong := [f"{arn} is {status}" for arn, status in states.items() if status != "ISSUED"]:
            return failed(f"{', '.join(wrong)}: API Gateway and CloudFront take issued certificates only")
        return ok(f"{len(states)} issued")

    def mail(self) -> tuple[Result, str]:
        """Whether alarms reach somebody who has confirmed."""
        alarms = self._stage.operations.alarms
        if alarms is None:
            return ok("not needed: the stage has no alarms")
        if not alarms.mail:
            return failed(f"alarms reach nobody: make deploy STAGE={self._stage.name} ARGS='-c mail=you@example.org'")
        topics = [arn for type_, arn in self._own() if type_ == "AWS::SNS::Topic"]
        sns = self._session.boto.client("sns")
        pages = sns.get_paginator("list_subscriptions_by_topic")
        pending = sorted(
            subscription["Endpoint"]
            for topic in topics
            for page in pages.paginate(TopicArn=topic)
            for subscription in page["Subscriptions"]
            if subscription["SubscriptionArn"] == "PendingConfirmation"
        )
        if pending:
            return note(f"{', '.join(pending)} must still confirm: the message is in their inbox")
        return ok(", ".join(alarms.mail) + ("" if topics else ", who confirm after the first deployment"))
