#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "data/engine.h"
#include "data/text_rule.h"
#include "decision/policy.h"
#include "learn/model.h"

namespace tenure::serving {

struct ScoreFunctionOptions {
  /// One for each input of the model: how its texts, given as they are written, are to be read.
  /// Empty = as they are given.
  std::vector<std::optional<data::TextRule>> written;
  /// Says who is positive, by the costs of each row: the sign of what the function gives then.
  std::optional<decision::Policy> policy;
  /// Called after every batch of rows, by several threads at a time. An error ends the statement.
  std::function<core::Result<>(std::size_t rows)> on_rows;
};

/// Lets SQL of `engine` score rows: a function with one argument for each input of the model, in
/// its order, texts as VARCHAR and all else as DOUBLE (booleans 0 and 1, times as microseconds
/// since 1970), that gives the probability. The bits of Model::score. With a policy it gives the
/// probability below zero (signbit, for 0 too) for rows that are positive. Returns its name, which
/// no other has; the engine keeps copies of the model and the policy for it.
core::Result<std::string> add_score_function(data::Engine& engine, const learn::Model& model,
                                             ScoreFunctionOptions options = {});

/// A call of that function over columns named as given, one for each input.
std::string score_call(const std::string& function, const learn::Model& model,
                       std::span<const std::string> columns);

}  // namespace tenure::serving
