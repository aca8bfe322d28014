#pragma once

#include <string>

#include "app/project.h"
#include "core/json.h"
#include "core/result.h"

namespace tenure::app {

/// `tenure score` and `tenure evaluate`: a registered model over a file. Columns are found under
/// the names that the model's features have in their sources, and read as the types the model was
/// trained with; a missing value stands for what it stood for then. Texts that mean missing, and
/// what happens to bad values, are as section `data` says now.

struct ScoreRequest {
  std::string input;
  std::string output;
  std::string model;    ///< "" = the project's
  std::string version;  ///< as in find_version
};
/// Scores a CSV or Parquet file, larger than memory.
core::Result<core::JsonObject> score_table(Project& project, const ScoreRequest& request);

struct EvaluateRequest {
  std::string file;  ///< CSV or Parquet with data.label and every input; "" = the test rows
  std::string model;
  std::string version;
};
/// Measures a registered model on every labelled row of a file or, without one, on the rows that
/// the run which trained it held out: rows it has learnt from would flatter it. `rows` of the
/// answer says which. Errors: kInvalidArgument naming the column that is missing, and the feature
/// and view that need it; kNotFound when the run's rows are gone.
core::Result<core::JsonObject> evaluate_model(Project& project, const EvaluateRequest& request);

}  // namespace tenure::app
