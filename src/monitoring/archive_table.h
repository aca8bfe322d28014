#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/result.h"
#include "data/table.h"
#include "monitoring/prediction_log.h"

namespace tenure::monitoring {

/// Events of one model version as a table, and back, without losing a bit. Columns: those of
/// docs/formats/prediction-log.md, then one for each feature, `feature_<name>`.

inline constexpr std::string_view kFeaturePrefix = "feature_";

/// Collects events of one model version. Not thread-safe.
class ArchiveTableBuilder {
 public:
  void add(const LoggedPrediction& event);
  std::size_t size() const { return events_.size(); }
  std::size_t bytes() const { return bytes_; }  ///< about what the events take in memory
  /// The events so far as a table; the builder is empty afterwards.
  data::Table take();

 private:
  std::vector<LoggedPrediction> events_;
  std::vector<std::string> names_;  ///< of the features, from the event that has most
  std::size_t bytes_ = 0;
};

/// The event in a row of such a table. Errors: kCorruption for a column that is missing or has
/// another type.
core::Result<> read_archived(const data::Table& table, std::size_t row, LoggedPrediction& out);

}  // namespace tenure::monitoring
