#pragma once

#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "auth/guard.h"
#include "auth/token_store.h"
#include "core/clock.h"

namespace tenure::auth {

/// Keeps a Guard on what the database says: looks at the tokens every `poll_interval`, and now and
/// then writes back when they were used. While the database cannot be read, the tokens known last
/// stay as they are, which is logged once; so do the keys of JWTs.
class TokenWatcher {
 public:
  struct Options {
    core::Micros poll_interval = 500'000;
    core::Micros use_interval = 60'000'000;  ///< between two notes of use
    std::filesystem::path jwks = {};         ///< file with the keys of JWTs; empty = no JWTs
    JwtOptions jwt = {};
    std::vector<Token> fixed = {};  ///< that are not in the database, such as a bootstrap token
  };
  TokenWatcher(Options options, TokenStore& store, Guard& guard);
  ~TokenWatcher();  ///< stops the thread
  TokenWatcher(const TokenWatcher&) = delete;
  TokenWatcher& operator=(const TokenWatcher&) = delete;

  /// Looks once, now, at the tokens and at the keys of JWTs. Errors: those of the database, of the
  /// file, and of JwtVerifier::make.
  core::Result<> check_now();

  /// Writes back when tokens were used since the last time. Errors: those of the database.
  core::Result<> note_uses();

  void start();
  void stop();  ///< ends the thread and notes the last uses

 private:
  core::Result<> check_tokens();
  core::Result<> check_keys();
  void run();
  Options options_;
  TokenStore* store_;
  Guard* guard_;
  std::vector<Token> known_;
  std::string known_jwks_;
  std::map<std::string, core::Micros> noted_;  ///< last use that is in the database, by id
  bool is_first_ = true;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace tenure::auth
