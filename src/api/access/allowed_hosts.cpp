#include "api/access/allowed_hosts.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "api/access/ask_first.h"
#include "api/access/protocol_paths.h"
#include "core/ascii_case.h"

namespace tenure::api {
namespace {

/// RFC 6761, RFC 6762, RFC 8375, ICANN's .internal, and what clusters resolve by themselves.
constexpr std::array<std::string_view, 6> kPrivateEnds = {".localhost", ".local",     ".internal",
                                                          ".test",      ".home.arpa", ".svc"};

bool ends_ignoring_case(std::string_view text, std::string_view end) {
  return text.size() >= end.size() &&
         core::equals_ignoring_case(text.substr(text.size() - end.size()), end);
}

std::string_view without_port(std::string_view host) {
  const std::size_t colon = host.rfind(':');
  return colon == std::string_view::npos ? host : host.substr(0, colon);
}

/// Four numbers and dots, however written: a name whose last label is a number is in no DNS.
bool is_ipv4(std::string_view name) {
  const std::string_view last = name.substr(name.rfind('.') + 1);
  return !last.empty() && last.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_private(std::string_view name) {
  if (name.find('.') == std::string_view::npos || is_ipv4(name)) return true;
  return std::ranges::any_of(kPrivateEnds,
                             [&](std::string_view end) { return ends_ignoring_case(name, end); });
}

bool matches(std::string_view host, std::string_view name, const std::string& wanted) {
  if (wanted.starts_with("*.")) return ends_ignoring_case(name, std::string_view(wanted).substr(1));
  return core::equals_ignoring_case(host, wanted) || core::equals_ignoring_case(name, wanted);
}

}  // namespace

AllowedHosts::AllowedHosts(std::vector<std::string> names)
    : names_(std::move(names)), allows_all_(std::ranges::count(names_, "*") > 0) {}

bool AllowedHosts::allows(std::string_view host) const {
  if (allows_all_ || host.empty() || host.starts_with('[')) return true;  // an address of IPv6
  std::string_view name = without_port(host);
  if (name.ends_with('.')) name.remove_suffix(1);  // the root, which is said by nobody
  return is_private(name) || std::ranges::any_of(names_, [&](const std::string& wanted) {
           return matches(host, name, wanted);
         });
}

void refuse_foreign_hosts(const AllowedHosts& hosts, std::vector<net::Route>& routes) {
  if (hosts.allows_all()) return;
  const auto allowed = std::make_shared<const AllowedHosts>(hosts);
  const auto refuses = [allowed](const net::Request& request, net::Response& response) {
    const std::string_view host = request.header("Host");
    if (allowed->allows(host)) return false;
    response.error(403, fmt::format("Invalid Host header - possible DNS rebinding attack detected: "
                                    "'{}' is not in serving.allowed_hosts",
                                    host.substr(0, 256)));
    return true;
  };
  for (net::Route& route : routes) {
    if (route.role != net::Role::kAnyone || is_tracking_path(route.path)) ask_first(refuses, route);
  }
}

}  // namespace tenure::api
