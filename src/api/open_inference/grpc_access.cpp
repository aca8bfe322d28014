#include "api/open_inference/grpc_access.h"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "core/ascii_case.h"

namespace tenure::api {
namespace {

using auth::Verdict;
using Outcome = auth::Verdict::Outcome;

std::string_view metadata(const grpc::ServerContextBase& context, const char* name) {
  const auto& all = context.client_metadata();
  const auto found = all.find(name);
  if (found == all.end()) return {};
  return {found->second.data(), found->second.size()};
}

/// "ipv4:127.0.0.1:51234", "ipv6:%5B::1%5D:51234".
std::string remote_of(const grpc::ServerContextBase& context) {
  std::string peer = context.peer();
  peer.erase(0, peer.find(':') + 1);
  for (const auto& [code, character] : {std::pair("%5B", "["), std::pair("%5D", "]")}) {
    const std::size_t at = peer.find(code);
    if (at != std::string::npos) peer.replace(at, 3, character);
  }
  return peer;
}

/// Whose address counts: the peer's, or that of whom a trusted proxy asks for.
std::string client_of(const Services& services, const grpc::ServerContextBase& context) {
  std::string peer = remote_of(context);
  if (services.proxies.is_empty()) return peer;
  std::string name(services.proxies.field_name());
  std::ranges::transform(name, name.begin(), core::ascii_lower);  // as metadata is named
  std::vector<std::string_view> values;
  const auto fields = context.client_metadata().equal_range(name);
  for (auto field = fields.first; field != fields.second; ++field)
    values.emplace_back(field->second.data(), field->second.size());
  net::TrustedProxies::Room room;
  return std::string(services.proxies.client(peer, values, room));
}

}  // namespace

bool is_friend(const Services& services, grpc::ServerContextBase& context, std::string_view model) {
  auth::Guard* const guard = services.guard;
  if (guard == nullptr) return true;
  const std::string remote = guard->uses_addresses() ? client_of(services, context) : std::string();
  return guard->is_known({.credentials = {.authorization = metadata(context, "authorization"),
                                          .api_key = metadata(context, "x-api-key"),
                                          .remote = remote},
                          .needed = core::Role::kViewer,
                          .model = model});
}

grpc::Status admit(const Services& services, grpc::ServerContextBase& context, core::Role needed,
                   std::string_view model) {
  auth::Guard* const guard = services.guard;
  if (guard == nullptr || !guard->is_needed()) return grpc::Status::OK;
  // A peer's name is made anew for each call; it is asked for only where it counts.
  const std::string remote = guard->uses_addresses() ? client_of(services, context) : std::string();
  const Verdict verdict =
      guard->check({.credentials = {.authorization = metadata(context, "authorization"),
                                    .api_key = metadata(context, "x-api-key"),
                                    .remote = remote},
                    .needed = needed,
                    .model = model});
  switch (verdict.outcome) {
    case Outcome::kAllowed:
      return grpc::Status::OK;
    case Outcome::kNoToken:
      return {grpc::StatusCode::UNAUTHENTICATED, "Not authenticated"};
    case Outcome::kInvalidToken:
      return {grpc::StatusCode::UNAUTHENTICATED,
              "The token is not known here, or is revoked or expired"};
    case Outcome::kRoleTooLow:
      return {grpc::StatusCode::PERMISSION_DENIED,
              fmt::format("This needs the role {}; the token '{}' has {}", core::role_name(needed),
                          verdict.principal, core::role_name(verdict.role))};
    case Outcome::kOtherModel:
      return {grpc::StatusCode::PERMISSION_DENIED,
              fmt::format("The token '{}' may not use this model", verdict.principal)};
    case Outcome::kTooMany:
      break;
  }
  context.AddTrailingMetadata("retry-after", fmt::format("{}", verdict.rate.retry_after_s));
  return {grpc::StatusCode::RESOURCE_EXHAUSTED,
          fmt::format("More than {} requests in {} s; try again in {} s", verdict.rate.limit,
                      verdict.rate.window / core::kMicrosPerSecond, verdict.rate.retry_after_s)};
}

}  // namespace tenure::api
