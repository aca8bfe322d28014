#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "app/project.h"
#include "core/json.h"
#include "core/result.h"

namespace tenure::app {

/// `tenure score`: a registered model over a file, whose columns are read as scoring_rules says.
struct ScoreRequest {
  std::string input;
  std::string output;
  std::string model;                         ///< "" = the project's
  std::string version;                       ///< as in find_version
  std::size_t reasons = 0;                   ///< top reasons of each row, as sentences
  bool is_decided = false;                   ///< what to do about each row, by section decision
  std::optional<double> budget = {};         ///< for the offers together; none = decision.budget
  std::optional<std::size_t> capacity = {};  ///< offers in all; none = decision.capacity
  std::size_t interactions = 0;       ///< pairs of features that add most together, for each row
  bool has_recourse = false;          ///< what could change for the rows decided positive
  std::optional<double> target = {};  ///< of that; none = to where the decision changes
  /// False cancels; may be empty.
  std::function<bool(std::int64_t done, std::int64_t total)> progress = {};
};
/// Scores a CSV or Parquet file, larger than memory. A call that was cancelled or killed goes on
/// where it was when it is repeated. Errors: those of serving::score_file; kInvalidArgument when
/// there are no offers to decide between; kUnimplemented when the model cannot be explained.
core::Result<core::JsonObject> score_table(Project& project, const ScoreRequest& request);

}  // namespace tenure::app
