"""Event patterns with events that they take and events that they don't, from AWS's user guide.

https://docs.aws.amazon.com/eventbridge/latest/userguide/ + `eb-event-patterns.html`, `eb-create-pattern-operators.html`,
`eb-event-patterns-null-values.html`, `eb-event-patterns-arrays.html`; the cases of arrays of objects and of a name that is
said twice are from https://github.com/aws/event-ruler (README).
"""

from dataclasses import dataclass
from typing import Any

EC2 = {
    "version": "0",
    "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
    "detail-type": "EC2 Instance State-change Notification",
    "source": "aws.ec2",
    "account": "111122223333",
    "time": "2017-12-22T18:43:48Z",
    "region": "us-west-1",
    "resources": ["arn:aws:ec2:us-west-1:123456789012:instance/i-1234567890abcdef0"],
    "detail": {"instance-id": "i-1234567890abcdef0", "state": "terminated"},
}


@dataclass(frozen=True)
class Documented:
    """A pattern, details of EC2's event (or other events) that it takes, and those that it does not."""

    about: str
    pattern: dict[str, Any]
    taken: tuple[dict[str, Any], ...]
    refused: tuple[dict[str, Any], ...] = ()

    def __str__(self) -> str:
        return self.about


def ec2(**detail: Any) -> dict[str, Any]:
    return {**EC2, "detail": {name.replace("_", "-"): value for name, value in detail.items()}}


def other(**envelope: Any) -> dict[str, Any]:
    return {**EC2, **{name.replace("_", "-"): value for name, value in envelope.items()}}


def of(**detail: Any) -> dict[str, Any]:
    """Return a pattern of the event's detail."""
    return {"detail": {name.replace("_", "-"): value for name, value in detail.items()}}


