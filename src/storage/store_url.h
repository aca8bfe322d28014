#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"

namespace tenure::storage {

/// Where an embedded store lies.
struct StoreUrl {
  std::string scheme;
  std::filesystem::path path;  ///< absolute and normal; empty when in_memory
  bool in_memory = false;      ///< "<scheme>://:memory:"
};

/// Reads `<scheme>:///relative` (resolved against `base`) and `<scheme>:////absolute`, the form
/// SQLAlchemy uses. `schemes` are those the caller can open; `what` names the setting in messages.
/// Errors: kInvalidArgument, naming the known schemes or the part that is wrong.
core::Result<StoreUrl> parse_store_url(std::string_view url, const std::string& base,
                                       std::span<const std::string_view> schemes,
                                       std::string_view what);

}  // namespace tenure::storage
