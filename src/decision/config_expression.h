#pragma once

#include <string_view>

#include "core/config.h"
#include "core/result.h"
#include "decision/expression.h"

namespace tenure::decision {

/// Compiles the expression under a key of the configuration. Errors: as Expression::compile, with
/// line and key; kInvalidArgument when the key is empty.
core::Result<Expression> read_expression(const core::Config& section, std::string_view key,
                                         const Vocabulary& vocabulary, ValueType wanted);

struct Range {
  double low = 0;
  double high = 0;
};

/// As read_expression, for a number in that range. Only an expression that is constant can be held
/// to it here; the others are the caller's to clamp.
core::Result<Expression> read_number_expression(const core::Config& section, std::string_view key,
                                                const Vocabulary& vocabulary, Range range);

}  // namespace tenure::decision