DOCUMENTED = (
    Documented(
        "three requirements",
        {"source": ["aws.ec2"], "detail-type": [EC2["detail-type"]], "detail": {"state": ["terminated"]}},
        (EC2,),
        (ec2(state="running"), ec2(), other(source="aws.ecs"), other(detail_type="AWS API Call")),
    ),
    Documented(
        "several values", {"source": ["aws.ec2", "aws.fargate"]}, (EC2, other(source="aws.fargate")), (other(source="x"),)
    ),
    Documented("case counts", {"source": ["AWS.EC2"]}, (), (EC2,)),
    Documented("null", of(responseElements=[None]), (ec2(responseElements=None),), (ec2(responseElements=""), ec2())),
    Documented("empty string", of(eventVersion=[""]), (ec2(eventVersion=""),), (ec2(eventVersion=None), ec2(eventVersion="1"))),
    Documented(
        "numbers, nested",
        {"detail": {"risk-score": [80], "trigger": {"risk": [8]}}},
        (ec2(risk_score=80, trigger={"risk": 8}), ec2(risk_score=80.0, trigger={"risk": 8, "alert-type": "basic"})),
        (ec2(risk_score=80), ec2(risk_score="80", trigger={"risk": 8}), ec2(risk_score=80, trigger=[8])),
    ),
    Documented("true is not 1", of(done=[True]), (ec2(done=True),), (ec2(done=1), ec2(done="true"), ec2(done=False))),
    Documented(
        "an array in the event",
        {"resources": ["arn:a", "arn:b"]},
        (other(resources=["arn:x", "arn:b"]), other(resources="arn:a")),
        (other(resources=["arn:x"]), other(resources=[])),
    ),
    Documented(
        "one element of an array must match as a whole",
        of(employees={"firstName": ["Anna"], "lastName": ["Smith"]}),
        (
            ec2(employees=[{"firstName": "John", "lastName": "Doe"}, {"firstName": "Anna", "lastName": "Smith"}]),
            ec2(employees=[[{"firstName": "Anna", "lastName": "Smith"}]]),
        ),
        (
            ec2(employees=[{"firstName": "Anna", "lastName": "Doe"}, {"firstName": "John", "lastName": "Smith"}]),
            ec2(employees=[]),
        ),
    ),
    Documented(
        "prefix", {"time": [{"prefix": "2017-10-02"}]}, (other(time="2017-10-02T18:43:48Z"),), (EC2, other(time=20171002))
    ),
    Documented(
        "prefix in any case",
        of(service=[{"prefix": {"equals-ignore-case": "EventB"}}]),
        (ec2(service="eventbridge"), ec2(service="EVENTBUS")),
        (ec2(service="even"),),
    ),
    Documented("suffix", of(FileName=[{"suffix": ".png"}]), (ec2(FileName="a.png"),), (ec2(FileName="a.PNG"), ec2(FileName=5))),
    Documented(
        "suffix in any case",
        of(FileName=[{"suffix": {"equals-ignore-case": ".png"}}]),
        (ec2(FileName="a.png"), ec2(FileName="a.PNG")),
        (ec2(FileName="a.jpg"),),
    ),
    Documented(
        "anything but a string",
        of(state=[{"anything-but": "initializing"}]),
        (ec2(state="running"), ec2(state=5), ec2(state=None), ec2(state=["initializing", "running"])),
        (ec2(state="initializing"), ec2(), ec2(state=[]), ec2(state={"code": 1})),
    ),
    Documented(
        "anything but a number", of(x_limit=[{"anything-but": 123}]), (ec2(x_limit=1), ec2(x_limit="123")), (ec2(x_limit=123),)
    ),
    Documented(
        "anything but strings",
        of(state=[{"anything-but": ["stopped", "overloaded"]}]),
        (ec2(state="running"),),
        (ec2(state="stopped"), ec2(state="overloaded")),
    ),
    Documented(
        "anything but numbers",
        of(x_limit=[{"anything-but": [100, 200, 300]}]),
        (ec2(x_limit=101),),
        (ec2(x_limit=200.0), ec2()),
    ),
    Documented(
        "anything but in any case",
        of(state=[{"anything-but": {"equals-ignore-case": "initializing"}}]),
        (ec2(state="running"),),
        (ec2(state="Initializing"), ec2(state="INITIALIZING")),
    ),
    Documented(
        "anything but several in any case",
        of(state=[{"anything-but": {"equals-ignore-case": ["initializing", "stopped"]}}]),
        (ec2(state="running"),),
        (ec2(state="Initializing"), ec2(state="STOPPED")),
    ),
    Documented(
        "anything but a prefix",
        of(state=[{"anything-but": {"prefix": "init"}}]),
        (ec2(state="running"), ec2(state=5)),
        (ec2(state="initializing"),),
    ),
    Documented(
        "anything but several prefixes",
        of(state=[{"anything-but": {"prefix": ["init", "error"]}}]),
        (ec2(state="running"),),
        (ec2(state="initializing"), ec2(state="errors")),
    ),
    Documented(
        "anything but suffixes",
        of(FileName=[{"anything-but": {"suffix": [".txt", ".rtf"]}}]),
        (ec2(FileName="a.png"),),
        (ec2(FileName="a.txt"), ec2(FileName="a.rtf")),
    ),
    Documented(
        "anything but wildcards",
        of(FilePath=[{"anything-but": {"wildcard": ["*/lib/*", "*/bin/*"]}}]),
        (ec2(FilePath="/usr/share/a"),),
        (ec2(FilePath="/usr/lib/a"), ec2(FilePath="/usr/bin/a")),
    ),
    Documented(
        "numbers in bounds",
        of(c_count=[{"numeric": [">", 0, "<=", 5]}], d_count=[{"numeric": ["<", 10]}], x_limit=[{"numeric": ["=", 3.018e2]}]),
        (ec2(c_count=5, d_count=9.5, x_limit=301.8),),
        (
            ec2(c_count=0, d_count=3, x_limit=301.8),
            ec2(c_count=1, d_count=10, x_limit=301.8),
            ec2(c_count="1", d_count=1, x_limit=301.8),
        ),
    ),
    Documented(
        "addresses",
        of(sourceIPAddress=[{"cidr": "10.0.0.0/24"}]),
        (ec2(sourceIPAddress="10.0.0.255"),),
        (
            ec2(sourceIPAddress="10.0.1.0"),
            ec2(sourceIPAddress="2001:db8::1"),
            ec2(sourceIPAddress="localhost"),
            ec2(sourceIPAddress=1),
        ),
    ),
    Documented(
        "IPv6", of(ip=[{"cidr": "2001:db8::/32"}]), (ec2(ip="2001:db8::1"),), (ec2(ip="2001:db9::1"), ec2(ip="10.0.0.1"))
    ),
    Documented(
        "exists",
        of(state=[{"exists": True}]),
        (EC2, ec2(state=None), ec2(state=["a"])),
        (ec2(), ec2(state={"code": 1}), ec2(state=[]), other(detail={})),
    ),
    Documented(
        "exists not",
        of(c_count=[{"exists": False}]),
        (EC2, ec2(c_count={"c1": 100}), other(detail="text")),
        (ec2(c_count=0), ec2(c_count=None)),
    ),
    Documented("there is none, or it is this", of(a=["x", {"exists": False}]), (ec2(), ec2(a="x")), (ec2(a="y"),)),
    Documented("no replay", {"replay-name": [{"exists": False}]}, (EC2,), (other(replay_name="monday"),)),
    Documented(
        "in any case", of(name=[{"equals-ignore-case": "alice"}]), (ec2(name="ALICE"),), (ec2(name="alicia"), ec2(name=1))
    ),
    Documented(
        "wildcard",
        of(EventBusArn=[{"wildcard": "dir/*.png"}]),
        (ec2(EventBusArn="dir/a.png"), ec2(EventBusArn="dir/.png"), ec2(EventBusArn="dir/b/a.png")),
        (ec2(EventBusArn="dir/a.jpg"), ec2(EventBusArn="a/dir/a.png"), ec2(EventBusArn="dir.png")),
    ),
    Documented(
        "two wildcards",
        of(path=[{"wildcard": "*/users/*/orders"}]),
        (ec2(path="a/users/b/orders"), ec2(path="/users//orders")),
        (ec2(path="/users/orders"), ec2(path="a/users/b/orders/")),
    ),
    Documented(
        "escaped wildcards",
        of(name=[{"wildcard": "a\\*b\\\\*"}]),
        (ec2(name="a*b\\"), ec2(name="a*b\\c")),
        (ec2(name="axb\\"), ec2(name="a*bc")),
    ),
    Documented(
        "or",
        {
            "detail": {
                "$or": [
                    {"c-count": [{"numeric": [">", 0, "<=", 5]}]},
                    {"d-count": [{"numeric": ["<", 10]}]},
                    {"x-limit": [{"numeric": ["=", 3.018e2]}]},
                ]
            }
        },
        (ec2(c_count=3), ec2(c_count=9, d_count=9), ec2(x_limit=301.8)),
        (ec2(), ec2(c_count=6, d_count=10, x_limit=300)),
    ),
    Documented(
        "or, nested, and a requirement beside it",
        {
            "source": ["aws.cloudwatch"],
            "$or": [
                {"metricName": ["CPUUtilization", "ReadLatency"]},
                {"metricType": ["MetricType"], "namespace": ["AWS/EC2"], "$or": [{"metricId": [1234]}, {"spaceId": [1000]}]},
                {"scope": ["Service"]},
            ],
        },
        (
            other(source="aws.cloudwatch", scope="Service"),
            other(source="aws.cloudwatch", metricType="MetricType", namespace="AWS/EC2", spaceId=1000),
        ),
        (
            other(source="aws.ec2", scope="Service"),
            other(source="aws.cloudwatch"),
            other(source="aws.cloudwatch", metricType="MetricType", namespace="AWS/EC2"),
        ),
    ),
    Documented(
        "or, as a field's own name",
        {"$or": {"metricType": ["MetricType"]}},
        ({**EC2, "$or": {"metricType": "MetricType"}},),
        (other(metricType="MetricType"),),
    ),
    Documented(
        "or, as a field's own name, of texts",
        {"detail": {"$or": ["a", "b"]}},
        (other(detail={"$or": "b"}),),
        (other(detail={"$or": "c"}),),
    ),
    Documented(
        "a field named twice is what it was said to be last",
        {"detail": {"a": ["1"], "$or": [{"a": ["2"]}, {"b": ["3"]}]}},
        (ec2(a="2"), ec2(a="1", b="3")),
        (ec2(a="1"), ec2(a="2x", b="3")),
    ),
    Documented(
        "all together",
        {
            "time": [{"prefix": "2017-10-02"}],
            "detail": {
                "state": [{"anything-but": "initializing"}],
                "c-count": [{"numeric": [">", 0, "<=", 5]}],
                "x-limit": [{"anything-but": [100, 200, 300]}],
            },
        },
        ({**ec2(state="running", c_count=5, x_limit=301.8), "time": "2017-10-02T16:24:49Z"},),
        (ec2(state="running", c_count=5, x_limit=301.8),),
    ),
)

