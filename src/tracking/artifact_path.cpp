#include "tracking/artifact_path.h"

#include <algorithm>

#include "core/percent.h"
#include "core/utf8.h"

namespace tenure::tracking {
namespace {

core::Error invalid_path() {
  return core::Error{core::ErrorCode::kInvalidArgument, "Invalid path"};
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Absolute somewhere, or with parts that mean something to somebody's file system.
bool is_dangerous(std::string_view path) {
  if (path.starts_with('/') || path.starts_with("file:")) return true;
  if (path.size() >= 3 && is_letter(path[0]) && path[1] == ':' && path[2] == '/') return true;
  return path.find_first_of(std::string_view("\0\\#", 3)) != std::string_view::npos;
}

}  // namespace

core::Result<std::string> safe_artifact_path(std::string_view path) {
  // Each round that changes something makes the text shorter, so this ends. A path that only grows
  // tame after more rounds than anybody needs is an attack on the time it takes.
  constexpr int kRoundsMax = 16;
  std::string decoded(path);
  for (int round = 0;; ++round) {
    if (is_dangerous(decoded)) return invalid_path();
    std::string next = core::percent_decoded(decoded);
    if (next == decoded) break;
    if (round == kRoundsMax) return invalid_path();
    decoded = std::move(next);
  }
  if (!core::is_utf8(decoded)) return invalid_path();
  std::string safe;
  for (std::string_view rest = decoded; !rest.empty();) {
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    const std::string_view segment = rest.substr(0, slash);
    rest.remove_prefix(std::min(slash + 1, rest.size()));
    if (segment == "..") return invalid_path();
    if (segment.empty() || segment == ".") continue;
    if (!safe.empty()) safe += '/';
    safe += segment;
  }
  // "./C:/x" is one such path as soon as the "./" is gone.
  if (is_dangerous(safe)) return invalid_path();
  return safe;
}

}  // namespace tenure::tracking
