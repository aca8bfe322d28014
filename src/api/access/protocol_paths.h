#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace tenure::api {

/// Whether `path` is `prefix` or lies below it.
inline bool is_below(std::string_view path, std::string_view prefix) {
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

/// Whether a path belongs to MLflow's tracking server: its API and what its web page loads.
inline bool is_tracking_path(std::string_view path) {
  constexpr std::array<std::string_view, 7> kPrefixes = {
      "/api/2.0",      "/api/3.0",        "/ajax-api",       "/graphql",
      "/get-artifact", "/model-versions", "//model-versions"};
  return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](std::string_view prefix) { return is_below(path, prefix); });
}

}  // namespace tenure::api
