#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/metric.h"
#include "core/result.h"
#include "serving/prediction_sink.h"

namespace tenure::monitoring {

struct PredictionLogOptions {
  std::filesystem::path folder;
  std::uint64_t segment_max = 64ULL * 1024 * 1024;
  core::Micros sync_interval = 200'000;
  /// The buffer has 256 bytes for each, about what 30 numeric features take; longer events fill it
  /// sooner.
  std::uint64_t buffer_events = 65536;
};

/// The append-only, crash-safe log of predictions: segments of length- and CRC-framed records
/// (docs/formats/prediction-log.md). append() copies the event into a bounded lock-free buffer and
/// returns; one writer thread frames, writes and fsyncs. A full buffer drops the event, counts it
/// (tenure_prediction_events_dropped_total) and warns. A full disk keeps the buffer, retries, and
/// then drops the same way. On open, a torn tail is cut off, a last segment that has neither a
/// header nor a record is renamed to "….damaged", and the rest is intact. One log at a time writes
/// a folder: open() answers kConflict to a second one. An event may be read twice after a disk
/// failed in the middle of a write; prediction ids tell.
class PredictionLog final : public serving::PredictionSink {
 public:
  static core::Result<std::unique_ptr<PredictionLog>> open(PredictionLogOptions options,
                                                           const core::Clock& clock,
                                                           core::MetricRegistry& metrics);
  ~PredictionLog() override;  ///< flushes
  void append(const serving::PredictionEvent& event) noexcept override;
  core::Result<> flush();  ///< returns when everything appended before is on disk

 private:
  struct State;
  explicit PredictionLog(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// A record read back; owns its texts.
struct LoggedPrediction {
  std::string prediction_id;
  core::Micros time = 0;
  std::string entity_id;
  std::string model;
  std::int64_t version = 0;
  struct Feature {
    std::string name;
    data::Cell::Kind kind;
    double number;
    std::string text;
  };
  std::vector<Feature> features;
  core::Micros features_time = 0;
  float margin = 0, probability = 0;
  bool is_positive = false;
  serving::Level level = serving::Level::kPrimary;
  std::string reason;
  std::uint32_t latency_us = 0;

  // Fields that a record may lack.
  core::TraceContext trace;  ///< of the request; not set when nobody traced it
  std::string variant;       ///< which of those that share the requests; "" = there was one only
  bool is_shadow = false;    ///< nobody got this answer; its id is that of the one they got
};

/// Reads all segments in order until `visit` returns false. Safe while a log is being written.
/// Errors: kCorruption for a damaged record that is not the torn tail of the last segment, naming
/// file and offset.
core::Result<std::int64_t> read_prediction_log(
    const std::filesystem::path& folder, const std::function<bool(const LoggedPrediction&)>& visit);

}  // namespace tenure::monitoring
