"""`orderctl env`: the place of the deployed stage, for code on this machine."""

import boto3
import pytest

from laptop import bring_up
from tests.unit.orderctl.conftest import Stage


@pytest.mark.usefixtures("aws")
def test_only_a_deployed_stage_has_a_place() -> None:
    ssm = boto3.client("ssm", region_name="eu-west-1")
    assert bring_up.exports(Stage(stage="dev")) == {}
    ssm.put_parameter(Name="/orderflow/dev/platform/bus-name", Value="orderflow-dev", Type="String")
    ssm.put_parameter(Name="/orderflow/dev/order/api-url", Value="https://api.example/", Type="String")
    assert bring_up.exports(Stage(stage="dev")) == {"ORDERFLOW_API": "https://api.example", "ORDERFLOW_BUS": "orderflow-dev"}
    assert bring_up.exports(Stage(stage="other")) == {}
