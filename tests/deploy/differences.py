"""Where the emulated AWS differs, type by type of what the dev stage deploys: data that the tests hold to.

Every type that the stacks have is in one of the tables, and none that they have not. What is made can be read back
through the API of its own service, and is gone after `make destroy`; what is accepted cannot.
"""

from __future__ import annotations

# ApiBacked by moto's own CloudFormation, as AWS makes it but for what is said.
BY_MOTO = {
    "AWS::CloudWatch::Dashboard": "",
    "AWS::Events::Rule": "an event that starts nothing is not tried again, and never a dead letter",
    "AWS::IAM::Policy": "kept, not enforced: nothing is refused for want of a permission",
    "AWS::IAM::Role": "assumed without a look at who may",
    "AWS::Logs::LogGroup": "the functions' own output stays with the engine: docker logs",
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
    "AWS::Budgets::Budget": "nothing costs anything, so nobody is told",
    "AWS::CloudFront::Distribution": "kept; nothing listens at its address",
    "AWS::CloudFront::OriginAccessControl": "",
    "AWS::CloudWatch::Alarm": "kept; no metric arrives, so none is raised",
    "AWS::Glue::Database": "nothing queries its tables: Athena is not there",
    "AWS::Lambda::Alias": "found in the name of a function, function:live, not in the parameter Qualifier of Invoke",
    "AWS::Lambda::EventSourceMapping": "each message is handed over alone and at once: no batches, no waiting for them",
    "AWS::Lambda::Function": "runs the image that was pushed; reserved concurrency is kept, not counted",
    "AWS::Lambda::Permission": "kept, not enforced",
    "AWS::Lambda::Version": "",
    "AWS::S3::Bucket": "lifecycle rules are kept, and do nothing; notifications encode the slashes of a key too",
    "AWS::S3::BucketPolicy": "statements with a condition are kept, not enforced: moto reads no conditions",
    "AWS::SNS::TopicPolicy": "kept, not enforced",
    "AWS::StepFunctions::StateMachine": "executions are the local interpreter's, without a time limit; parts have none",
    "AWS::SQS::QueuePolicy": "kept, not enforced",
    "Custom::Proof": "asks the release hook as CloudFormation does, and waits for its answer",
}

# Nothing is made: moto has no such thing.
STUBS = {
    "AWS::ApiGateway::Account": "moto has the account's settings, and takes none from a template",
    "AWS::CloudFront::ResponseHeadersPolicy": "not in moto's CloudFront",
    "AWS::Logs::QueryDefinition": "not in moto's CloudWatch Logs",
}
