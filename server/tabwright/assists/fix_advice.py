"""Advice for the prompt: how to fix diagnostics that models often fix wrongly, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping

from tabwright.core.action import Diagnostic

# By rule (lower case), without the tool's name, because two tools rarely use one rule name.
_BY_CODE: Mapping[str, str] = {
    "line-too-long": "Break the line inside its brackets, or the string into adjacent parts.",
    "e501": "Break the line inside its brackets, or the string into adjacent parts.",
    "unused-import": "Delete the import; when it imports several names, only the unused one.",
    "f401": "Delete the import; when it imports several names, only the unused one.",
    "unused-variable": "Delete the assignment, keeping a call on its right for what it does.",
    "f841": "Delete the assignment, keeping a call on its right for what it does.",
    "reportundefinedvariable": "Import the name, define it, or correct its spelling.",
    "undefined-variable": "Import the name, define it, or correct its spelling.",
    "f821": "Import the name, define it, or correct its spelling.",
    "reportoptionalmemberaccess": "Check for None before the access.",
    "reportoptionalsubscript": "Check for None before the subscript.",
    "reportattributeaccessissue": "Use a member that exists, or define the missing one.",
    "reportabstractusage": "Instantiate a subclass that implements the abstract methods.",
    "reportcallissue": "Give the call exactly the arguments that the function declares.",
    "reportargumenttype": "Pass a value of the declared type, or widen the declaration.",
    "reportassignmenttype": "Assign a value of the declared type, or correct the declaration.",
    "reportreturntype": "Return the declared type on every path, or correct the declaration.",
    "reportindexissue": "Make sure the value can be subscripted, as by a check for None before.",
    "broad-except": "Catch the exceptions that the body can raise.",
    "bare-except": "Name the exception; `Exception` when any may come.",
    "dangerous-default-value": "Default to None, and make the value in the body.",
    "b006": "Default to None, and make the value in the body.",
    "2322": "Give a value of the declared type, or handle undefined with a default.",
    "2304": "Import or declare the name, or correct its spelling.",
    "2339": "Declare the missing member, or use one that exists.",
    "2345": "Pass a value of the parameter's type, or narrow it first.",
    "2391": "Give the function a body.",
    "2532": "Check for undefined first, or use optional chaining.",
    "2554": "Give the call exactly the arguments that the function declares.",
    "1015": "Keep the default value and take the question mark away.",
    "7006": "Give the parameter a type.",
    "18048": "Check for undefined first, or use optional chaining.",
}
_BY_MESSAGE: Mapping[str, str] = {
    "allowed only within async function": "Make the enclosing function `async def`; where there "
    "is none, `asyncio.run` does.",
    "is not defined": "Import the name, define it, or correct its spelling.",
    "is not a known attribute of": "Check for None before the access.",
    "is not a known member of": "Check for None before the access.",
    "is abstract": "Instantiate a subclass that implements the abstract methods.",
    "is possibly 'undefined'": "Check for undefined first, or use optional chaining.",
    "implicitly has an 'any' type": "Give the parameter a type.",
    "was never closed": "Close the bracket where its expression ends.",
    "unterminated string": "Close the string.",
    "expected an indented block": "Indent the body below its header; `pass` when it has none.",
    "unindent does not match": "Give the line the indentation of the block it belongs to.",
}


def fix_advice(diagnostic: Diagnostic) -> str:
    """Return how a diagnostic is usually fixed, as one sentence; "" when there is no advice."""
    code = diagnostic.code.lower().removeprefix("ts")
    if code in _BY_CODE:
        return _BY_CODE[code]
    message = diagnostic.message.lower()
    return next((advice for part, advice in _BY_MESSAGE.items() if part in message), "")
