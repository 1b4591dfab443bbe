"""Texts of the settings file: variables of the environment put in, and problems told without showing a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

_VARIABLE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-((?:[^{}])*))?\}", re.ASCII)
# Whatever is in these keys may hold a password, well formed or not.
_SECRET_KEYS = frozenset({("registry", "database")})

Key = tuple[str | int, ...]
_Model = TypeVar("_Model", bound=BaseModel)


class ProblemList:
    """Collects problems with the keys of a document.

    Args:
        document: as the file has it, before variables were put in: only its texts are shown.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._unset: set[Key] = set()
        self.texts: list[str] = []

    def add(self, key: Key, problem: str) -> None:
        """Note one problem with a key."""
        self.texts.append(f"{_dotted(key, self._document)}: {problem}")

    def add_found(self, key: Key, allowed: str) -> None:
        """Note that a value is not what is allowed; the value is shown as the file has it."""
        if key in self._unset:
            return
        self.add(key, f"found {_shown(key, self._document)}; {allowed}")

    def add_unset(self, key: Key, variable: str) -> None:
        """Note a variable that is not set; what follows from it is not told as well."""
        self._unset.add(key)
        self.add(key, f"the environment variable {variable} is not set")

    def validated(self, model: type[_Model], values: Any, key: Key) -> _Model | None:
        """The model, or ``None`` when there are problems, which are noted."""
        try:
            return model.model_validate(values)
        except ValidationError as error:
            for fault in error.errors(include_url=False, include_context=True):
                inside = (fault.get("ctx") or {}).get("key")
                place = (*key, *fault["loc"]) if inside is None else (*key, *fault["loc"], inside)
                self._add_fault(model, place, fault["type"], fault["msg"])
            return None

    def _add_fault(self, model: type[BaseModel], key: Key, kind: str, message: str) -> None:
        if kind == "missing":
            self.add(key, "missing")
        elif kind == "extra_forbidden":
            known = _known_names(model, key)
            self.add(key, f"unknown key; known are {', '.join(known)}")
        elif kind == "model_type":
            self.add(key, "needed is a table")
        elif kind == "tuple_type":
            self.add_found(key, "needed is a list")
        elif kind == "too_short":
            self.add(key, "is empty")
        elif kind == "keys":
            self.add(key, message)
        else:
            self.add_found(key, _allowed(message))


def expand(value: Any, environ: Mapping[str, str], problems: ProblemList, key: Key = ()) -> Any:
    """Put variables of the environment into every text of a document; unset ones are noted as problems."""
    if isinstance(value, Mapping):
        return {name: expand(item, environ, problems, (*key, name)) for name, item in value.items()}
    if isinstance(value, list):
        return [expand(item, environ, problems, (*key, index)) for index, item in enumerate(value)]
    if not isinstance(value, str):
        return value

    def replaced(match: re.Match[str]) -> str:
        name, default = match[1], match[2]
        if name is None:
            return "${"
        if found := environ.get(name):
            return found
        if default is not None:
            return default
        problems.add_unset(key, name)
        return match[0]

    return _VARIABLE.sub(replaced, value)


def _dotted(key: Key, document: Any) -> str:
    text, value = "", document
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
        value = _item(value, part)
        if isinstance(part, int) and isinstance(value, Mapping) and isinstance(value.get("name"), str):
            text += f"({value['name']})"
    return text


def _item(value: Any, part: str | int) -> Any:
    try:
        return value[part]
    except (KeyError, IndexError, TypeError):
        return None


def _shown(key: Key, document: Any) -> str:
    value = document
    for part in key:
        value = _item(value, part)
    if key in _SECRET_KEYS and isinstance(value, str):
        return "a text that is not shown"
    text = repr(value) if not isinstance(value, (Mapping, list)) else "a table or list"
    return text if len(text) <= 120 else f"{text[:120]}…"


def _allowed(message: str) -> str:
    text = message.removeprefix("Value error, ")
    for start in ("Input should be ", "String should "):
        if text.startswith(start):
            return f"allowed: {text.removeprefix(start)}"
    return text


def _known_names(model: type[BaseModel], key: Key) -> list[str]:
    fields = dict(model.model_fields)
    nested = [part for part in key if isinstance(part, str) and part in fields]
    for part in nested:
        annotation = fields[part].annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return sorted(annotation.model_fields)
    return sorted(fields)
