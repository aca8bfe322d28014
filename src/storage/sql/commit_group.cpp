#include "storage/sql/commit_group.h"

#include <condition_variable>
#include <exception>

#include <fmt/format.h>

#include "core/assert.h"

namespace tenure::storage {
namespace {

// A transaction takes no more bodies once it has this many.
constexpr std::size_t kBodiesMax = 256;

}  // namespace

struct CommitGroup::Caller {
  enum class State : std::uint8_t { kWaits, kLeads, kDone };

  Kind kind;
  const Body* body;
  core::Result<> result;
  std::exception_ptr thrown;
  State state = State::kWaits;
  std::condition_variable wake;

  /// Whether the body did what was asked.
  bool is_good() const { return result.has_value() && thrown == nullptr; }
};

core::Result<> CommitGroup::run(Kind kind, const Body& body) {
  Caller self{.kind = kind, .body = &body, .result = {}, .thrown = nullptr, .wake = {}};
  std::unique_lock lock(mutex_);
  TENURE_ASSERT(leader_ != std::this_thread::get_id());
  queue_.push_back(&self);
  if (has_leader_) {
    self.wake.wait(lock, [&] { return self.state != Caller::State::kWaits; });
  } else {
    has_leader_ = true;
    self.state = Caller::State::kLeads;
  }
  if (self.state == Caller::State::kLeads) lead(lock);
  lock.unlock();
  if (self.thrown != nullptr) std::rethrow_exception(self.thrown);
  return std::move(self.result);
}

std::size_t CommitGroup::waiting() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

void CommitGroup::lead(std::unique_lock<std::mutex>& lock) {
  leader_ = std::this_thread::get_id();
  std::vector<Caller*> callers{queue_.front()};
  queue_.pop_front();
  const Kind kind = callers.front()->kind;
  const bool stays_alone = kind == Kind::kAlone || (kind == Kind::kStatement && queue_.empty() &&
                                                    connection_->commits_single_statements());
  lock.unlock();
  if (stays_alone) {
    run_alone(*callers.front(), connection_->outside());
  } else {
    run_together(callers);
  }
  lock.lock();
  leader_ = std::thread::id();
  for (Caller* const caller : callers) {
    caller->state = Caller::State::kDone;
    // Under the lock: the caller may be gone as soon as it sees its state.
    caller->wake.notify_one();
  }
  if (queue_.empty()) {
    has_leader_ = false;
  } else {
    queue_.front()->state = Caller::State::kLeads;
    queue_.front()->wake.notify_one();
  }
}

CommitGroup::Caller* CommitGroup::next_to_join(std::size_t size) {
  if (size >= kBodiesMax) return nullptr;
  const std::lock_guard lock(mutex_);
  if (queue_.empty() || queue_.front()->kind == Kind::kAlone) return nullptr;
  Caller* const next = queue_.front();
  queue_.pop_front();
  return next;
}

void CommitGroup::run_alone(Caller& caller, SqlExecutor& executor) {
  try {
    caller.result = (*caller.body)(executor);
  } catch (...) {  // the caller's own thread gets it
    caller.thrown = std::current_exception();
  }
}

bool CommitGroup::run_in_transaction(Caller& caller, bool is_first) {
  if (!is_first) {
    if (auto marked = connection_->mark(); !marked) {
      caller.result = std::move(marked).error();
      return connection_->in_transaction();
    }
  }
  run_alone(caller, connection_->executor());
  if (!connection_->in_transaction()) {
    if (caller.is_good()) {
      caller.result =
          core::Error{core::ErrorCode::kUnavailable,
                      "database: the transaction was rolled back after an earlier error"};
    }
    return false;
  }
  if (caller.is_good() && connection_->is_spoiled()) {
    caller.result = core::Error{core::ErrorCode::kUnavailable,
                                "database: a statement of the transaction failed, so nothing of "
                                "it was kept"};
  }
  if (caller.is_good() || is_first) return true;
  if (!connection_->back_to_mark()) {
    connection_->roll_back();
    return false;
  }
  return true;
}

void CommitGroup::fail_together(std::span<Caller* const> callers, const Caller& cause) {
  const bool is_told = !cause.result.has_value() && cause.thrown == nullptr;
  core::ErrorCode code = core::ErrorCode::kUnavailable;
  // These are of the disk; others would blame the neighbours for a mistake of the body.
  if (is_told && (cause.result.error().code == core::ErrorCode::kResourceExhausted ||
                  cause.result.error().code == core::ErrorCode::kCorruption)) {
    code = cause.result.error().code;
  }
  for (Caller* const caller : callers) {
    if (caller == &cause || caller->thrown != nullptr) continue;
    caller->result = core::Error{
        code, fmt::format("database: rolled back with a transaction that shared its commit{}{}",
                          is_told ? ": " : "", is_told ? cause.result.error().message : "")};
  }
}

void CommitGroup::run_together(std::vector<Caller*>& callers) {
  using std::chrono::steady_clock;
  if (auto begun = connection_->begin(); !begun) {
    // Those who came meanwhile would only wait for the same thing again.
    for (Caller* next = next_to_join(callers.size()); next != nullptr;
         next = next_to_join(callers.size())) {
      callers.push_back(next);
    }
    for (Caller* const caller : callers) caller->result = begun;
    return;
  }
  const auto deadline = steady_clock::now() + open_max_;
  for (Caller* caller = callers.front(); caller != nullptr;) {
    const bool is_first = callers.size() == 1;
    const bool is_open = run_in_transaction(*caller, is_first);
    if (is_open && is_first && !caller->is_good()) {
      connection_->roll_back();  // nobody else is in it
      return;
    }
    if (!is_open) {
      connection_->roll_back();
      fail_together(callers, *caller);
      return;
    }
    caller = steady_clock::now() < deadline ? next_to_join(callers.size()) : nullptr;
    if (caller != nullptr) callers.push_back(caller);
  }
  auto committed = connection_->commit();
  if (committed) return;
  connection_->roll_back();
  // Also for those whose body had failed: what they saw may have been a row of this transaction.
  for (Caller* const caller : callers) caller->result = committed;
}

core::Result<std::int64_t> CommitGroup::execute(Kind kind, std::string_view sql,
                                                std::span<const SqlValue> parameters) {
  std::int64_t changed = 0;
  auto done = run(kind, [&](SqlExecutor& executor) -> core::Result<> {
    auto ran = executor.execute(sql, parameters);
    if (!ran) return std::move(ran).error();
    changed = *ran;
    return {};
  });
  if (!done) return std::move(done).error();
  return changed;
}

}  // namespace tenure::storage
