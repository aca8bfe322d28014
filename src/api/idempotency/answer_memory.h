#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/metric.h"
#include "core/result.h"
#include "storage/kv/kv_store.h"

namespace tenure::api {

/// An answer as it is kept for a request that comes again.
struct KeptAnswer {
  std::string fingerprint;  ///< of the request it answers
  int status = 200;
  std::string content_type;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

/// Answers by the key that the client gave its request (header Idempotency-Key), in an embedded
/// key-value store, so that a request that is sent again gets the first one's answer. Bounded by
/// age, number and bytes: the oldest go first, looked at every kPurgeEvery answers. The store is
/// opened when the first key comes. Thread-safe. A key is in flight within one process; what is
/// kept is shared by all that use the folder.
class AnswerMemory {
 public:
  struct Options {
    core::Micros keep = 24LL * 3600 * core::kMicrosPerSecond;
    std::uint64_t entries_max = 100'000;
    std::uint64_t bytes_max = 256ULL << 20;
  };
  using Open = std::function<core::Result<std::unique_ptr<storage::KvStore>>()>;
  static constexpr std::uint64_t kPurgeEvery = 256;

  AnswerMemory(Open open, const core::Clock& clock, core::MetricRegistry& metrics, Options options);
  ~AnswerMemory();

  /// Holds a key while its request is worked on; lets it go at the end.
  class Claim {
   public:
    Claim(AnswerMemory& memory, std::string key) : memory_(&memory), key_(std::move(key)) {}
    Claim(Claim&& other) noexcept
        : memory_(std::exchange(other.memory_, nullptr)), key_(std::move(other.key_)) {}
    Claim& operator=(Claim&&) = delete;
    ~Claim();

    /// Keeps the answer. Errors: those of the store; the answer is then not kept.
    core::Result<> keep(const KeptAnswer& answer);

   private:
    AnswerMemory* memory_;
    std::string key_;
  };

  /// What a key finds: the answer that was kept, or none and the claim to give one. Errors:
  /// kConflict when a request with this key is being worked on; kInvalidArgument when the kept
  /// answer is that of another request; kUnavailable when the store cannot be read.
  struct Found {
    std::optional<KeptAnswer> answer;
    std::optional<Claim> claim;
  };
  core::Result<Found> find(std::string_view key, std::string_view fingerprint);

 private:
  core::Result<storage::KvStore*> store();
  core::Result<> keep(std::string_view key, const KeptAnswer& answer);
  core::Result<> purge(storage::KvStore& store);

  Open open_;
  const core::Clock& clock_;
  const Options options_;
  core::Counter& replays_;
  core::Counter& failures_;
  std::mutex mutex_;  ///< guards what follows
  std::unique_ptr<storage::KvStore> store_;
  std::unordered_set<std::string> in_flight_;
  std::uint64_t kept_since_purge_ = kPurgeEvery;  ///< the first answer looks at what is there
  std::uint64_t bytes_since_purge_ = 0;
};

}  // namespace tenure::api
