#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "storage/sql/database.h"

namespace tenure::tracking {

/// A data set that runs read: identity is (experiment, name, digest), and the first content that is
/// logged for it stays.
struct Dataset {
  std::string name;         ///< at most 500 characters
  std::string digest;       ///< at most 36
  std::string source_type;  ///< "local", "s3", "code", ...
  std::string source;       ///< JSON text, at most 65,535
  std::string schema;       ///< JSON text, at most 1,048,575; may be empty
  std::string profile;      ///< JSON text, at most 16,777,215; may be empty
};

/// An edge from a data set to a run. Tags of an edge that is logged again are ignored.
struct DatasetInput {
  Dataset dataset;
  std::map<std::string, std::string> tags;  ///< mlflow.data.context: "training", "validation"
};

/// An edge from a run to a logged model it made.
struct ModelOutput {
  std::string model_id;
  std::int64_t step = 0;
};

struct RunInputs {
  std::vector<DatasetInput> datasets;
  std::vector<std::string> model_ids;  ///< logged models that the run read
  std::vector<ModelOutput> outputs;
};

/// Inputs and outputs of many runs at once, by run id; runs without any are not in the map.
core::Result<std::map<std::string, RunInputs>> read_run_inputs(
    storage::SqlExecutor& sql, std::span<const std::string> run_ids);

/// Writes edges of a run, inside a transaction that the caller opened; the run is active. Errors:
/// kInvalidArgument (limits of mlflow.md §7).
core::Result<> write_run_inputs(storage::SqlExecutor& sql, std::string_view run_id,
                                std::span<const DatasetInput> datasets,
                                std::span<const std::string> model_ids);
/// A repeated output replaces its step.
core::Result<> write_run_outputs(storage::SqlExecutor& sql, std::string_view run_id,
                                 std::span<const ModelOutput> outputs);

}  // namespace tenure::tracking
