"""`orderctl stages`: list, show, check, new. The files `stages/<stage>.yaml`; no command calls AWS."""

from collections.abc import Callable
from typing import Annotated, TypedDict, TypeVar

import typer

import stages
from operations.errors import CheckFailedError, UserError, WrongUsageError
from orderctl.terminal import files, output, stage_names
from orderctl.terminal.output import Format, OutputOption
from stages import StageError

app = typer.Typer(no_args_is_help=True, help="List, show, check and create stages (`stages/<stage>.yaml`).")
LISTED = {
    "stage": "Stage",
    "account": "Account",
    "region": "Region",
    "lasts": "Lasts",
    "gateway": "Gateway",
    "carrier": "Carrier",
}
Name = Annotated[str, typer.Argument(metavar="STAGE", help="The stage, such as prod.")]
T = TypeVar("T")


class Checked(TypedDict):
    """The result of a stage's check: the fault of its file, or the settings that need a decision."""

    stage: str
    fault: str | None
    remarks: list[str]


def register(root: typer.Typer) -> None:
    """Add the commands to the command line."""
    root.add_typer(app, name="stages")


@app.command("list")
def list_stages(output_format: OutputOption = Format.TABLE) -> None:
    """List the stages that have a file.

    Example: `orderctl stages list`
    """
    found = [_read(stages.load, name) for name in stages.names()]
    rows = [{**vars(stage), "stage": stage.name, "lasts": not stage.ephemeral} for stage in found]
    empty = f"There is no stage file in {stages.folder()}."
    output.show([{key: row[key] for key in LISTED} for row in rows], LISTED, output_format, empty=empty)


@app.command()
def show(stage: Name, output_format: OutputOption = Format.TABLE) -> None:
    """Show a stage's settings, including the defaults.

    Examples:

    - `orderctl stages show dev`

    - `orderctl stages show prod -o json | jq .gateway`
    """
    settings = _read(stages.load, stage_names.checked(stage))
    if output_format is Format.JSON:
        output.show_json({name: settings.value(name) for name in stages.SETTINGS})
        return
    rows = [{"setting": name, "value": stages.as_text(settings.value(name))} for name in stages.SETTINGS]
    output.show(rows, {"setting": "Setting", "value": "Value"}, output_format)


@app.command()
def check(
    stage: Annotated[str | None, typer.Argument(metavar="[STAGE]", help="The stage.  [default: all]")] = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Check the files of stages against the schema. Exit code 3 if one is invalid.

    Example: `orderctl stages check prod`
    """
    found = [_checked(name) for name in ([stage_names.checked(stage)] if stage else stages.names())]
    if output_format is Format.JSON:
        output.show_json(found)
    else:
        for each in found:
            said = [f"{each['stage']}: {remark}" for remark in ("the file is valid.", *each["remarks"])]
            for line in [each["fault"]] if each["fault"] else said:
                output.out.print(line, markup=False, soft_wrap=True)
    wrong = [each["stage"] for each in found if each["fault"]]
    if wrong:
        raise CheckFailedError(f"Invalid: {', '.join(wrong)}.", "Correct the errors above, then check again.")


@app.command()
def new(
    stage: Name,
    account: Annotated[str | None, typer.Option(help="The AWS account, 12 digits.")] = None,
    region: Annotated[str | None, typer.Option(help="The region.")] = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Create the file of a new stage: a copy of the example, with a comment for each setting.

    Example: `orderctl stages new prod --account 123456789012 --region eu-central-1`
    """
    file = stages.folder() / f"{stage_names.checked(stage)}.yaml"
    if file.exists():
        raise UserError(f"{file} already exists.", f"Show it with `orderctl stages show {stage}`.")
    given = {"account": f'"{account}"' if account else None, "region": region}
    text = stages.example(stage, **{name: value for name, value in given.items() if value})
    try:
        stages.parse(stage, text, str(file))
    except StageError as error:
        raise WrongUsageError(error.message, error.hint) from error
    files.write(file, text)
    if output_format is Format.JSON:
        output.show_json({"stage": stage, "file": str(file)})
    output.err.print(
        f"Created {file}. Fill it in, check it with `orderctl stages check {stage}`, and commit it.", soft_wrap=True
    )


def _checked(name: str) -> Checked:
    try:
        return {"stage": name, "fault": None, "remarks": stages.remarks(stages.load(name))}
    except StageError as error:
        return {"stage": name, "fault": str(error), "remarks": []}


def _read(read: Callable[[str], T], stage: str) -> T:
    try:
        return read(stage)
    except StageError as error:
        raise UserError(error.message, error.hint) from error
