#include "tracking/artifact_uri.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "core/percent.h"
#include "core/utf8.h"

namespace tenure::tracking {
namespace {

constexpr std::size_t kLocationMax = 2048;

core::Error invalid(std::string message) {
  return core::Error{core::ErrorCode::kInvalidArgument, std::move(message)};
}

/// What stands before the first ':' when it can be a scheme (RFC 3986), else nothing.
std::string_view scheme_of(std::string_view uri) {
  const std::size_t colon = uri.find(':');
  if (colon == std::string_view::npos || colon == 0) return {};
  const std::string_view scheme = uri.substr(0, colon);
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const bool is_good =
      is_letter(scheme.front()) && std::all_of(scheme.begin(), scheme.end(), [&](char c) {
        return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
      });
  return is_good ? scheme : std::string_view();
}

/// Also what is encoded several times over.
bool has_parent_reference(std::string text) {
  while (true) {
    if (text.find("..") != std::string::npos) return true;
    std::string decoded = core::percent_decoded(text);
    if (decoded == text) return false;
    text = std::move(decoded);
  }
}

std::string absolute(std::string_view path) {
  return (std::filesystem::current_path() / path).generic_string();
}

}  // namespace

std::string uri_below(std::string_view uri, std::string_view path) {
  const std::size_t query = uri.find_first_of("?#");
  std::string_view base = uri.substr(0, query);
  while (base.size() > 1 && base.ends_with('/')) base.remove_suffix(1);
  return fmt::format("{}{}{}{}", base, base.ends_with('/') ? "" : "/", path,
                     query == std::string_view::npos ? "" : uri.substr(query));
}

core::Result<std::string> checked_artifact_location(std::string_view location) {
  if (!core::is_utf8(location) || location.find('\0') != std::string_view::npos)
    return invalid("'artifact_location' must be UTF-8 text without NUL characters");
  if (location.size() > kLocationMax) {
    return invalid(
        fmt::format("Invalid artifact path length. The length of the artifact path "
                    "cannot be greater than {} characters.",
                    kLocationMax));
  }
  const std::string_view scheme = scheme_of(location);
  if (scheme == "runs") {
    return invalid(fmt::format("Artifact location cannot be a runs:/ URI. Given: '{}'", location));
  }
  const std::size_t query = location.find('?');
  if (location.find('#') != std::string_view::npos ||
      location.substr(0, query).find(';') != std::string_view::npos) {
    return invalid("'artifact_location' URL can't include fragments or params.");
  }
  if (query != std::string_view::npos && has_parent_reference(std::string(location.substr(query))))
    return invalid("Invalid query string");
  if (scheme.empty()) return location.starts_with('/') ? std::string(location) : absolute(location);
  constexpr std::string_view kFile = "file:";
  if (scheme == "file" && !location.substr(kFile.size()).starts_with('/'))
    return "file://" + absolute(location.substr(kFile.size()));
  return std::string(location);
}

}  // namespace tenure::tracking
