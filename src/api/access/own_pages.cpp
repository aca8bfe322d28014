#include "api/access/own_pages.h"

#include <algorithm>
#include <memory>

#include "api/access/ask_first.h"
#include "api/access/protocol_paths.h"
#include "core/ascii_case.h"

namespace tenure::api {
namespace {

constexpr std::string_view kRefusal = "Cross-origin request blocked";

/// "ml.example:8443" → "ml.example"; "[::1]:80" → "[::1]".
std::string_view without_port(std::string_view host) {
  const std::size_t colon = host.rfind(':');
  if (colon == std::string_view::npos || host.find(']', colon) != std::string_view::npos)
    return host;
  return host.substr(0, colon);
}

bool is_this_machine(std::string_view host) {
  const std::string_view name = without_port(host);
  return core::equals_ignoring_case(name, "localhost") || name == "127.0.0.1" || name == "[::1]";
}

bool changes_something(net::Method method) {
  return method == net::Method::kPost || method == net::Method::kPut ||
         method == net::Method::kPatch || method == net::Method::kDelete;
}

}  // namespace

bool is_own_page(std::string_view origin, std::string_view host,
                 const std::vector<std::string>& allowed) {
  if (origin.empty()) return true;
  const bool is_allowed = std::any_of(allowed.begin(), allowed.end(), [&](const std::string& one) {
    return one == "*" || one == origin;
  });
  if (is_allowed) return true;
  const std::size_t scheme = origin.find("://");
  if (scheme == std::string_view::npos) return false;  // "null": a page without an address
  const std::string_view from = origin.substr(scheme + 3);
  return is_this_machine(from) || core::equals_ignoring_case(from, host);
}

void refuse_foreign_pages(const std::vector<std::string>& allowed,
                          std::vector<net::Route>& routes) {
  const auto origins = std::make_shared<const std::vector<std::string>>(allowed);
  const auto refuses = [origins](const net::Request& request, net::Response& response) {
    if (is_own_page(request.header("Origin"), request.header("Host"), *origins)) return false;
    response.error(403, kRefusal);
    return true;
  };
  for (net::Route& route : routes) {
    if (is_tracking_path(route.path) && changes_something(route.method)) ask_first(refuses, route);
  }
}

}  // namespace tenure::api
