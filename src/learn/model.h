#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/result.h"
#include "data/cell.h"
#include "data/table.h"
#include "learn/calibration.h"
#include "learn/conformal.h"
#include "learn/matrix.h"
#include "learn/transform.h"
#include "learn/tree_model.h"

namespace tenure::learn {

/// What a served model needs to know beside its trees: model.json of the package.
struct ModelFacts {
  std::string trainer = "xgboost";
  std::string service;             ///< feature service its inputs come from
  std::vector<std::string> refs;   ///< "view:feature" of each input, in order
  double base_rate = 0;            ///< positives among the training rows: the last fallback
  double threshold = 0.5;          ///< probability from which the decision is positive
  std::string positive = "churn";  ///< word for the positive decision
  std::string negative = "stay";
  /// What stands for a missing value of an input, as text: the rules by which the training table
  /// was cleaned (data.columns.*.null_value), for values that a request gives.
  std::map<std::string, std::string> null_values = {};
  /// Texts that mean missing, for each input that comes from a cleaned table (where blanks around
  /// texts were cut off, too).
  std::map<std::string, std::vector<std::string>> null_markers = {};

  /// What makes the objective's output an honest probability; kNone for most.
  Calibration calibration = {};
  std::optional<Conformal> conformal = {};  ///< of calibrated probabilities

  core::Json to_json() const;
  static core::Result<ModelFacts> from_json(const core::Json& json);
};

/// A trained binary classifier as it is served. Immutable; thread-safe.
class Model {
 public:
  /// Puts the parts together. Errors: kInvalidArgument when the trees' features are not the
  /// transform's outputs.
  static core::Result<Model> make(ModelFacts facts, Transform transform, TreeModel trees);

  /// Reads transform.json, model.json and model.ubj (or model.json's `data`) of a model package.
  /// Errors: kNotFound, kCorruption, kUnimplemented, naming the file.
  static core::Result<Model> load(const std::filesystem::path& package);

  const ModelFacts& facts() const { return facts_; }
  const Transform& transform() const { return transform_; }
  const TreeModel& trees() const { return trees_; }

  struct Score {
    float margin = 0;       ///< of the trees, log-odds
    float probability = 0;  ///< calibrated
  };

  /// Scores one row: one cell per input. `encoded` is scratch of transform().outputs().size()
  /// floats. No allocation, never fails.
  Score score(std::span<const data::Cell> cells, std::span<float> encoded) const noexcept;

  struct RowsScratch {
    std::vector<std::vector<double>> numbers;
    std::vector<float> encoded;
    std::vector<TreeModel::Score> evaluated;
  };
  /// Scores out.size() rows given as columns, one for each input; the bits of score() row by row.
  void score_rows(std::span<const Transform::InputColumn> columns, RowsScratch& scratch,
                  std::span<Score> out) const;

  /// Scores a table that has every input as a column; bit-equal to score() row by row.
  core::Result<std::vector<Score>> score(const data::Table& table) const;

 private:
  ModelFacts facts_;
  Transform transform_;
  TreeModel trees_;
};

}  // namespace tenure::learn
