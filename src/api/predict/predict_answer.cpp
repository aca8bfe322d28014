#include "api/predict/predict_answer.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>
#include <vector>

#include "core/time_format.h"
#include "net/http_message.h"

namespace tenure::api {
namespace {

void append_version(std::string& out, const serving::ModelSnapshot& snapshot) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, snapshot.version).ptr;
  out.append(digits, end);
}

void append_model(std::string& out, const serving::ModelSnapshot& snapshot) {
  out += "\"model\":{\"name\":";
  net::append_json_string(out, snapshot.name);
  out += ",\"version\":";
  append_version(out, snapshot);
  out += '}';
}

void append_variant(std::string& out, const serving::Prediction& prediction) {
  if (prediction.variant.empty()) return;
  out += ",\"variant\":\"";
  out += prediction.variant;  // letters, digits, '-', '_'
  out += '"';
}

void append_contributions(std::string& out, const serving::ModelSnapshot& snapshot,
                          std::span<const serving::Contribution> contributions,
                          const serving::ReasonTexts& texts) {
  thread_local std::string sentence;
  out += '[';
  for (std::size_t i = 0; i < contributions.size(); ++i) {
    const serving::Contribution& contribution = contributions[i];
    const learn::InputField& input = snapshot.model.transform().inputs()[contribution.input];
    out += i > 0 ? ",{\"feature\":" : "{\"feature\":";
    net::append_json_string(out, input.name);
    out += ",\"value\":";
    append_feature_value(out, input, contribution.value);
    out += ",\"log_odds\":";
    append_float(out, contribution.log_odds);
    out += ",\"text\":";
    sentence.clear();
    texts.append(sentence, input, contribution.value, contribution.log_odds > 0);
    net::append_json_string(out, sentence);
    out += '}';
  }
  out += ']';
}

/// Reasons, or all that went into the margin.
void append_explanation(std::string& out, const serving::ModelSnapshot& snapshot,
                        const serving::Prediction& prediction, const AnswerStyle& style) {
  thread_local std::vector<serving::Contribution> chosen;
  if (style.is_full) {
    chosen.assign(prediction.contributions.begin(), prediction.contributions.end());
    std::ranges::stable_sort(chosen, std::ranges::greater(), [](const auto& contribution) {
      return std::abs(contribution.log_odds);
    });
    out += ",\"margin\":";
    append_float(out, prediction.margin);
    out += ",\"bias\":";
    if (chosen.empty()) {
      out += "null";
    } else {
      append_float(out, prediction.bias);
    }
    out += ",\"contributions\":";
  } else {
    chosen.resize(std::min(style.reasons_max, prediction.contributions.size()));
    chosen.resize(serving::top_reasons(prediction, chosen));
    out += ",\"reasons\":";
  }
  append_contributions(out, snapshot, chosen, *style.texts);
}

/// What to do about the customer, and why.
void append_decision(std::string& out, const decision::Policy& policy,
                     const decision::Decision& decision) {
  const auto number = [&out](std::string_view name, double value) {
    out += name;
    if (!std::isfinite(value)) {
      out += "null";
      return;
    }
    char digits[32];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  };
  out += ",\"action\":";
  net::append_json_string(out, policy.action_name(decision));
  out += ",\"offer\":";
  if (decision.offer == decision::Decision::kNoOffer) {
    out += "null";
  } else {
    const auto& offer = policy.offers()[decision.offer];
    out += "{\"name\":";
    net::append_json_string(out, offer.name);
    out += ",\"label\":";
    net::append_json_string(out, offer.label);
    out += '}';
  }
  out += ",\"why\":\"";
  out += decision::why_name(decision.why);
  out += '"';
  if (policy.control_group().share() > 0)
    out += decision.is_control ? ",\"control\":true" : ",\"control\":false";
  number(",\"expected_profit\":", decision.expected_profit);
  number(",\"threshold\":", decision.threshold);
  number(",\"value\":", decision.value);
}

/// Everything but the model and the closing brace.
void append_row(std::string& out, const serving::Prediction& prediction, const AnswerStyle& style) {
  const serving::ModelSnapshot& snapshot = *prediction.snapshot;
  append_row_begin(out, prediction);
  const learn::ModelFacts& facts = snapshot.model.facts();
  out += ",\"decision\":";
  net::append_json_string(out, prediction.is_positive ? facts.positive : facts.negative);
  out += ",\"level\":\"";
  out += serving::level_name(prediction.level);
  out += "\",\"fallback_reason\":";
  if (prediction.reason == serving::FallbackReason::kNone) {
    out += "null";
  } else {
    out += '"';
    out += serving::reason_name(prediction.reason);
    out += '"';
  }
  if (!prediction.rule.empty()) {
    out += ",\"rule\":";
    net::append_json_string(out, prediction.rule);
  }
  if (facts.conformal)
    out += prediction.is_uncertain ? ",\"uncertain\":true" : ",\"uncertain\":false";
  out += ",\"prediction_id\":\"";
  out.append(prediction.id, sizeof prediction.id);
  out += "\",\"features_as_of\":";
  if (prediction.features_time == 0) {
    out += "null";
  } else {
    out += '"';
    core::append_utc(out, prediction.features_time);
    out += '"';
  }
  if (style.is_decided) append_decision(out, *snapshot.policy, prediction.decision);
  if (style.texts != nullptr) append_explanation(out, snapshot, prediction, style);
}

}  // namespace

void append_float(std::string& out, float value) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, static_cast<double>(value)).ptr;
  const std::string_view text(digits, static_cast<std::size_t>(end - digits));
  out += text;
  // Doubles stay doubles for readers that tell 1 from 1.0.
  if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
}

void append_feature_value(std::string& out, const learn::InputField& input,
                          const data::Cell& value) {
  using Kind = data::Cell::Kind;
  if (value.kind == Kind::kText) {
    net::append_json_string(out, value.text);
  } else if (value.kind != Kind::kNumber || !std::isfinite(value.number)) {
    out += "null";
  } else if (input.type == data::ColumnType::kTimestamp) {
    out += '"';
    serving::append_value(out, input, value);
    out += '"';
  } else {
    serving::append_value(out, input, value);
  }
}

void append_row_begin(std::string& out, const serving::Prediction& prediction) {
  out += '{';
  if (!prediction.entity_id.empty()) {
    out += "\"customer_id\":";
    net::append_json_string(out, prediction.entity_id);
    out += ',';
  }
  out += "\"probability\":";
  append_float(out, prediction.probability);
}

void append_prediction(std::string& out, const serving::Prediction& prediction,
                       const AnswerStyle& style) {
  append_row(out, prediction, style);
  out += ',';
  append_model(out, *prediction.snapshot);
  append_variant(out, prediction);
  out += '}';
}

void append_predictions(std::string& out, const serving::ModelSnapshot& snapshot,
                        std::span<const serving::Prediction> predictions,
                        const AnswerStyle& style) {
  out += "{\"predictions\":[";
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    if (i > 0) out += ',';
    append_row(out, predictions[i], style);
    if (!predictions[i].variant.empty()) {
      out += ",\"model_version\":";
      append_version(out, *predictions[i].snapshot);
      append_variant(out, predictions[i]);
    }
    out += '}';
  }
  out += "],";
  append_model(out, snapshot);
  out += '}';
}

}  // namespace tenure::api
