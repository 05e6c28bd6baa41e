"""Every error that the services raise on purpose is in the error tree, and so on its page."""

from orderctl.reference import errors


def test_every_error_class_descends_from_the_root_of_the_tree() -> None:
    found = list(errors.classes())
    in_the_tree = {"OrderflowError", *(each.name for each in errors.below("OrderflowError", found))}
    assert [f"{each.module}: {each.name}" for each in found if each.name not in in_the_tree] == []


def test_every_error_class_is_of_one_of_the_kinds() -> None:
    found = list(errors.classes())
    kinds = {kind.__name__ for kind in errors.KINDS}
    below = {each.name for kind in kinds for each in errors.below(kind, found)}
    assert {each.name for each in found} - below == {"OrderflowError", *kinds}
