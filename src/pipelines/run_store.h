#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "pipelines/process_identity.h"
#include "pipelines/runner.h"
#include "storage/sql/database.h"

namespace tenure::pipelines {

/// A lease that is not renewed for so long has no owner any more, whatever its process does.
inline constexpr core::Micros kLeaseTime = 30 * core::kMicrosPerSecond;

/// The rows behind the runner. Reads need nothing; every write names the fencing token of the lease
/// it was made under and is refused, with kConflict, once a younger lease exists. Each function is
/// one transaction. Thread-safe.
class RunStore {
 public:
  RunStore(storage::Database& database, const core::Clock& clock)
      : database_(&database), clock_(&clock) {}

  /// Makes the tables. Errors: those of storage::migrate.
  core::Result<> prepare();

  /// Takes the lease: answers its token, greater than every token before. Errors: kConflict while a
  /// live process holds it, naming that process and since when.
  core::Result<std::int64_t> acquire(const ProcessIdentity& holder);
  core::Result<> renew(std::int64_t token);
  core::Result<> release(std::int64_t token);

  /// Adds a run and its steps, and marks as failed the runs of the same pipeline that some process
  /// left running: this one is done in their place.
  core::Result<> create(std::int64_t token, const RunRecord& run, std::string_view plan);

  /// Writes the run's state and the given steps.
  core::Result<> save(std::int64_t token, const RunRecord& run,
                      std::span<const StepRecord* const> steps);

  /// The newest run in state running of that pipeline, configuration and plan.
  core::Result<std::optional<RunRecord>> find_interrupted(std::string_view pipeline,
                                                          std::string_view config_digest,
                                                          std::string_view plan);

  /// The newest successful outcome of a step, from any run of the pipeline.
  core::Result<std::optional<StepRecord>> newest_success(std::string_view pipeline,
                                                         std::string_view step);

  core::Result<std::vector<RunRecord>> list(std::size_t limit);
  core::Result<std::optional<RunRecord>> find(std::string_view id);

 private:
  core::Result<> write(std::int64_t token,
                       const std::function<core::Result<>(storage::SqlExecutor&)>& body);
  core::Result<std::vector<RunRecord>> load(std::string_view condition,
                                            std::span<const storage::SqlValue> parameters);

  storage::Database* database_;
  const core::Clock* clock_;
};

}  // namespace tenure::pipelines
