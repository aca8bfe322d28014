#include "api/predict/predict_answer.h"

#include <charconv>
#include <string_view>

#include "core/time_format.h"
#include "net/http_message.h"

namespace tenure::api {
namespace {

void append_model(std::string& out, const serving::ModelSnapshot& snapshot) {
  out += "\"model\":{\"name\":";
  net::append_json_string(out, snapshot.name);
  out += ",\"version\":";
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, snapshot.version).ptr;
  out.append(digits, end);
  out += '}';
}

/// Everything but the model and the closing brace.
void append_row(std::string& out, const serving::ModelSnapshot& snapshot,
                const serving::Prediction& prediction) {
  out += '{';
  if (!prediction.entity_id.empty()) {
    out += "\"customer_id\":";
    net::append_json_string(out, prediction.entity_id);
    out += ',';
  }
  out += "\"probability\":";
  append_float(out, prediction.probability);
  const learn::ModelFacts& facts = snapshot.model.facts();
  out += ",\"decision\":";
  net::append_json_string(out, prediction.is_positive ? facts.positive : facts.negative);
  out += ",\"level\":\"";
  out += serving::level_name(prediction.level);
  out += "\",\"fallback_reason\":";
  if (prediction.reason.empty()) {
    out += "null";
  } else {
    net::append_json_string(out, prediction.reason);
  }
  out += ",\"prediction_id\":\"";
  out.append(prediction.id, sizeof prediction.id);
  out += "\",\"features_as_of\":";
  if (prediction.features_time == 0) {
    out += "null";
  } else {
    out += '"';
    out += core::format_utc(prediction.features_time);
    out += '"';
  }
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

void append_prediction(std::string& out, const serving::ModelSnapshot& snapshot,
                       const serving::Prediction& prediction) {
  append_row(out, snapshot, prediction);
  out += ',';
  append_model(out, snapshot);
  out += '}';
}

void append_predictions(std::string& out, const serving::ModelSnapshot& snapshot,
                        std::span<const serving::Prediction> predictions) {
  out += "{\"predictions\":[";
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    if (i > 0) out += ',';
    append_row(out, snapshot, predictions[i]);
    out += '}';
  }
  out += "],";
  append_model(out, snapshot);
  out += '}';
}

}  // namespace tenure::api
