#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "core/clock.h"
#include "core/metric.h"
#include "core/result.h"

namespace tenure::monitoring {

struct CompactorOptions {
  std::filesystem::path folder;  ///< of the prediction log
  bool has_parquet = true;       ///< closed segments become Parquet files
  core::Micros interval = 60'000'000;
  core::Micros retain = 0;         ///< events of older hours are removed; 0 = none is too old
  std::uint64_t retain_bytes = 0;  ///< the oldest are removed beyond that size; 0 = no limit
  std::uint64_t memory_bytes = 256ULL * 1024 * 1024;
};

/// Tidies the closed segments of a prediction log, on a thread of its own at low priority: turns
/// them into Parquet files, and removes what is too old or too much. Only the process that writes
/// the log may run one. A segment that cannot be turned stays and is tried again at the next start;
/// a full disk is tried again each time.
class PredictionCompactor {
 public:
  static std::unique_ptr<PredictionCompactor> start(CompactorOptions options,
                                                    const core::Clock& clock,
                                                    core::MetricRegistry& metrics);
  /// Stops at once: what is half done is begun anew by the next one.
  ~PredictionCompactor();
  PredictionCompactor(const PredictionCompactor&) = delete;
  PredictionCompactor& operator=(const PredictionCompactor&) = delete;

 private:
  struct State;
  explicit PredictionCompactor(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tenure::monitoring
