#pragma once

#include <filesystem>
#include <string>

#include "app/project.h"
#include "core/json.h"
#include "core/result.h"

namespace tenure::app {

/// `tenure evaluate`: a registered model on labelled rows.
struct EvaluateRequest {
  std::string file;  ///< CSV or Parquet with the label and every input; "" = the test rows
  std::string model;
  std::string version;
  std::string label = {};    ///< column of the file; "" = data.label.column
  std::string rows_of = {};  ///< the test rows of this version instead: "3", "@champion", "other/3"
  bool is_logged = false;    ///< into the version's run, as the pipeline does
  std::filesystem::path plots = {};  ///< folder for plots (learn/plots.h); "" = none are drawn
};
/// Measures a registered model on every labelled row of a file or, without one, on the rows that
/// the run which trained it held out: rows it has learnt from would flatter it. Those of another
/// version do for a model that was trained elsewhere. `rows` of the answer says which, and `plots`
/// what was drawn. What is logged is read beside other versions' metrics by `tenure models
/// compare`, and by those who approve. Errors: kInvalidArgument naming the column that is missing,
/// and the feature and view that need it, for a file and rows_of together, and for a version
/// without a run that could be logged into; kNotFound when the run's rows are gone.
core::Result<core::JsonObject> evaluate_model(Project& project, const EvaluateRequest& request);

}  // namespace tenure::app
