#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "core/clock.h"
#include "core/metric.h"
#include "core/result.h"
#include "data/engine.h"
#include "monitoring/label_store.h"
#include "serving/outcomes.h"

namespace tenure::monitoring {

struct LabelJoinerOptions {
  std::filesystem::path folder;  ///< of the prediction log
  core::Micros horizon = 30LL * 24 * 3600 * core::kMicrosPerSecond;
  core::Micros mature_after = 0;      ///< younger predictions do not count in outcomes()
  core::Micros interval = 5'000'000;  ///< between two looks
  bool keeps_place = true;            ///< how far it came stands in the folder
  core::Micros settle = 1'000'000;    ///< so old a label is before the log has what it is about
};

/// Joins labels to the predictions of one prediction log, on a thread of its own at low priority,
/// and says how the versions did. How far it has come stands in the log's folder (`labels-joined`),
/// so that another start goes on from there; several servers with logs of their own share a store.
class LabelJoiner final : public serving::OutcomeSource {
 public:
  LabelJoiner(LabelJoinerOptions options, LabelStore& store, const core::Clock& clock,
              core::MetricRegistry& metrics);
  ~LabelJoiner() override;  ///< stops at once; what was not joined is joined by the next one
  LabelJoiner(const LabelJoiner&) = delete;
  LabelJoiner& operator=(const LabelJoiner&) = delete;

  void start();
  void stop();

  /// Joins what has come, and counts anew what is known of the versions. Returns how many
  /// predictions have got a label. Not while the thread runs. Errors: those of the store and the
  /// log; what was joined before stays.
  core::Result<std::int64_t> join_now();

  std::optional<serving::OutcomeSums> outcomes(std::string_view model,
                                               std::int64_t version) const override;

 private:
  core::Result<std::int64_t> join_labels();
  core::Result<std::int64_t> join_some(std::span<const OutcomeLabel> labels);
  core::Result<> count_outcomes(bool has_joined);
  core::Result<data::Engine*> engine_for_archive();
  void advance(core::Micros now);
  void run();

  const LabelJoinerOptions options_;
  LabelStore& store_;
  const core::Clock& clock_;
  core::Counter& joined_labels_;
  core::Counter& unmatched_labels_;
  core::Counter& failures_;
  core::Histogram& delay_;

  std::optional<std::int64_t> cursor_;           ///< labels up to it are joined
  std::map<std::int64_t, core::Micros> joined_;  ///< those behind it that are, and their times
  std::int64_t counted_id_ = -1;                 ///< the last label when outcomes were counted
  core::Micros counted_at_ = 0, changed_at_ = 0;

  std::atomic<bool> is_stopping_{false};  ///< set under the mutex; the engine looks at it
  std::unique_ptr<data::Engine> engine_;  ///< made for a look at the archive

  mutable std::mutex mutex_;  ///< guards what follows
  std::map<std::pair<std::string, std::int64_t>, serving::OutcomeSums, std::less<>> outcomes_;
  std::condition_variable wake_;
  std::thread thread_;
};

}  // namespace tenure::monitoring
