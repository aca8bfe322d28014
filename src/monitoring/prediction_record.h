#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "monitoring/prediction_log.h"
#include "serving/prediction_sink.h"

namespace tenure::monitoring {

/// The payloads of the log's records (docs/formats/prediction-log.md). Each begins with its type
/// and the number its schema has in the segment; what follows is the body.
enum class RecordType : std::uint8_t { kSchema = 1, kPrediction = 2 };

/// Fields behind the features of a prediction, each with its tag and its length, so that readers
/// pass over those they do not know. A new one is a tag here, a put_field in put_optional_fields, a
/// case in read_optional_field, and a row in docs/formats/prediction-log.md. Tags are written in
/// their order. A field may grow at its end, never change.
enum class FieldTag : std::uint64_t { kTrace = 1, kVariant = 2, kGroup = 3 };

inline constexpr std::size_t kRecordLeadSize = 5;  ///< type, schema number

/// What the records of one model version have in common; written once per segment.
struct RecordSchema {
  std::string model;
  std::int64_t version = 0;
  std::vector<std::string> names;
};

/// Sizes and bytes of the bodies; `out` has room for that size. No allocation.
std::size_t schema_body_size(const serving::PredictionEvent& event) noexcept;
void write_schema_body(const serving::PredictionEvent& event, char* out) noexcept;
std::size_t prediction_body_size(const serving::PredictionEvent& event) noexcept;
void write_prediction_body(const serving::PredictionEvent& event, char* out) noexcept;

/// Equal for events that share a schema: model, version and names, in order.
std::uint64_t schema_hash(const serving::PredictionEvent& event) noexcept;

/// Reads the payloads of one segment, in order.
class RecordDecoder {
 public:
  /// True when `payload` was a prediction, now in `out`; false for a schema. Errors: kCorruption
  /// saying what is wrong.
  core::Result<bool> decode(std::string_view payload, LoggedPrediction& out);

 private:
  std::vector<RecordSchema> schemas_;
};

}  // namespace tenure::monitoring
