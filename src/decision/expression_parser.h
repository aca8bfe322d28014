#pragma once

#include <string_view>

#include "core/result.h"
#include "decision/expression_tree.h"

namespace tenure::decision {

/// Reads an expression by the grammar of docs/reference/expressions.md. The tree borrows `source`;
/// names in it are not resolved yet. Errors: kInvalidArgument with the position and what was
/// expected; kResourceExhausted over ExpressionLimits. Recursion is bounded by those limits.
core::Result<ExpressionTree> parse_expression(std::string_view source);

}  // namespace tenure::decision
