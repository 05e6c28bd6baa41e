"""The source of a module of the checkout: its syntax tree, and where a part of it ends in the text."""

import ast

from operations.errors import UserError


class Source:
    """A module's text and its tree. Raises UserError for a text that is no Python; `place` names it."""

    def __init__(self, text: str, place: str) -> None:
        try:
            self.tree = ast.parse(text)
        except (SyntaxError, ValueError) as error:
            raise UserError(f"{place} is not Python, so nothing was written: {error}.", "Correct it, and try again.") from error
        self.place = place
        self._bytes = text.encode()
        self._lines = [len(line) for line in self._bytes.splitlines(keepends=True)]

    def end(self, node: ast.expr | ast.stmt) -> int:
        """Return where a node ends, in characters of the text. The tree counts the bytes of each line."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return len(self._bytes[: sum(self._lines[: node.end_lineno - 1]) + node.end_col_offset].decode())

    def literal(self, node: ast.expr) -> str:
        """Return the text that an expression is. Raises UserError for one that has to be run to be known."""
        try:
            return str(ast.literal_eval(node))
        except ValueError:
            fault = f"{self.place}, line {node.lineno}: `{ast.unparse(node)}` is no text in quotes, so nothing was written."
            raise UserError(fault, "Write the text itself there, and try again.") from None
