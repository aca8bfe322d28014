#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"

namespace tenure::learn {

/// A starting point for XGBoost's parameters; what the user sets lies over it.
struct Preset {
  std::string_view name;
  std::string_view description;
  int rounds;      ///< at most; early stopping may need fewer
  int rounds_max;  ///< the same for `auto`, which always stops early while it chooses
  /// Learning rate of `auto` when there is much to learn from (has_many_rows): shallow trees with
  /// small steps would need thousands of rounds there.
  std::string_view eta_many_rows;
  std::map<std::string, std::string> params;
};

/// More than 20,000 rows, at least 2,000 of them of the rarer class.
bool has_many_rows(std::span<const std::uint8_t> labels);

/// Rounds between two looks at the validation rows then: a look costs a sixth of a round, and of
/// hundreds of rounds five more or fewer do not show.
inline constexpr int kEvaluationInterval = 5;

/// What `auto` trains with under this preset.
std::map<std::string, std::string> auto_params(const Preset& preset,
                                               std::span<const std::uint8_t> labels);

/// All presets, the simplest first: among equals `auto` prefers the earlier.
std::span<const Preset> presets();

/// Errors: kInvalidArgument naming the known ones.
core::Result<const Preset*> find_preset(std::string_view name);

}  // namespace tenure::learn
