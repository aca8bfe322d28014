#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "storage/sql/database.h"

namespace tenure::tracking {

/// Creates or checks the tables: MLflow's 2.22 schema (Alembic revision 0584bdc529eb) and our own,
/// prefixed tenure_. A database that MLflow made at that or a later revision is opened as it is.
/// Errors: kConflict for a revision older than 0584bdc529eb, with the command that upgrades it.
core::Result<> prepare_schema(storage::Database& database, core::Micros now);

/// What prepare_schema would find: no table of ours or MLflow's; MLflow's without ours, or ours of
/// an earlier version; all of them. Changes nothing. Errors: those of prepare_schema.
enum class SchemaState : std::uint8_t { kAbsent, kIncomplete, kPrepared };
core::Result<SchemaState> inspect_schema(storage::Database& database);

struct Experiment {
  std::string id;
  std::string name;
  std::string artifact_location;
  std::string lifecycle_stage = "active";
  std::int64_t created_ms = 0;
  std::int64_t updated_ms = 0;
  std::map<std::string, std::string> tags;
};

/// Experiments, over MLflow's tables. Thread-safe (as Database is). Times in milliseconds, as
/// MLflow stores them.
class ExperimentStore {
 public:
  ExperimentStore(storage::Database& database, const core::Clock& clock, std::string artifact_root);
  /// `artifact_location` empty: <artifact root>/<id>. Rules for a given one: mlflow.md §3.2.
  core::Result<Experiment> create(std::string_view name,
                                  const std::map<std::string, std::string>& tags = {},
                                  std::string_view artifact_location = {});
  core::Result<Experiment> get(std::string_view id);  ///< deleted ones too
  core::Result<Experiment> find(std::string_view name);
  /// Safe when several processes do it at once. The experiment of a project that was moved or
  /// copied gets its place below the artifact root of now.
  core::Result<Experiment> find_or_create(std::string_view name);
  core::Result<std::vector<Experiment>> list();  ///< active ones
  /// Soft, with all its runs. Errors: kNotFound when it is not active.
  core::Result<> remove(std::string_view id);
  /// With all its runs. Errors: kNotFound when it is not deleted.
  core::Result<> restore(std::string_view id);
  core::Result<> rename(std::string_view id, std::string_view name);
  core::Result<> set_tag(std::string_view id, std::string_view key, std::string_view value);
  core::Result<> delete_tag(std::string_view id, std::string_view key);

 private:
  storage::Database* database_;
  const core::Clock* clock_;
  std::string artifact_root_;
};

}  // namespace tenure::tracking
