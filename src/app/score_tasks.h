#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
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
  std::string model;                         ///< "" = the project's
  std::string version;                       ///< as in find_version
  std::size_t reasons = 0;                   ///< top reasons of each row, as sentences
  bool is_decided = false;                   ///< what to do about each row, by section decision
  std::optional<double> budget = {};         ///< for the offers together; none = decision.budget
  std::optional<std::size_t> capacity = {};  ///< offers in all; none = decision.capacity
  std::size_t interactions = 0;       ///< pairs of features that add most together, for each row
  bool has_recourse = false;          ///< what could change for the rows decided positive
  std::optional<double> target = {};  ///< of that; none = to where the decision changes
  /// False cancels; may be empty.
  std::function<bool(std::int64_t done, std::int64_t total)> progress = {};
};
/// Scores a CSV or Parquet file, larger than memory. A call that was cancelled or killed goes on
/// where it was when it is repeated. Errors: those of serving::score_file; kInvalidArgument when
/// there are no offers to decide between; kUnimplemented when the model cannot be explained.
core::Result<core::JsonObject> score_table(Project& project, const ScoreRequest& request);

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
