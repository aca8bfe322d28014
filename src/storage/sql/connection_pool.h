#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "core/result.h"

namespace tenure::storage {

/// Up to `limit` open connections, each lent to one caller at a time. They are opened when first
/// needed; the one given back last is lent first, so that few stay warm. Thread-safe. All leases
/// end before the pool does.
template <typename Connection>
class ConnectionPool {
 public:
  using Open = std::function<core::Result<std::unique_ptr<Connection>>()>;

  ConnectionPool(std::size_t limit, Open open) : limit_(limit), open_(std::move(open)) {}
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;

  /// A connection on loan; it goes back at the end, unless it was dropped.
  class Lease {
   public:
    Lease(ConnectionPool& pool, std::unique_ptr<Connection> connection)
        : pool_(&pool), connection_(std::move(connection)) {}
    Lease(Lease&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), connection_(std::move(other.connection_)) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (pool_ != nullptr) pool_->give_back(std::move(connection_));
    }
    Connection& operator*() const { return *connection_; }
    Connection* operator->() const { return connection_.get(); }
    /// Closes it: a connection that is broken is not lent again.
    void drop() { connection_.reset(); }

   private:
    ConnectionPool* pool_;
    std::unique_ptr<Connection> connection_;
  };

  /// Waits for a connection. Errors: kUnavailable after `patience`; those of opening one.
  core::Result<Lease> lease(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    if (!given_back_.wait_for(lock, patience, [&] { return !idle_.empty() || lent_ < limit_; })) {
      return core::Error{core::ErrorCode::kUnavailable, "database: every connection is busy"};
    }
    ++lent_;
    if (!idle_.empty()) {
      std::unique_ptr<Connection> connection = std::move(idle_.back());
      idle_.pop_back();
      return Lease(*this, std::move(connection));
    }
    lock.unlock();
    auto opened = open_();
    if (!opened) {
      give_back(nullptr);
      return std::move(opened).error();
    }
    return Lease(*this, std::move(*opened));
  }

  /// Closes those that nobody uses now.
  void close_idle() {
    std::vector<std::unique_ptr<Connection>> closed;
    const std::lock_guard lock(mutex_);
    closed.swap(idle_);
  }

 private:
  void give_back(std::unique_ptr<Connection> connection) {
    const std::lock_guard lock(mutex_);
    --lent_;
    if (connection != nullptr) idle_.push_back(std::move(connection));
    given_back_.notify_one();
  }

  std::size_t limit_;
  Open open_;
  std::mutex mutex_;
  std::condition_variable given_back_;
  std::vector<std::unique_ptr<Connection>> idle_;
  std::size_t lent_ = 0;
};

}  // namespace tenure::storage
