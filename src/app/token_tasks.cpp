#include "app/token_tasks.h"

#include <fmt/format.h>

#include "core/time_format.h"

namespace tenure::app {
namespace {

core::Json time_json(core::Micros time) {
  return time == 0 ? core::Json(nullptr) : core::Json(core::format_utc(time));
}

core::JsonObject token_json(const auth::Token& token, core::Micros now) {
  core::JsonArray models;
  for (const std::string& model : token.models) models.emplace_back(model);
  core::JsonObject json;
  json["name"] = token.name;
  json["id"] = token.id;
  json["role"] = core::role_name(token.role);
  json["state"] = token.revoked != 0 ? "revoked" : token.is_usable(now) ? "active" : "expired";
  json["models"] = std::move(models);
  json["rate"] = token.rate == 0 ? core::Json(nullptr) : core::Json(token.rate);
  json["created"] = time_json(token.created);
  json["created_by"] = token.created_by;
  json["expires"] = time_json(token.expires);
  json["last_used"] = time_json(token.last_used);
  json["revoked"] = time_json(token.revoked);
  json["revoked_by"] =
      token.revoked_by.empty() ? core::Json(nullptr) : core::Json(token.revoked_by);
  return json;
}

/// "a, b" without blanks; an empty element stays, and is refused as a name.
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::size_t from = 0;
  while (!text.empty() && from <= text.size()) {
    const std::size_t end = std::min(text.find(',', from), text.size());
    std::string part = text.substr(from, end - from);
    while (part.starts_with(' ')) part.erase(0, 1);
    while (part.ends_with(' ')) part.pop_back();
    parts.push_back(std::move(part));
    from = end + 1;
  }
  return parts;
}

}  // namespace

core::Result<core::JsonObject> create_token(Project& project, const WantedToken& wanted) {
  const auto role = core::parse_role(wanted.role);
  if (!role)
    return core::Error{
        core::ErrorCode::kInvalidArgument,
        fmt::format("--role is '{}'; expected viewer, operator or admin", wanted.role)};
  core::Micros lifetime = 0;
  if (!wanted.lifetime.empty()) {
    // A bare number would be seconds, and people mean days.
    if (wanted.lifetime.find_first_not_of("0123456789.") == std::string::npos)
      return core::Error{core::ErrorCode::kInvalidArgument,
                         fmt::format("--expires is '{}'; expected a number with its unit, such as "
                                     "90d or 12h",
                                     wanted.lifetime)};
    const auto parsed = core::parse_duration(wanted.lifetime);
    if (!parsed) return core::Error(parsed.error()).within("--expires");
    lifetime = *parsed;
    constexpr core::Micros kLongest = 100LL * 365 * 24 * 3600 * core::kMicrosPerSecond;
    if (lifetime <= 0 || lifetime > kLongest)
      return core::Error{core::ErrorCode::kInvalidArgument,
                         "--expires should be more than 0s and at most 100 years (36500d)"};
  }
  auto store = project.tokens();
  if (!store) return std::move(store).error();
  auto created = (*store)->create({.name = wanted.name,
                                   .role = *role,
                                   .models = split(wanted.models),
                                   .rate = wanted.rate,
                                   .lifetime = lifetime,
                                   .created_by = project.actor()});
  if (!created) return std::move(created).error();
  core::JsonObject json = token_json(created->token, project.clock().now());
  json["token"] = created->secret;
  json["auth_enabled"] = project.config().boolean("auth.enabled");
  return json;
}

core::Result<core::JsonArray> list_tokens(Project& project) {
  auto store = project.tokens();
  if (!store) return std::move(store).error();
  auto tokens = (*store)->list();
  if (!tokens) return std::move(tokens).error();
  core::JsonArray array;
  for (const auth::Token& token : *tokens)
    array.emplace_back(token_json(token, project.clock().now()));
  return array;
}

core::Result<core::JsonObject> revoke_token(Project& project, const std::string& name_or_id) {
  auto store = project.tokens();
  if (!store) return std::move(store).error();
  auto token = (*store)->revoke(name_or_id, project.actor());
  if (!token) return std::move(token).error();
  return token_json(*token, project.clock().now());
}

}  // namespace tenure::app
