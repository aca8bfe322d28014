#pragma once

#include <string>

#include "app/project.h"
#include "core/json.h"
#include "core/result.h"

namespace tenure::app {

/// What the `tenure admin tokens …` commands do; each answers the command's JSON. They work on the
/// project's database, with or without a running server.

struct WantedToken {
  std::string name;
  std::string role;      ///< "viewer", "operator", "admin"
  std::string models;    ///< "churn, ltv"; "" = all
  std::string lifetime;  ///< "90d"; "" = until revoked
  std::int64_t rate = 0;
};

/// A new token and, once, its secret (member `token`). Errors: kInvalidArgument, kAlreadyExists.
core::Result<core::JsonObject> create_token(Project& project, const WantedToken& wanted);

/// All tokens, without secrets; their `state` is "active", "expired" or "revoked".
core::Result<core::JsonArray> list_tokens(Project& project);

/// Ends a token, by name or id. A running server refuses it after auth.poll_interval. Errors:
/// kNotFound.
core::Result<core::JsonObject> revoke_token(Project& project, const std::string& name_or_id);

}  // namespace tenure::app
