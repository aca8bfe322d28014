#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "storage/sql/database.h"
#include "tracking/run.h"

namespace tenure::tracking {

enum class LoggedModelStatus : std::uint8_t {
  kUnspecified = 0,
  kPending = 1,
  kReady = 2,
  kUploadFailed = 3
};
std::string_view logged_model_status_name(LoggedModelStatus status);  ///< "LOGGED_MODEL_READY"

/// A model as MLflow 3 logs it: an entity of its own beside the run that made it (mlflow.md §4).
struct LoggedModel {
  std::string id;  ///< "m-" and 32 hexadecimal digits
  std::string experiment_id;
  std::string name;
  std::string artifact_uri;  ///< <experiment location>/models/<id>/artifacts
  std::int64_t created_ms = 0;
  std::int64_t updated_ms = 0;
  LoggedModelStatus status = LoggedModelStatus::kPending;
  std::string status_message;
  std::string model_type;
  std::string source_run_id;
  std::string lifecycle_stage = "active";
  std::map<std::string, std::string> params;
  std::map<std::string, std::string> tags;
  std::vector<Metric> metrics;  ///< with run, model and data set
};

struct NewLoggedModel {
  std::string experiment_id;
  std::string name;  ///< empty: a random one
  std::string model_type;
  std::string source_run_id;
  std::map<std::string, std::string> params;
  std::map<std::string, std::string> tags;
};

/// Names of the tables that keep logged models: MLflow's own where the database has them (3.0 and
/// later), else ours with the same columns, prefixed tenure_ (the schema of 2.22 has none, and a
/// later `mlflow db upgrade` makes them itself; prepare_schema then moves our rows there).
struct LoggedModelTables {
  std::string models, params, tags, metrics;
  bool has_input_step = false;  ///< inputs.step exists; else steps are in tenure_input_steps
};
core::Result<LoggedModelTables> logged_model_tables(storage::SqlExecutor& sql);

/// Many logged models with their params, tags and metrics, in the order of `ids`; those that do not
/// exist are left out.
core::Result<std::vector<LoggedModel>> read_logged_models(storage::SqlExecutor& sql,
                                                          std::span<const std::string> ids);

/// Metrics of a run that were measured for a logged model, recorded for that model as well, inside
/// a transaction that the caller opened. Others are passed over. Errors: kNotFound (model).
core::Result<> write_model_metrics(storage::SqlExecutor& sql, std::string_view run_id,
                                   std::span<const Metric> metrics);

/// Logged models. Thread-safe. Errors: kNotFound `Logged model with ID 'm-…' not found.`,
/// kInvalidArgument (mlflow.md §2.2, §7).
class LoggedModelStore {
 public:
  LoggedModelStore(storage::Database& database, const core::Clock& clock);
  core::Result<LoggedModel> create(const NewLoggedModel& model);  ///< the experiment is active
  core::Result<LoggedModel> get(std::string_view id, bool allow_deleted = false);
  core::Result<LoggedModel> finish(std::string_view id, LoggedModelStatus status);
  core::Result<> remove(std::string_view id);  ///< soft; again is fine
  core::Result<> set_tags(std::string_view id, const std::map<std::string, std::string>& tags);
  core::Result<> delete_tag(std::string_view id, std::string_view key);
  /// The same value again is fine, another is refused.
  core::Result<> log_params(std::string_view id, const std::map<std::string, std::string>& params);

 private:
  storage::Database* database_;
  const core::Clock* clock_;
};

}  // namespace tenure::tracking
