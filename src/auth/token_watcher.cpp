#include "auth/token_watcher.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/file.h"
#include "core/log.h"

namespace tenure::auth {

TokenWatcher::TokenWatcher(Options options, TokenStore& store, Guard& guard)
    : options_(std::move(options)), store_(&store), guard_(&guard) {}

TokenWatcher::~TokenWatcher() {
  stop();
}

core::Result<> TokenWatcher::check_now() {
  auto tokens = check_tokens();
  auto keys = check_keys();  // whatever became of the tokens
  return tokens ? std::move(keys) : std::move(tokens);
}

core::Result<> TokenWatcher::check_keys() {
  if (options_.jwks.empty()) return {};
  auto jwks = core::read_file(options_.jwks);
  if (!jwks) return std::move(jwks).error();
  if (*jwks == known_jwks_) return {};
  auto verifier = JwtVerifier::make(*jwks, options_.jwt);
  if (!verifier) return std::move(verifier).error().within(options_.jwks.string());
  guard_->set_jwt(*std::move(verifier));
  known_jwks_ = *std::move(jwks);
  return {};
}

core::Result<> TokenWatcher::check_tokens() {
  auto tokens = store_->list();
  if (!tokens) return std::move(tokens).error();
  std::vector<Token> all = options_.fixed;
  for (Token& token : *tokens) {
    token.last_used = 0;  // our own notes are no change
    all.push_back(std::move(token));
  }
  if (!is_first_ && all == known_) return {};
  guard_->set_tokens(all);
  known_ = std::move(all);
  is_first_ = false;
  return {};
}

core::Result<> TokenWatcher::note_uses() {
  std::vector<std::pair<std::string, core::Micros>> times;
  for (const TokenTable::Entry& entry : guard_->tokens()->entries()) {
    const core::Micros used = entry.use->last_used.load(std::memory_order_relaxed);
    const bool is_fixed = std::ranges::any_of(
        options_.fixed, [&](const Token& token) { return token.id == entry.token.id; });
    if (is_fixed || used <= noted_[entry.token.id]) continue;
    times.emplace_back(entry.token.id, used);
  }
  if (auto done = store_->note_used(times); !done) return done;
  for (const auto& [id, used] : times) noted_[id] = used;
  return {};
}

void TokenWatcher::start() {
  thread_ = std::thread([this] { run(); });
}

void TokenWatcher::run() {
  const auto pause = std::chrono::microseconds(options_.poll_interval);
  const std::int64_t polls_per_note = std::max<std::int64_t>(
      options_.use_interval / std::max<core::Micros>(options_.poll_interval, 1), 1);
  bool is_failing = false;
  for (std::int64_t poll = 1;; ++poll) {
    {
      std::unique_lock lock(mutex_);
      if (wake_.wait_for(lock, pause, [this] { return is_stopping_; })) return;
    }
    auto done = check_now();
    if (done && poll % polls_per_note == 0) done = note_uses();
    if (!done && !is_failing)
      core::log_error("auth", "tokens or keys cannot be read; those known last stay",
                      {{"error.message", done.error().message}});
    is_failing = !done;
  }
}

void TokenWatcher::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_all();
  if (!thread_.joinable()) return;
  thread_.join();
  if (auto noted = note_uses(); !noted)
    core::log_warn("auth", "when tokens were used last could not be noted",
                   {{"error.message", noted.error().message}});
}

}  // namespace tenure::auth
