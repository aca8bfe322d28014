#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "app/project.h"
#include "core/json.h"
#include "core/result.h"

namespace tenure::app {

/// `tenure monitor labels` and `tenure monitor performance`: what came of customers, and how the
/// versions did. They work on the project's database, with or without a running server.

struct LabelFileRequest {
  std::filesystem::path file;  ///< CSV, or Parquet by its name
  std::string model;           ///< "" = the served one
  std::string label;           ///< column; "" = data.label.column, or "label"
  std::string customer;        ///< column; "" = "prediction_id" where there is one, else data.id
  std::string time;            ///< column; "" = "time" where there is one, else now
};
/// Keeps the labels of a file, all or none: {"model", "file", "received", "new", "without_label"}.
/// Rows whose label is empty are passed over. Errors: kNotFound for the file or a column;
/// kInvalidArgument naming the row whose label or time cannot be read.
core::Result<core::JsonObject> tell_label_file(Project& project, const LabelFileRequest& request);

/// Removes all that was told of customers, and what it said of versions, after a look through this
/// project's prediction log for predictions of theirs that labels name: {"customers", "labels",
/// "outcomes"}. `why` goes into the audit trail, the customers do not. Errors: kInvalidArgument for
/// an empty id; those of monitoring::erase_labels.
core::Result<core::JsonObject> erase_labels(Project& project,
                                            const std::vector<std::string>& customers,
                                            const std::string& why);

/// Joins labels to this project's prediction log, then says how each version did:
/// {"versions": [{"model", "version", "aliases", "customers", "events", "expected",
/// "observed_to_expected", "events_z", "brier", "excess_brier", "spiegelhalter_z",
/// "first_prediction", "last_prediction"}]}. `model`: "" = all.
core::Result<core::JsonObject> show_performance(Project& project, const std::string& model);

}  // namespace tenure::app
