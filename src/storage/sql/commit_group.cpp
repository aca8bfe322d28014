#include "storage/sql/commit_group.h"

#include <condition_variable>
#include <exception>
#include <utility>

#include <fmt/format.h>

#include "core/assert.h"

namespace tenure::storage {
namespace {

// A transaction takes no more bodies once it has this many.
constexpr std::size_t kBodiesMax = 256;

}  // namespace

/// Waits on a lock of its own: those who are woken together do not meet at the group's.
struct CommitGroup::Caller {
  enum class State : std::uint8_t { kWaits, kLeads, kDone };

  Caller(Kind kind_of_body, const Body& body_to_run) : kind(kind_of_body), body(&body_to_run) {}

  const Kind kind;
  const Body* const body;
  core::Result<> result;
  std::exception_ptr thrown;

  /// Whether the body did what was asked.
  bool is_good() const { return result.has_value() && thrown == nullptr; }

  void tell(State state) {
    {
      const std::lock_guard lock(mutex_);
      state_ = state;
    }
    wake_.notify_one();
  }
  State wait() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return state_ != State::kWaits; });
    return state_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  State state_ = State::kWaits;
};

core::Result<> CommitGroup::run(Kind kind, const Body& body) {
  // Shared with the one who wakes it, who must not find it gone.
  const auto self = std::make_shared<Caller>(kind, body);
  bool leads = false;
  {
    const std::lock_guard lock(mutex_);
    TENURE_ASSERT(leader_ != std::this_thread::get_id());
    queue_.push_back(self);
    leads = !std::exchange(has_leader_, true);
  }
  if (leads || self->wait() == Caller::State::kLeads) lead();
  if (self->thrown != nullptr) std::rethrow_exception(self->thrown);
  return std::move(self->result);
}

std::size_t CommitGroup::waiting() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

void CommitGroup::lead() {
  std::vector<std::shared_ptr<Caller>> callers;
  bool stays_alone = false;
  {
    const std::lock_guard lock(mutex_);
    leader_ = std::this_thread::get_id();
    callers.push_back(std::move(queue_.front()));
    queue_.pop_front();
    const Kind kind = callers.front()->kind;
    stays_alone = kind == Kind::kAlone || (kind == Kind::kStatement && queue_.empty() &&
                                           connection_->commits_single_statements());
  }
  if (stays_alone) {
    run_alone(*callers.front(), connection_->outside());
  } else {
    run_together(callers);
  }
  std::shared_ptr<Caller> next;
  {
    const std::lock_guard lock(mutex_);
    leader_ = std::thread::id();
    has_leader_ = !queue_.empty();
    if (has_leader_) next = queue_.front();
  }
  for (std::size_t i = 1; i < callers.size(); ++i) callers[i]->tell(Caller::State::kDone);
  if (next != nullptr) next->tell(Caller::State::kLeads);
}

std::shared_ptr<CommitGroup::Caller> CommitGroup::next_to_join(std::size_t size) {
  if (size >= kBodiesMax) return nullptr;
  const std::lock_guard lock(mutex_);
  if (queue_.empty() || queue_.front()->kind == Kind::kAlone) return nullptr;
  std::shared_ptr<Caller> next = std::move(queue_.front());
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

void CommitGroup::fail_together(std::span<const std::shared_ptr<Caller>> callers,
                                const Caller& cause) {
  const bool is_told = !cause.result.has_value() && cause.thrown == nullptr;
  core::ErrorCode code = core::ErrorCode::kUnavailable;
  // These are of the disk; others would blame the neighbours for a mistake of the body.
  if (is_told && (cause.result.error().code == core::ErrorCode::kResourceExhausted ||
                  cause.result.error().code == core::ErrorCode::kCorruption)) {
    code = cause.result.error().code;
  }
  for (const auto& caller : callers) {
    if (caller.get() == &cause || caller->thrown != nullptr) continue;
    caller->result = core::Error{
        code, fmt::format("database: rolled back with a transaction that shared its commit{}{}",
                          is_told ? ": " : "", is_told ? cause.result.error().message : "")};
  }
}

void CommitGroup::run_together(std::vector<std::shared_ptr<Caller>>& callers) {
  using std::chrono::steady_clock;
  if (auto begun = connection_->begin(); !begun) {
    // Those who came meanwhile would only wait for the same thing again.
    for (auto next = next_to_join(callers.size()); next != nullptr;
         next = next_to_join(callers.size())) {
      callers.push_back(std::move(next));
    }
    for (const auto& caller : callers) caller->result = begun;
    return;
  }
  const auto deadline = steady_clock::now() + open_max_;
  for (std::shared_ptr<Caller> caller = callers.front(); caller != nullptr;) {
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
  for (const auto& caller : callers) caller->result = committed;
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
