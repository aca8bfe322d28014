#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "storage/sql/database.h"
#include "tracking/run.h"
#include "tracking/stored_metrics.h"

// What a run logs, written inside a transaction that the caller opened.
namespace tenure::tracking {

inline constexpr std::string_view kRunNameTag = "mlflow.runName";
inline constexpr std::size_t kRunNameMax = 250;  ///< of the column

/// The columns of latest_metrics that metric_from_row reads.
inline constexpr std::string_view kMetricColumns = "key, value, timestamp, step, is_nan";
Metric metric_from_row(const storage::SqlRowView& row);

/// Checks keys, values and times, before anything is written.
core::Result<> check_batch(std::span<const Metric> metrics,
                           const std::map<std::string, std::string>& params,
                           const std::map<std::string, std::string>& tags);
/// Checks the tags that a run is made with: any words, which MLflow does not check there.
core::Result<> check_first_tags(const std::map<std::string, std::string>& tags);
/// As check_batch, for a batch of MLflow's, whose messages tell where ("metrics[3].name"), with its
/// limits and without repeated params.
core::Result<> check_batch(std::string_view run_id, const LogBatch& batch);

/// Checks the id of a run where MLflow does: in batches and inputs.
core::Result<> check_run_id(std::string_view run_id);

/// Errors: kNotFound; kInvalidArgument for a deleted run.
core::Result<> check_run_is_active(storage::SqlExecutor& sql, std::string_view run_id);

/// What one request logs in a run, as statements that go to the database together. They are made
/// before the transaction, whose time all writers share, and written once. What is added is kept by
/// the caller until then.
class RunLog {
 public:
  explicit RunLog(std::string_view run_id);
  RunLog(const RunLog&) = delete;
  RunLog& operator=(const RunLog&) = delete;

  /// Params are written once; the same value again is fine. `is_single` chooses the words in which
  /// a change is refused: for one param or for a batch.
  void add_params(const std::map<std::string, std::string>& params, bool is_single);

  /// Appends to the history, without exact repeats, and keeps latest_metrics at the greatest (step,
  /// timestamp, value) of each key. What was measured for a logged model is recorded there as well.
  /// Rows go in the order of their keys: writers that meet in the same rows wait for each other
  /// instead of blocking each other, and neighbours in the index are written together.
  void add_metrics(const MetricRows& metrics);

  /// The last write wins. Tag mlflow.runName renames the run; an empty one changes nothing.
  void add_tags(const std::map<std::string, std::string>& tags);

  /// Any other statement about the run.
  void add(storage::SqlStatement statement) { statements_.push_back(std::move(statement)); }

  /// Inside a transaction, which is to be rolled back when this fails. Errors: as
  /// check_run_is_active; kInvalidArgument naming all params whose value would change.
  core::Result<> write(storage::SqlExecutor& sql);

 private:
  core::Result<> check_params(storage::SqlExecutor& sql) const;

  std::string run_id_;
  std::vector<storage::SqlStatement> statements_;  ///< the first tells the state of the run
  std::optional<std::string> state_;               ///< "" when there is no such run
  const std::map<std::string, std::string>* params_ = nullptr;
  bool is_single_param_ = false;
  std::size_t params_begin_ = 0;  ///< of their statements
  std::size_t params_end_ = 0;
  std::span<const Metric> metrics_;
};

/// The statements of RunLog::add_tags, for a run that is being made.
void append_tags(std::vector<storage::SqlStatement>& statements, std::string_view run_id,
                 const std::map<std::string, std::string>& tags);

}  // namespace tenure::tracking
