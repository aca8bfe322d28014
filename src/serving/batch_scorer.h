#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "data/dataset.h"
#include "data/engine.h"
#include "decision/policy.h"
#include "decision/recourse.h"
#include "learn/explainer.h"
#include "learn/model.h"
#include "learn/shap_interactions.h"
#include "serving/reasons.h"

namespace tenure::serving {

struct BatchRequest {
  std::filesystem::path input;    ///< CSV or Parquet
  std::filesystem::path output;   ///< CSV by its name's end .csv, else Parquet; replaced whole
  std::filesystem::path scratch;  ///< folder for intermediate files; removed when all is done
  std::string id_column;          ///< copied to the output; "" = rows are numbered into row_id
  std::int64_t model_version = 0;
  std::vector<std::string> null_markers;
  std::string bad_values = "error";  ///< error, null: as in section data
  std::vector<data::ColumnRule>
      columns;  ///< one per model input, in its order; named as in the input file
  std::function<bool(std::int64_t done, std::int64_t total)>
      progress;  ///< false cancels; may be empty; from any thread, one call at a time
  std::int64_t chunk_rows = 0;  ///< finished together; 0 = what suits the work

  /// So many reasons for each row, as sentences; the two below are set then.
  std::size_t reasons = 0;
  const learn::Explainer* explainer = nullptr;  ///< of the model
  const ReasonTexts* texts = nullptr;

  /// What to do about each row. Null = only the decision by the threshold.
  const decision::Policy* policy = nullptr;
  bool has_own_thresholds = false;    ///< the policy says who is positive
  bool has_actions = true;            ///< false: that is all it is asked for
  std::optional<double> budget = {};  ///< shared out over all rows; none = every offer that pays
  std::optional<std::size_t> capacity = {};  ///< offers in all; none = no limit
  bool has_limits() const { return budget || capacity; }
  bool is_decided() const { return policy != nullptr && has_actions; }

  /// So many pairs of features that add most together in each row.
  std::size_t interactions = 0;
  const learn::ShapInteractions* shap_interactions = nullptr;  ///< of the model; set then

  /// What could change for rows that are decided positive; null = nothing is asked for.
  const decision::Recourse* recourse = nullptr;
  /// The probability to get to; none = to where the decision about the row changes.
  std::optional<double> recourse_target = {};

  /// Only probability and decision are asked for.
  bool is_plain() const {
    return reasons == 0 && interactions == 0 && recourse == nullptr && !is_decided();
  }
};

struct BatchReport {
  std::int64_t rows = 0;
  std::int64_t positives = 0;  ///< rows decided positive
  // With a policy:
  std::int64_t offers = 0;     ///< rows that get one
  double expected_profit = 0;  ///< of these
  double expected_cost = 0;    ///< of these, when there are limits
  double profit_bound = 0;     ///< no choice within the limits brings more
  std::int64_t held_back = 0;  ///< rows without one because they are in the control group
};

/// Scores a table of any size: cleans it by the same rules as training (as SQL, out of core), then
/// scores it a chunk after another; memory is bounded by the chunk, and by the choice of offers
/// when there is a budget. The output has the id, `probability`, `decision` and `model_version`,
/// in the order of the input, and when asked for `reason_1`, …, and `action`, `why`,
/// `expected_profit`; `interaction_k` ("Contract x tenure") and `interaction_k_log_odds`, what the
/// two add together beyond what each adds by itself, largest first; and for k of 1 to 3
/// `recourse_k` (labels of actions, "a + b"), `recourse_k_cost`, `recourse_k_probability`.
/// Probabilities, reasons and actions equal those of the online path to the bit. A plain call
/// of at most twenty million rows is one chunk and written once. Finished chunks stay in `scratch`
/// when the process is killed or the call cancelled, and a call with the same scratch folder goes
/// on behind them; name it after everything that the output depends on. Errors: those of
/// data::load_dataset (a column gone, a bad value with its line, …); kCancelled;
/// kResourceExhausted.
core::Result<BatchReport> score_file(data::Engine& engine, const learn::Model& model,
                                     const BatchRequest& request);

}  // namespace tenure::serving
