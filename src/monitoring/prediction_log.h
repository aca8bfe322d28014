#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/metric.h"
#include "core/result.h"
#include "serving/answer_gate.h"
#include "serving/prediction_sink.h"

namespace tenure::monitoring {

/// What happens to predictions that the log cannot keep.
enum class LogPolicy : std::uint8_t {
  kDrop,   ///< they are answered, and their events counted as dropped
  kBlock,  ///< they are refused: answers wait until their events are durable
};

struct PredictionLogOptions {
  std::filesystem::path folder;
  std::uint64_t segment_max = 64ULL * 1024 * 1024;
  core::Micros sync_interval = 200'000;
  /// The buffer has 256 bytes for each, about what 30 numeric features take; longer events fill it
  /// sooner.
  std::uint64_t buffer_events = 65536;
  LogPolicy policy = LogPolicy::kDrop;
};

/// The append-only, crash-safe log of predictions: segments of length- and CRC-framed records
/// (docs/formats/prediction-log.md). append() copies the event into a bounded lock-free buffer and
/// returns; one writer thread frames, writes and fsyncs. A full buffer drops the event, counts it
/// (tenure_prediction_events_dropped_total) and warns. A full disk keeps the buffer, retries, and
/// then drops the same way. On open, a torn tail is cut off, a last segment that has neither a
/// header nor a record is renamed to "….damaged", and the rest is intact. One log at a time writes
/// a folder: open() answers kConflict to a second one. An event may be read twice after a disk
/// failed in the middle of a write; prediction ids tell.
///
/// Under LogPolicy::kBlock answers wait at the log's gate: the writer syncs as soon as one waits,
/// and all that were appended during one sync share the next. An event that finds the buffer full
/// waits for the writer, so that requests of any number of rows pass. While a write fails or hangs,
/// or the buffer is nearly full, begin() lets nobody in (tenure_prediction_answers_refused_total).
class PredictionLog final : public serving::PredictionSink, public serving::AnswerGate {
 public:
  static core::Result<std::unique_ptr<PredictionLog>> open(PredictionLogOptions options,
                                                           const core::Clock& clock,
                                                           core::MetricRegistry& metrics);
  ~PredictionLog() override;  ///< flushes
  void append(const serving::PredictionEvent& event) noexcept override;
  core::Result<> flush();  ///< returns when everything appended before is on disk
  const std::filesystem::path& folder() const;

  std::optional<Ticket> begin() noexcept override;
  void when_recorded(Ticket ticket, std::function<void(bool is_recorded)> done) noexcept override;
  bool was_too_large(Ticket ticket) const noexcept override;

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
  /// "control": the customer is left without offers, to compare; "target": is not; "" = there was
  /// no such group, or the record is older than this field.
  std::string group;
};

/// Whether that is the prediction which somebody got under this id; a shadow's has it, too.
inline bool is_answer(const LoggedPrediction& event, std::string_view prediction_id) {
  return event.prediction_id == prediction_id && !event.is_shadow;
}

/// Reads the whole log, in the order of its segments, until `visit` returns false: segments, and
/// the Parquet files that older ones have become. Safe while a log is being written and archived.
/// Errors: kCorruption for a damaged record that is not the torn tail of the last segment, naming
/// file and offset.
core::Result<std::int64_t> read_prediction_log(
    const std::filesystem::path& folder, const std::function<bool(const LoggedPrediction&)>& visit);

/// The event of one prediction, in either form. Errors: as read_prediction_log.
core::Result<std::optional<LoggedPrediction>> find_prediction(const std::filesystem::path& folder,
                                                              const std::string& prediction_id);

}  // namespace tenure::monitoring
