#pragma once

#include <span>
#include <string>

#include "serving/predictor.h"
#include "serving/reasons.h"

namespace tenure::api {

/// How much an answer explains itself.
struct AnswerStyle {
  std::size_t reasons_max = 0;  ///< top reasons, as "reasons"; 0 = none
  bool is_full = false;         ///< "margin", "bias" and all "contributions" instead
  const serving::ReasonTexts* texts = nullptr;  ///< not null when one of the two is set
  bool is_decided = false;                      ///< what to do, too; the snapshot has a policy
};

/// Appends the answer to one row:
/// Of the version that answered it:
///   {"customer_id"?, "probability", "decision", "model": {"name", "version"}, "variant"?, "level",
///    "fallback_reason", "prediction_id", "features_as_of",
///    "rule"?, "uncertain"?, "action"?, "offer"?, "why"?, "control"?, "expected_profit"?,
///    "threshold"?, "value"?, "reasons"?: [{"feature", "value", "log_odds", "text"}, …]}
void append_prediction(std::string& out, const serving::Prediction& prediction,
                       const AnswerStyle& style);

/// Appends {"predictions": [...], "model": {...}}; the rows leave the model out. Where several
/// versions share the requests, `snapshot` is the champion, and each row has "model_version" and
/// "variant".
void append_predictions(std::string& out, const serving::ModelSnapshot& snapshot,
                        std::span<const serving::Prediction> predictions, const AnswerStyle& style);

/// {"customer_id"?, "probability", with which every row begins; not closed.
void append_row_begin(std::string& out, const serving::Prediction& prediction);

/// The shortest decimal of the value widened to double: a reader that parses it as double and
/// rounds to float32 gets the same bits, and so does one that compares with numpy's `tolist()`.
void append_float(std::string& out, float value);

/// A value of a feature as JSON: what a request would give for it.
void append_feature_value(std::string& out, const learn::InputField& input,
                          const data::Cell& value);

}  // namespace tenure::api
