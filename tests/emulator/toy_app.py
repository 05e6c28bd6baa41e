"""A composition of two stacks, for the tests of `orderctl up`; its argument is what the second publishes.

It writes the assembly itself, which is all the CDK's command line asks of an app, and saves the seconds of a real one.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

SAYS = sys.argv[1]
STAGE = json.loads(os.environ["CDK_CONTEXT_JSON"])["stage"]
STACKS: dict[str, dict[str, Any]] = {
    "First": {
        "Resources": {
            "Queue": {"Type": "AWS::SQS::Queue"},
            "Rate": {
                "Type": "AWS::CloudWatch::Alarm",
                "Properties": {
                    "ComparisonOperator": "GreaterThanThreshold",
                    "EvaluationPeriods": 1,
                    "Threshold": 1,
                    "Metrics": [{"Id": "rate", "Expression": "100 * errors"}],
                },
            },
        }
    },
    "Second": {
        "Resources": {
            "Url": {
                "Type": "AWS::SSM::Parameter",
                "Properties": {"Type": "String", "Name": f"/orderflow/{STAGE}/second/api-url", "Value": f"http://{SAYS}"},
            }
        },
        "Outputs": {"Says": {"Value": SAYS}},
    },
}

out = Path(os.environ["CDK_OUTDIR"])
out.mkdir(parents=True, exist_ok=True)
artifacts = {}
for name, template in STACKS.items():
    (out / f"{name}.template.json").write_text(json.dumps(template))
    artifacts[name] = {
        "type": "aws:cloudformation:stack",
        "environment": "aws://000000000000/us-east-1",
        "displayName": name,
        "properties": {"templateFile": f"{name}.template.json", "stackName": f"toy-{STAGE}-{name.lower()}"},
    }
(out / "manifest.json").write_text(json.dumps({"version": "36.0.0", "artifacts": artifacts}))
