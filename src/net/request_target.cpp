#include "net/request_target.h"

#include <algorithm>

namespace tenure::net {
namespace {

/// What follows "http://" or "https://", whose letters may be of either case.
std::optional<std::string_view> without_scheme(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    const bool is_it = target.size() >= scheme.size() &&
                       std::equal(scheme.begin(), scheme.end(), target.begin(), [](char a, char b) {
                         return a == (b >= 'A' && b <= 'Z' ? b + 32 : b);
                       });
    if (is_it) return target.substr(scheme.size());
  }
  return std::nullopt;
}

}  // namespace

std::optional<TargetParts> split_target(std::string_view target) {
  if (!target.starts_with('/')) {
    const auto rest = without_scheme(target);
    if (!rest) return std::nullopt;
    const std::size_t authority = std::min(rest->find_first_of("/?"), rest->size());
    if (authority == 0) return std::nullopt;
    target = rest->substr(authority);
  }
  const std::size_t question = std::min(target.find('?'), target.size());
  TargetParts parts;
  parts.path = question == 0 ? std::string_view("/") : target.substr(0, question);
  parts.query = target.substr(std::min(question + 1, target.size()));
  return parts;
}

}  // namespace tenure::net
