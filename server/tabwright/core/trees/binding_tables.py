"""Where each language's grammar binds a name, opens a scope and calls a function.

A place is the type of an identifier's parent, with the field that it stands in after a dot, or with
``[1]`` for any child but the first. Few of the grammars' wheels have queries for this, and those
know no builtins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Bindings:
    """The names of one language.

    ``binding`` and ``ignored`` are places (see above). In what is ``importing`` every word binds;
    ``ignored_within`` holds no uses that can be judged. ``closed`` scopes see nothing around them.
    What ``skips`` matches may come from elsewhere. ``bases`` are children of ``classes`` that name
    a base class. ``words``: types of nodes other than identifiers that bind what they spell.
    """

    identifiers: frozenset[str]
    binding: frozenset[str]
    scopes: frozenset[str]
    ignored: frozenset[str] = frozenset()
    importing: frozenset[str] = frozenset()
    ignored_within: frozenset[str] = frozenset()
    calls: frozenset[str] = frozenset()
    judges_calls: bool = False
    classes: frozenset[str] = frozenset()
    bases: frozenset[str] = frozenset()
    closed: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    builtins: frozenset[str] = frozenset()
    skips: re.Pattern[str] | None = None


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TYPES = re.compile(r"(?<!\w)_*+(?:[A-Z]|$)")

_JS = Bindings(
    identifiers=_words(
        "identifier shorthand_property_identifier shorthand_property_identifier_pattern"
    ),
    binding=_words(
        "variable_declarator.name function_declaration.name function_expression.name"
        " generator_function_declaration.name class_declaration.name class.name formal_parameters"
        " required_parameter.pattern optional_parameter.pattern arrow_function.parameter"
        " array_pattern object_pattern pair_pattern.value assignment_pattern.left"
        " object_assignment_pattern.left rest_pattern catch_clause.parameter for_in_statement.left"
        " enum_declaration.name assignment_expression.left augmented_assignment_expression.left"
        " internal_module.name module.name function_signature.name abstract_class_declaration.name"
        " import_alias"
    ),
    scopes=_words(
        "program function_declaration function_expression arrow_function method_definition"
        " generator_function_declaration class_static_block"
    ),
    ignored=_words(
        "jsx_namespace_name nested_identifier nested_identifier.property"
        " this_type enum_body enum_assignment.name decorator"
    ),
    importing=_words("import_statement import_require_clause"),
    ignored_within=_words(
        "ambient_declaration type_annotation type_arguments type_alias_declaration"
    ),
    calls=_words("call_expression new_expression"),
    judges_calls=True,
    words=_words("type_identifier"),
    builtins=_words(
        "undefined NaN Infinity globalThis window document console process require module exports"
        " __dirname __filename Buffer setTimeout setInterval"
        " clearTimeout clearInterval setImmediate"
        " clearImmediate queueMicrotask structuredClone fetch Request Response"
        " Headers FormData Blob"
        " File FileReader URL URLSearchParams AbortController AbortSignal TextEncoder TextDecoder"
        " Event EventTarget CustomEvent MessageChannel performance crypto"
        " navigator location history"
        " localStorage sessionStorage alert confirm prompt requestAnimationFrame"
        " cancelAnimationFrame addEventListener removeEventListener self top parent"
        " Object Array String Number Boolean Symbol BigInt Function Date RegExp Math JSON Promise"
        " Proxy Reflect Map Set WeakMap WeakSet WeakRef Error TypeError RangeError SyntaxError"
        " ReferenceError EvalError URIError AggregateError ArrayBuffer SharedArrayBuffer DataView"
        " Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array Int32Array Uint32Array"
        " Float32Array Float64Array BigInt64Array BigUint64Array Intl Atomics WebAssembly eval"
        " parseInt parseFloat isNaN isFinite encodeURIComponent decodeURIComponent encodeURI"
        " decodeURI escape unescape arguments describe it test expect"
        " beforeEach afterEach beforeAll"
        " afterAll before after jest vi suite context XMLHttpRequest WebSocket Worker Image Audio"
        " Node Element HTMLElement MutationObserver"
        " IntersectionObserver ResizeObserver Notification"
        " getComputedStyle matchMedia screen btoa atob indexedDB caches postMessage importScripts"
        " React global NodeJS"
    ),
)

_JAVA = Bindings(
    identifiers=_words("identifier"),
    binding=_words(
        "variable_declarator.name formal_parameter.name catch_formal_parameter.name"
        " enhanced_for_statement.name"
        " resource.name lambda_expression.parameters inferred_parameters"
        " method_declaration.name"
        " class_declaration.name interface_declaration.name enum_constant.name"
        " enum_declaration.name record_declaration.name instanceof_expression.name type_pattern"
        " record_pattern_component constructor_declaration.name annotation_type_declaration.name"
    ),
    scopes=_words(
        "program class_body interface_body enum_body method_declaration lambda_expression"
        " constructor_declaration class_declaration record_declaration"
    ),
    ignored=_words(
        "field_access.field scoped_identifier labeled_statement break_statement continue_statement"
        " annotation.name marker_annotation.name element_value_pair.key package_declaration"
        " method_reference method_invocation.object[1] switch_label module_declaration"
    ),
    importing=_words("import_declaration"),
    calls=_words("method_invocation"),
    classes=_words("class_declaration enum_declaration record_declaration"),
    bases=_words("superclass super_interfaces"),
    skips=_TYPES,
)

_GO = Bindings(
    identifiers=_words("identifier"),
    binding=_words(
        "parameter_declaration.name"
        " variadic_parameter_declaration.name var_spec.name const_spec.name"
        " short_var_declaration.left range_clause.left function_declaration.name"
        " receive_statement.left type_switch_statement.alias type_parameter_declaration.name"
    ),
    scopes=_words("source_file function_declaration method_declaration func_literal"),
    ignored=_words("package_clause keyed_element.key"),
    importing=_words("import_declaration"),
    calls=_words("call_expression"),
    builtins=_words(
        "append cap clear close complex copy delete imag len make max min new panic print println"
        " real recover true false nil iota any bool byte comparable complex64 complex128 error"
        " float32 float64 int int8 int16 int32 int64 rune string uint uint8 uint16 uint32 uint64"
        " uintptr _"
    ),
    skips=_TYPES,
)

_RUST = Bindings(
    identifiers=_words("identifier"),
    binding=_words(
        "let_declaration.pattern parameter.pattern function_item.name closure_parameters"
        " tuple_pattern captured_pattern ref_pattern mut_pattern reference_pattern slice_pattern"
        " or_pattern for_expression.pattern let_condition.pattern match_pattern const_item.name"
        " static_item.name enum_variant.name mod_item.name macro_definition.name field_pattern"
        " const_parameter.name tuple_struct_pattern[1] function_signature_item.name"
        " remaining_field_pattern"
    ),
    scopes=_words("source_file function_item closure_expression mod_item"),
    ignored=_words(
        "scoped_identifier scoped_type_identifier macro_invocation.macro lifetime label attribute"
        " tuple_struct_pattern.type visibility_modifier scoped_use_list generic_function.function"
        " field_initializer.field shorthand_field_initializer"
    ),
    importing=_words("use_declaration extern_crate_declaration"),
    ignored_within=_words("token_tree attribute_item inner_attribute_item"),
    calls=_words("call_expression"),
    builtins=_words("drop self super crate _"),
    skips=_TYPES,
)

_C = Bindings(
    identifiers=_words("identifier"),
    binding=_words(
        "init_declarator.declarator declaration.declarator parameter_declaration.declarator"
        " optional_parameter_declaration.declarator pointer_declarator.declarator"
        " array_declarator.declarator function_declarator.declarator reference_declarator"
        " preproc_def.name preproc_function_def.name enumerator.name for_range_loop.declarator"
        " structured_binding_declarator"
        " variadic_declarator preproc_params lambda_capture_initializer.left"
        " condition_clause.value type_definition.declarator alias_declaration.name"
    ),
    scopes=_words("translation_unit function_definition lambda_expression"),
    ignored=_words(
        "qualified_identifier template_function.name"
        " labeled_statement goto_statement using_declaration"
        " namespace_definition attribute preproc_ifdef.name preproc_defined preproc_call"
        " lambda_capture_specifier field_initializer"
    ),
    importing=_words("using_declaration"),
    ignored_within=_words(
        "preproc_if preproc_elif preproc_ifdef field_declaration_list attribute_specifier"
        " attribute_declaration"
    ),
    calls=_words("call_expression"),
    classes=_words("class_specifier struct_specifier"),
    bases=_words("base_class_clause"),
    builtins=_words(
        "stdin stdout stderr errno true false nullptr this environ cout cin cerr endl std optarg"
        " __func__ __FUNCTION__ optind opterr signgam timezone daylight"
    ),
    skips=_TYPES,
)

_CSHARP = Bindings(
    identifiers=_words("identifier"),
    binding=_words(
        "variable_declarator.name parameter.name implicit_parameter foreach_statement.left"
        " catch_declaration.name declaration_pattern.name declaration_expression.name"
        " method_declaration.name property_declaration.name local_function_statement.name"
        " class_declaration.name enum_member_declaration.name parenthesized_variable_designation"
        " from_clause.name let_clause lambda_expression.parameters tuple_pattern.name var_pattern"
        " tuple_pattern join_clause query_continuation"
    ),
    scopes=_words(
        "compilation_unit declaration_list method_declaration local_function_statement"
        " lambda_expression constructor_declaration accessor_declaration"
    ),
    ignored=_words(
        "member_access_expression.name qualified_name generic_name attribute attribute_argument"
        " name_colon argument.name labeled_statement goto_statement variable_declaration.type"
        " parameter.type using_directive namespace_declaration.name member_binding_expression"
        " subpattern with_initializer assignment_expression[0] type_parameter"
    ),
    importing=_words("using_directive"),
    ignored_within=_words("initializer_expression attribute_list base_list"),
    calls=_words("invocation_expression"),
    words=_words("implicit_parameter"),
    classes=_words("class_declaration struct_declaration record_declaration"),
    bases=_words("base_list"),
    builtins=_words("value var nameof args field dynamic await global _"),
    skips=_TYPES,
)

_PHP = Bindings(
    identifiers=_words("variable_name"),
    binding=_words(
        "assignment_expression.left reference_assignment_expression.left simple_parameter.name"
        " "
        " reference_assignment_expression.right variadic_parameter.name"
        " property_promotion_parameter.name"
        " foreach_statement[1] foreach_statement.value catch_clause.name global_declaration"
        " static_variable_declaration.name by_ref augmented_assignment_expression.left"
        " property_element property_element.name unset_statement argument"
        " anonymous_function_use_clause"
    ),
    scopes=_words(
        "program function_definition method_declaration anonymous_function arrow_function"
    ),
    closed=_words("function_definition method_declaration anonymous_function"),
    ignored=_words("scoped_property_access_expression.name dynamic_variable_name"),
    builtins=_words(
        "$this $GLOBALS $_GET $_POST $_SERVER $_COOKIE $_SESSION $_FILES $_REQUEST"
        " $_ENV $argc $argv"
        " $http_response_header $php_errormsg"
    ),
)

_RUBY = Bindings(
    identifiers=_words("identifier"),
    binding=_words(
        "assignment.left operator_assignment.left method_parameters block_parameters"
        " lambda_parameters optional_parameter.name keyword_parameter.name splat_parameter.name"
        " hash_splat_parameter.name block_parameter.name destructured_parameter method.name"
        " singleton_method.name exception_variable for.pattern array_pattern hash_pattern"
        " keyword_pattern as_pattern.name rest_assignment"
    ),
    scopes=_words("program method singleton_method class module"),
    ignored=_words("call.method alias undef method_call.method setter"),
    calls=_words("call"),
    classes=_words("class module program"),
    bases=_words("superclass"),
    words=_words("simple_symbol hash_key_symbol"),
    builtins=_words(
        "puts print p pp raise require require_relative gets loop lambda proc"
        " format sprintf printf"
        " rand srand sleep exit abort binding caller block_given? catch throw private public"
        " protected attr_reader attr_writer attr_accessor include extend prepend freeze self super"
        " warn system exec fork at_exit __method__ __dir__ name class object_id hash to_s inspect"
        " nil true false yield it send method methods tap then dup clone module_function"
        " private_constant using refine private_class_method define_method instance_variable_get"
    ),
)

_KOTLIN = Bindings(
    identifiers=_words("identifier"),
    binding=_words(
        "variable_declaration class_parameter parameter function_declaration.name"
        " class_declaration.name object_declaration.name enum_entry catch_block type_parameter"
        " companion_object.name parameter_with_optional_type lambda_parameters"
    ),
    scopes=_words(
        "source_file class_declaration object_declaration function_declaration lambda_literal"
        " anonymous_function companion_object"
    ),
    ignored=_words(
        "navigation_expression[1] user_type qualified_identifier value_argument.name label"
        " package_header simple_user_type infix_expression annotation this_expression"
        " super_expression callable_reference return_expression jump_expression type_alias"
    ),
    importing=_words("import"),
    calls=_words("call_expression"),
    classes=_words("class_declaration object_declaration"),
    bases=_words("delegation_specifiers"),
    builtins=_words("it this super field value null true false"),
    ignored_within=_words("lambda_literal infix_expression annotation"),
    skips=_TYPES,
)

_BASH = Bindings(
    identifiers=_words("variable_name"),
    binding=_words(
        "variable_assignment.name for_statement.variable declaration_command c_style_for_statement"
        " unset_command subscript.name"
    ),
    scopes=_words("program"),
    words=_words("word"),
    builtins=_words("_ * @ # ? - $ ! 0"),
    skips=re.compile(r"(?<!\w)(?:[A-Z_][A-Z0-9_]*+$|\d)"),
)

BINDINGS: Mapping[str, Bindings] = {
    **dict.fromkeys(("javascript", "javascriptreact", "typescript", "typescriptreact"), _JS),
    "java": _JAVA,
    "go": _GO,
    "rust": _RUST,
    "c": _C,
    "cpp": _C,
    "csharp": _CSHARP,
    "php": _PHP,
    "ruby": _RUBY,
    "kotlin": _KOTLIN,
    "shellscript": _BASH,
}
