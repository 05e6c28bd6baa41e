"""Gap: a reference to a secret in a template gives its name. On AWS it gives the ARN, which the policies of roles need."""

from laptop.emulator.extensions.engine_functions import Document, EngineChangedError, EngineFunction

TYPE = "AWS::SecretsManager::Secret"


def register() -> None:
    """Identify secrets by their ARNs in CloudFormation."""
    from ministack.services.cloudformation import provisioners

    handlers = provisioners._RESOURCE_HANDLERS.get(TYPE, {})
    if not handlers.keys() >= {"create", "update", "delete"}:
        raise EngineChangedError(f"CloudFormation provisions {TYPE} in another way")
    handlers |= {
        "create": _by_arn(handlers["create"]),
        "update": _by_arn(_from_name(handlers["update"])),
        "delete": _from_name(handlers["delete"]),
    }


def _by_arn(original: EngineFunction) -> EngineFunction:
    def provision(*arguments: object, **named: object) -> tuple[str, Document]:
        _, attributes = original(*arguments, **named)
        return attributes["Arn"], attributes

    return provision


def _from_name(original: EngineFunction) -> EngineFunction:
    from ministack.services import secretsmanager

    def work(physical_id: str, *arguments: object, **named: object) -> object:
        name, _ = secretsmanager._resolve(physical_id)
        return original(name or physical_id, *arguments, **named)

    return work
