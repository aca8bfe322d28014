#pragma once

#include <memory>

#include "app/project.h"
#include "auth/guard.h"
#include "auth/key_watcher.h"
#include "auth/token_watcher.h"
#include "core/metric.h"
#include "core/result.h"

namespace tenure::app {

/// Who may use the server, as section `auth` and `serving.rate_limit` say: a guard, and what keeps
/// it on the project's tokens.
class ServerAccess {
 public:
  /// Reads the tokens once. Errors: the address is one that others can reach, and there is neither
  /// a usable token nor serving.insecure; a bootstrap secret that is short or cannot be read; those
  /// of the database; keys of JWTs that cannot be fetched, unless their issuer is merely away.
  static core::Result<std::unique_ptr<ServerAccess>> open(Project& project,
                                                          core::MetricRegistry& metrics);

  auth::Guard& guard() { return guard_; }
  void start();  ///< follows the tokens from now on
  void stop();   ///< and no longer; notes when they were used

 private:
  ServerAccess(auth::GuardOptions options, const core::Clock& clock, core::MetricRegistry& metrics)
      : guard_(options, clock, metrics) {}
  auth::Guard guard_;
  std::unique_ptr<auth::TokenWatcher> watcher_;  ///< null when no token is asked for
  std::unique_ptr<auth::KeyWatcher> keys_;       ///< null when no issuer publishes keys
};

}  // namespace tenure::app
