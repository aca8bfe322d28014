#include "storage/store_url.h"

#include <algorithm>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace tenure::storage {
namespace {

core::Error bad_url(std::string_view what, std::string_view url, std::string_view why) {
  return core::Error{core::ErrorCode::kInvalidArgument,
                     fmt::format("{} URL '{}': {}", what, url, why)};
}

}  // namespace

core::Result<StoreUrl> parse_store_url(std::string_view url, const std::string& base,
                                       std::span<const std::string_view> schemes,
                                       std::string_view what) {
  const std::size_t colon = url.find("://");
  const std::string_view scheme =
      colon == std::string_view::npos ? std::string_view() : url.substr(0, colon);
  if (std::find(schemes.begin(), schemes.end(), scheme) == schemes.end()) {
    // Only the scheme is shown: the rest of a foreign URL may hold a password.
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("{} URL with scheme '{}': known schemes are {}", what, scheme,
                                   fmt::join(schemes, ", "))};
  }
  const std::string_view rest = url.substr(colon + 3);
  StoreUrl result;
  result.scheme = scheme;
  if (rest == ":memory:") {
    result.in_memory = true;
    return result;
  }
  if (rest.empty() || rest.front() != '/') {
    return bad_url(what, url,
                   fmt::format("expected {0}:///path/below/project or {0}:////absolute/path "
                               "(an embedded store has no host)",
                               scheme));
  }
  const std::string_view path = rest.substr(1);
  if (path.empty()) return bad_url(what, url, "the path is empty");
  if (path.find('\0') != std::string_view::npos) return bad_url(what, url, "the path holds a NUL");
  if (path.find_first_of("?#") != std::string_view::npos)
    return bad_url(what, url, "options after '?' or '#' are not supported here");

  std::error_code status;
  const std::filesystem::path root = std::filesystem::absolute(base.empty() ? "." : base, status);
  if (status) return bad_url(what, url, "the current folder cannot be read: " + status.message());
  // An absolute right side replaces the left one.
  result.path = (root / std::filesystem::path(path)).lexically_normal();
  if (result.path.has_relative_path() && result.path.filename().empty())
    result.path = result.path.parent_path();  // drops a trailing '/'
  return result;
}

}  // namespace tenure::storage
