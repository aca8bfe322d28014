#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/json.h"
#include "core/result.h"
#include "storage/sql/database.h"
#include "tracking/experiments.h"
#include "tracking/run_inputs.h"

namespace tenure::tracking {

enum class RunStatus : std::uint8_t { kRunning, kScheduled, kFinished, kFailed, kKilled };
std::string_view run_status_name(RunStatus status);  ///< "RUNNING", ...

struct Metric {
  std::string key;
  double value = 0;  ///< NaN and infinities are kept as MLflow does (is_nan column, ±1.79e308)
  std::int64_t timestamp_ms = 0;
  std::int64_t step = 0;
  // Set when the value was measured for a logged model, or on a data set of the run.
  std::string model_id = {};
  std::string dataset_name = {};
  std::string dataset_digest = {};
  std::string run_id = {};  ///< filled in metrics of logged models only
};

struct Run {
  std::string id;  ///< 32 hexadecimal digits
  std::string experiment_id;
  std::string name;
  std::string user;
  RunStatus status = RunStatus::kRunning;
  std::int64_t start_ms = 0;
  std::int64_t end_ms = 0;  ///< 0 = not ended
  std::string artifact_uri;
  std::string lifecycle_stage = "active";
  std::map<std::string, std::string> params;
  std::map<std::string, std::string> tags;
  std::map<std::string, Metric> metrics;  ///< latest of each key
  RunInputs inputs = {};                  ///< data sets, models read, models made
};

/// What a client says of a new run.
struct NewRun {
  std::string experiment_id = "0";
  std::string name;  ///< empty: tag mlflow.runName, else a random one
  std::string user;
  std::int64_t start_ms = 0;
  std::map<std::string, std::string> tags;
};

/// What is given changes.
struct RunUpdate {
  std::optional<RunStatus> status;
  std::optional<std::int64_t> end_ms;
  std::string name;  ///< empty: stays
};

/// What MLflow's log-batch call holds: at most 1,000 metrics, 100 params, 100 tags, 1,000 in all.
struct LogBatch {
  std::vector<Metric> metrics;
  std::vector<std::pair<std::string, std::string>> params;  ///< a key once
  std::vector<std::pair<std::string, std::string>> tags;    ///< of a key repeated the last counts
};

/// Runs with their params, metrics and tags, over MLflow's tables. Thread-safe.
/// Rules as MLflow's: a param may be logged again only with the same value; keys at most 250
/// characters, param values at most 6,000, tag values at most 8,000; a deleted run is read-only.
/// Errors: kInvalidArgument, kNotFound.
class RunStore {
 public:
  RunStore(storage::Database& database, const core::Clock& clock);
  core::Result<Run> create(const Experiment& experiment, std::string_view name,
                           std::string_view user,
                           const std::map<std::string, std::string>& tags = {});
  /// As MLflow's REST call: the user and the start time are the client's.
  core::Result<Run> create(const NewRun& run);
  core::Result<Run> get(std::string_view id);  ///< deleted ones too
  /// The answer has the run's own row only: no params, tags, metrics and inputs.
  core::Result<Run> update(std::string_view id, const RunUpdate& update);
  core::Result<> remove(std::string_view id);   ///< soft; again is fine
  core::Result<> restore(std::string_view id);  ///< again is fine
  core::Result<std::vector<Run>> list(std::string_view experiment_id,
                                      std::size_t limit = 1000);  ///< newest first
  core::Result<> end(std::string_view id, RunStatus status);
  /// All in one transaction: all or nothing. What was logged before changes nothing. For MLflow's
  /// calls that log one item: messages name its field ("name", "key").
  core::Result<> log(std::string_view id, std::span<const Metric> metrics,
                     const std::map<std::string, std::string>& params = {},
                     const std::map<std::string, std::string>& tags = {});
  /// The same for MLflow's call that logs many: its limits, and messages that tell which item
  /// ("metrics[3].name").
  core::Result<> log_batch(std::string_view id, const LogBatch& batch);
  core::Result<> set_tag(std::string_view id, std::string_view key, std::string_view value);
  core::Result<> delete_tag(std::string_view id, std::string_view key);
  core::Result<> log_inputs(std::string_view id, std::span<const DatasetInput> datasets,
                            std::span<const std::string> model_ids);
  core::Result<> log_outputs(std::string_view id, std::span<const ModelOutput> outputs);
  /// Appends to tag mlflow.log-model.history what MLflow 2's log_model tells (mlflow.md §3.3).
  core::Result<> log_model(std::string_view id, const core::Json& model);

 private:
  storage::Database* database_;
  const core::Clock* clock_;
};

}  // namespace tenure::tracking
