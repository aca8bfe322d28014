#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/json.h"
#include "core/result.h"
#include "pipelines/dag.h"
#include "pipelines/step_registry.h"
#include "storage/sql/database.h"

namespace tenure::pipelines {

enum class StepState : std::uint8_t {
  kPending,
  kRunning,
  kSucceeded,
  kFailed,
  kSkipped,
  kReused,
  kCancelled
};
std::string_view step_state_name(StepState state);  ///< "pending", ...

struct StepRecord {
  std::string name;
  StepState state = StepState::kPending;
  int attempt = 0;
  core::Micros started = 0, ended = 0;
  std::string error;  ///< message of the last failed attempt
  std::string error_code;
  StepResult result;
};

struct RunRecord {
  std::string id;  ///< UUIDv7
  std::string pipeline;
  std::string state;  ///< running, succeeded, failed, cancelled
  core::Micros started = 0, ended = 0;
  std::string config_digest;
  std::vector<StepRecord> steps;
};

/// Durable state of pipeline runs: tables tenure_pipeline_runs and tenure_pipeline_steps, every
/// transition one transaction. One runner at a time works on one project: a lease with a fencing
/// token (tenure_pipeline_lease); each write says which token it belongs to, and a write with an
/// older token is refused with kConflict.

/// Told of every change, on the runner's thread.
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  virtual void on_step(const RunRecord& run, const StepRecord& step) = 0;
  virtual void on_progress(const StepRecord& step, std::uint64_t done, std::uint64_t total,
                           std::string_view note) = 0;
};

struct RunOptions {
  std::string from;  ///< start at this step, reusing the newest successful results of the steps
                     ///< before, whose recorded files must be what they were; "" = all
  bool is_resuming = true;  ///< take up a run of this pipeline that was killed (same config
                            ///< digest), from its first step that is unfinished or whose recorded
                            ///< files have changed since
  std::string config_digest;
  std::filesystem::path directory;  ///< runs live in directory/<run id>/
  const std::atomic<bool>* is_cancelled = nullptr;
  /// Folder that FileRecord paths are relative to; "" = two levels above `directory`, the place of
  /// .tenure/runs.
  std::filesystem::path project = {};
};

/// Runs pipelines, durably: state is written before a step starts and after it ends, so a run that
/// was killed at any instant is taken up where it was. Retries with doubling delay. Steps run one
/// after another in DAG order.
class Runner {
 public:
  /// Makes the tables. Errors: those of migrate().
  static core::Result<Runner> open(storage::Database& database, const core::Clock& clock,
                                   const StepRegistry& steps);

  /// Errors: kConflict when another live process runs a pipeline here (naming its process id and
  /// since when); kNotFound when `from` names no step, or there is no earlier run to reuse; the
  /// failed step's error, led by its name; kCancelled.  The record of the run is kept in every
  /// case; `record` (may be null) receives it.
  core::Result<RunRecord> run(const Dag& dag, const RunOptions& options, RunObserver* observer,
                              RunRecord* record = nullptr);

  core::Result<std::vector<RunRecord>> list(std::size_t limit = 20);  ///< newest first
  core::Result<RunRecord> get(std::string_view id);

 private:
  Runner(storage::Database& database, const core::Clock& clock, const StepRegistry& steps)
      : database_(&database), clock_(&clock), steps_(&steps) {}
  storage::Database* database_;
  const core::Clock* clock_;
  const StepRegistry* steps_;
};

}  // namespace tenure::pipelines
