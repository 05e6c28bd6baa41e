"""A composition of two stacks, for the tests of `orderctl up`; its argument is what the second publishes."""

import sys

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_ssm as ssm

app = cdk.App()
stage = app.node.try_get_context("stage")
first = cdk.Stack(app, "First", stack_name=f"toy-{stage}-first")
lambda_.Function(
    first,
    "Function",
    runtime=lambda_.Runtime.PYTHON_3_13,
    handler="index.handler",
    code=lambda_.Code.from_inline("def handler(event, context): return 1"),
)
errors = cloudwatch.Metric(namespace="Toy", metric_name="Errors")
rate = cloudwatch.MathExpression(expression="100 * errors", using_metrics={"errors": errors})
cloudwatch.Alarm(first, "Rate", metric=rate, threshold=1, evaluation_periods=1)
second = cdk.Stack(app, "Second", stack_name=f"toy-{stage}-second")
ssm.StringParameter(second, "Url", parameter_name=f"/orderflow/{stage}/second/url", string_value=f"http://{sys.argv[1]}")
cdk.CfnOutput(second, "Says", value=sys.argv[1])
app.synth()
