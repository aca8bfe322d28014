#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "auth/token.h"
#include "core/clock.h"
#include "core/result.h"
#include "storage/sql/database.h"

namespace tenure::auth {

/// The tokens of a project: table `tenure_tokens` of the metadata database. A row is never deleted,
/// so that a name in the audit trail keeps its meaning. Thread-safe, as its database is.
class TokenStore {
 public:
  TokenStore(storage::Database& database, const core::Clock& clock)
      : database_(&database), clock_(&clock) {}

  /// Makes the table, or brings it up to date.
  core::Result<> prepare();

  struct Wanted {
    std::string name;
    core::Role role = core::Role::kViewer;
    std::vector<std::string> models = {};
    std::int64_t rate = 0;
    core::Micros lifetime = 0;  ///< 0 = until revoked
    std::string created_by = {};
  };
  struct Created {
    Token token;
    std::string secret;  ///< kept nowhere: whoever asked must keep it
  };
  /// Errors: kInvalidArgument for a name that is not 1 to 100 letters, digits and "-_.@", a role
  /// that no token has, a model without a name, a negative rate; kAlreadyExists when a token that
  /// is not revoked has the name.
  core::Result<Created> create(const Wanted& wanted);

  /// Every token, revoked and expired ones too, in the order they were made.
  core::Result<std::vector<Token>> list();

  /// Ends a token, by its name or id; the token as it is now. Errors: kNotFound when there is none
  /// that is not revoked yet.
  core::Result<Token> revoke(const std::string& name_or_id, const std::string& revoked_by);

  /// Notes when tokens were used, in one transaction. Never moves a time back.
  core::Result<> note_used(std::span<const std::pair<std::string, core::Micros>> times_by_id);

 private:
  storage::Database* database_;
  const core::Clock* clock_;
};

}  // namespace tenure::auth
