"""Where the emulated AWS differs, type by type of what the stages dev and prod deploy: data that the tests hold to.

Every type that the stacks have is in one of the tables, and none that they have not. What is made can be read back
through the API of its own service, and is gone after `make destroy`; what is accepted cannot.

Of CloudFormation itself: resources are made one after the other; an update changes in place what the tables say, and
notes the rest; nothing waits. Names are compared when a resource is made; AWS may refuse them with the change set.
"""

from __future__ import annotations

# ApiBacked by moto's own CloudFormation, as AWS makes it but for what is said.
BY_MOTO = {
    "AWS::CloudWatch::Dashboard": "",
    "AWS::EC2::FlowLog": "kept; there is no traffic",
    "AWS::EC2::SecurityGroup": "kept, not enforced: sandboxes are not in it",
    "AWS::EC2::Subnet": "kept; sandboxes are not in it",
    "AWS::EC2::VPC": "",
    "AWS::EC2::VPCEndpoint": "kept, its policy not enforced; left behind when its stack is deleted",
    "AWS::Events::Rule": "an event that starts nothing is not tried again, and never a dead letter",
    "AWS::IAM::Policy": "kept, not enforced: nothing is refused for want of a permission",
    "AWS::IAM::Role": "assumed without a look at who may",
    "AWS::SNS::Topic": "",
    "AWS::SQS::Queue": "",
}

# ApiBacked by the emulator with calls to moto's API, as AWS makes it but for what is said.
BY_EMULATOR = {
    "AWS::ApiGateway::ApiKey": "",
    "AWS::ApiGateway::Deployment": "kept; nothing listens at the API's address, moto hands no requests to functions",
    "AWS::ApiGateway::GatewayResponse": "kept; there are no requests",
    "AWS::ApiGateway::Method": "kept; there are no requests",
    "AWS::ApiGateway::Resource": "",
    "AWS::ApiGateway::RestApi": "moto forgets binaryMediaTypes",
    "AWS::ApiGateway::Stage": "throttles, access log and tracing are kept; there are no requests",
    "AWS::ApiGateway::UsagePlan": "kept, not counted",
    "AWS::ApiGateway::UsagePlanKey": "",
    "AWS::ApplicationAutoScaling::ScalableTarget": "kept; nothing is scaled",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "kept; nothing is scaled",
    "AWS::Budgets::Budget": "nothing costs anything, so nobody is told",
    "AWS::CloudFront::Distribution": "kept; nothing listens at its address",
    "AWS::CloudFront::OriginAccessControl": "",
    "AWS::CloudWatch::Alarm": "kept; no metric arrives, so none is raised",
    "AWS::CodeDeploy::Application": "",
    "AWS::CodeDeploy::DeploymentGroup": "its hook is asked before an alias moves, which it does at once: no canary",
    "AWS::EC2::RouteTable": "its routes are kept; there is no traffic",
    "AWS::EC2::SubnetRouteTableAssociation": "",
    "AWS::Glue::Database": "nothing queries its tables: Athena is not there",
    "AWS::IAM::ManagedPolicy": "kept, not enforced",
    "AWS::KMS::Key": "kept; nothing is encrypted",
    "AWS::Lambda::Alias": "its provisioned concurrency is kept: no sandbox is started before the first request",
    "AWS::Lambda::EventSourceMapping": "each message is handed over alone and at once: no batches, no waiting for them",
    "AWS::Lambda::Function": "runs the image that was pushed; a sandbox a version, which takes one event at a time",
    "AWS::Lambda::Permission": "kept, not enforced",
    "AWS::Lambda::Version": "",
    "AWS::Logs::LogGroup": "the functions' own output stays with the engine: docker logs",
    "AWS::S3::Bucket": (
        "lifecycle rules are kept, and do nothing; notifications encode the slashes of a key too; access logs arrive "
        "where a test has them arrive"
    ),
    "AWS::S3::BucketPolicy": "statements with a condition are kept, not enforced: moto reads no conditions",
    "AWS::SNS::Subscription": "kept; no mail is sent",
    "AWS::SNS::TopicPolicy": "kept, not enforced",
    "AWS::StepFunctions::StateMachine": "executions are the local interpreter's, without a time limit; parts have none",
    "AWS::SQS::QueuePolicy": "kept, not enforced",
    "AWS::WAFv2::LoggingConfiguration": "kept; there are no requests",
    "AWS::WAFv2::WebACL": "kept; there are no requests",
    "AWS::WAFv2::WebACLAssociation": "",
    "Custom::Keep": "asks the release hook, and nothing has changed the number meanwhile",
    "Custom::Proof": "asks the release hook as CloudFormation does, and waits for its answer",
    "Custom::Watch": "asks the release hook, for which no alarm is raised and no time passes",
}

# Nothing is made: moto has no such thing.
STUBS = {
    "AWS::ApiGateway::Account": "moto has the account's settings, and takes none from a template",
    "AWS::Budgets::BudgetsAction": "not in moto's Budgets",
    "AWS::CloudFront::ResponseHeadersPolicy": "not in moto's CloudFront",
    "AWS::CloudWatch::CompositeAlarm": "moto has composite alarms, and no metric arrives",
    "AWS::CodeDeploy::DeploymentConfig": "moto has no custom ones; releases move at once",
    "AWS::Logs::QueryDefinition": "not in moto's CloudWatch Logs",
}
