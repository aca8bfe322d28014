#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "auth/guard.h"
#include "auth/jwt.h"
#include "core/clock.h"
#include "core/result.h"

namespace tenure::auth {

/// Keeps a Guard on the keys of JWTs that an issuer publishes: fetches them now and then, on a
/// thread of its own, and earlier when a JWT names a key that is not among them. While the issuer
/// is away the keys known last stay, which is logged once.
class KeyWatcher {
 public:
  /// Gives the text of the JWKS. May take its time; ends when the flag is set.
  using Fetch = std::function<core::Result<std::string>(const std::atomic<bool>& is_cancelled)>;
  struct Options {
    Fetch fetch;
    JwtOptions jwt = {};
    core::Micros renew = 600'000'000;
    core::Micros retry = 10'000'000;  ///< after a failure, if that is sooner
    core::Micros early = 60'000'000;  ///< between two renewals that unknown keys ask for
    core::Micros look = 500'000;      ///< how often it is asked whether a renewal is due
  };
  KeyWatcher(Options options, const core::Clock& clock, Guard& guard);
  ~KeyWatcher();  ///< stops the thread
  KeyWatcher(const KeyWatcher&) = delete;
  KeyWatcher& operator=(const KeyWatcher&) = delete;

  /// Fetches the keys. Errors: those of the fetch and of JwtVerifier::make; the guard's keys stay.
  core::Result<> fetch_now();
  /// Fetches them if that is due, and says whether it was; a failure is logged. Not while the
  /// thread runs.
  bool check_now();

  void start();
  void stop();

 private:
  bool is_due(core::Micros now);
  void run();
  Options options_;
  const core::Clock* clock_;
  Guard* guard_;
  std::string known_;
  std::shared_ptr<const JwtVerifier> verifier_;  ///< null before the first keys
  core::Micros tried_at_ = 0, renewed_early_at_ = 0;
  bool is_failing_ = false;
  std::atomic<bool> is_stopping_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::thread thread_;
};

}  // namespace tenure::auth
