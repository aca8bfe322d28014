#pragma once

#include "core/result.h"
#include "decision/expression_tree.h"

namespace tenure::decision {

/// Resolves the names of a parsed tree and gives every node its type. A bare name is a variable if
/// there is one of that name, else a feature; a name in double quotes is a feature.
/// Errors: kInvalidArgument with the position: an unknown name (with the nearest known one), or a
/// type that does not fit where it stands (with the one that was expected).
core::Result<> check_expression(ExpressionTree& tree, const Vocabulary& vocabulary,
                                ValueType wanted);

}  // namespace tenure::decision