REFUSED: tuple[tuple[Any, str], ...] = (
    ({}, "the pattern is an empty object"),
    ({"detail": {}}, "detail is an empty object"),
    ({"source": []}, "source is an empty array"),
    ({"source": "aws.ec2"}, r'source must be an array of the wanted values, such as \["aws.ec2"\]'),
    ({"source": None}, "source must be an array"),
    ({"source": [["a"]]}, r"source\[0\] must be a string, a number"),
    ({"detail": {"a": ["x", {}]}}, r"detail\.a\[1\] must have exactly one operator; it has 0"),
    ({"detail": {"a": [{"prefix": "x", "suffix": "y"}]}}, r"detail\.a\[0\] must have exactly one operator; it has 2"),
    ({"source": [{"regex": "a+"}]}, r"source\[0\] 'regex' is not an operator; there are anything-but, cidr,"),
    ({"source": [{"prefix": 5}]}, r"source\[0\]\.prefix must be a string, not 5"),
    ({"source": [{"prefix": {"wildcard": "a"}}]}, r"source\[0\]\.prefix must be a string, or"),
    ({"source": [{"equals-ignore-case": ["a"]}]}, r"source\[0\]\.equals-ignore-case must be a string"),
    ({"source": [{"wildcard": "a**b"}]}, r"source\[0\]\.wildcard two asterisks in a row at 2"),
    ({"source": [{"anything-but": {"wildcard": "a**b"}}]}, r"source\[0\]\.anything-but\.wildcard two asterisks in a row at 2"),
    ({"source": [{"wildcard": "a\\b"}]}, r"source\[0\]\.wildcard the backslash at 2"),
    ({"source": [{"wildcard": "a\\"}]}, r"source\[0\]\.wildcard the backslash at 2"),
    ({"source": [{"exists": "true"}]}, r"source\[0\]\.exists must be true or false"),
    ({"a": [{"numeric": 5}]}, r"a\[0\]\.numeric must be an array"),
    ({"a": [{"numeric": [">"]}]}, r"a\[0\]\.numeric must be an array"),
    ({"a": [{"numeric": ["!=", 5]}]}, r'a\[0\]\.numeric "!=" is not one of =, <'),
    ({"a": [{"numeric": [">", "5"]}]}, r'a\[0\]\.numeric "5" after > must be a number'),
    ({"a": [{"numeric": ["<", 5, ">", 1]}]}, "lower bound first"),
    ({"a": [{"numeric": [">", 5, "<", 5]}]}, "no number is between 5 and 5"),
    ({"a": [{"cidr": "10.0.0.0"}]}, r"a\[0\]\.cidr .* must be an address, a slash"),
    ({"a": [{"cidr": "10.0.0.0/33"}]}, "is not a block of addresses"),
    ({"a": [{"cidr": "10.0.0.1/32"}]}, "must be under 32 bits"),
    ({"a": [{"anything-but": []}]}, r"a\[0\]\.anything-but is an empty array"),
    ({"a": [{"anything-but": ["a", 1]}]}, "must be all strings or all numbers"),
    ({"a": [{"anything-but": True}]}, "true is neither a string nor a number"),
    ({"a": [{"anything-but": {"numeric": ["=", 1]}}]}, "must be strings, numbers, or an object with one of prefix"),
    ({"a": [{"anything-but": {"prefix": ""}}]}, r"a\[0\]\.anything-but\.prefix must not be empty"),
    ({"a": [{"anything-but": {"prefix": ["x", 1]}}]}, "must be all strings"),
    ({"a": [{"exactly": 1}]}, "must be a string"),
    ({"$or": [{"a": ["1"]}]}, r"\$or needs an array of at least two objects"),
    ({"$or": [{"a": ["1"]}, {"b": []}]}, "b is an empty array"),
    ({"$or": [{"numeric": 123}, {"prefix": "abc"}]}, r"\$or cannot have a field named 'numeric'"),
    ({"$or": [{f"f{n}": ["x"]} for n in range(1001)]}, "more than 1000 combinations"),
)
"""Patterns that AWS refuses, with our error texts."""
