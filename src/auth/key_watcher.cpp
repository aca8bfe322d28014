#include "auth/key_watcher.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "core/log.h"

namespace tenure::auth {

KeyWatcher::KeyWatcher(Options options, const core::Clock& clock, Guard& guard)
    : options_(std::move(options)), clock_(&clock), guard_(&guard) {}

KeyWatcher::~KeyWatcher() {
  stop();
}

core::Result<> KeyWatcher::fetch_now() {
  tried_at_ = clock_->now();
  const bool was_failing = std::exchange(is_failing_, true);
  auto jwks = options_.fetch(is_stopping_);
  if (!jwks) return std::move(jwks).error();
  if (*jwks != known_ || !verifier_) {
    auto verifier = JwtVerifier::make(*jwks, options_.jwt);
    if (!verifier) return std::move(verifier).error();
    verifier_ = *std::move(verifier);
    guard_->set_jwt(verifier_);
    known_ = *std::move(jwks);
    core::log_info("auth", "the keys of JWTs were fetched", {});
  } else if (was_failing) {
    core::log_info("auth", "the keys of JWTs can be fetched again", {});
  }
  is_failing_ = false;
  return {};
}

bool KeyWatcher::is_due(core::Micros now) {
  const core::Micros pause =
      is_failing_ ? std::min(options_.retry, options_.renew) : options_.renew;
  if (now - tried_at_ >= pause) return true;
  if (verifier_ == nullptr || now - renewed_early_at_ < options_.early) return false;
  if (!verifier_->take_unknown_key()) return false;
  renewed_early_at_ = now;
  return true;
}

bool KeyWatcher::check_now() {
  if (!is_due(clock_->now())) return false;
  const bool was_failing = is_failing_;
  const auto fetched = fetch_now();
  if (!fetched && !was_failing && fetched.error().code != core::ErrorCode::kCancelled)
    core::log_error("auth", "the keys of JWTs cannot be fetched; those known last stay",
                    {{"error.message", std::string_view(fetched.error().message)}});
  return true;
}

void KeyWatcher::start() {
  thread_ = std::thread([this] { run(); });
}

void KeyWatcher::run() {
  const auto pause = std::chrono::microseconds(options_.look);
  while (true) {
    {
      std::unique_lock lock(mutex_);
      if (wake_.wait_for(lock, pause, [this] { return is_stopping_.load(); })) return;
    }
    try {
      static_cast<void>(check_now());
    } catch (const std::exception& error) {  // no memory; the next look may have it
      core::log_error("auth", "the keys of JWTs cannot be fetched",
                      {{"error.message", std::string_view(error.what())}});
    }
  }
}

void KeyWatcher::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

}  // namespace tenure::auth
