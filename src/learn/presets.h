#pragma once

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
  std::map<std::string, std::string> params;
};

/// All presets, the simplest first: among equals `auto` prefers the earlier.
std::span<const Preset> presets();

/// Errors: kInvalidArgument naming the known ones.
core::Result<const Preset*> find_preset(std::string_view name);

}  // namespace tenure::learn
