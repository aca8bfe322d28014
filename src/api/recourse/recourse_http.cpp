#include "api/recourse/recourse_http.h"

#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "api/predict/predict_answer.h"
#include "api/predict/predict_http.h"
#include "api/predict/predict_request.h"
#include "serving/recourse_scorer.h"

namespace tenure::api {
namespace {

/// Each row is up to two thousand predictions.
constexpr std::int64_t kRowsMax = 100;

constexpr std::string_view kNote =
    "These are associations that the model has seen, not effects. Whether a change keeps a "
    "customer "
    "only an experiment with a control group can tell.";

struct Workspace {
  LiveCache live;
  PredictRequest request;
  ValidationErrors query_errors;
  std::vector<serving::Prediction> predictions;
  serving::Traffic::Scratch scratch;
};

/// ?target=0.3; nothing without one, or after a mistake, which is then in `errors`.
std::optional<double> read_target(const net::Request& request, ValidationErrors& errors) {
  errors.clear();
  const auto text = request.query_parameter("target");
  if (!text) return std::nullopt;
  double target = 0;
  const auto [end, status] = std::from_chars(text->data(), text->data() + text->size(), target);
  if (status == std::errc() && end == text->data() + text->size() && target >= 0 && target <= 1)
    return target;
  errors.add_in_query("float_parsing", "target", "Input should be a probability in 0..1", *text);
  return std::nullopt;
}

/// Where a customer should get to: `shown` as it was said, and the highest probability that does.
struct Target {
  double shown = 0;
  double reached = 0;
};

/// Without one that is asked for: where the decision about this customer changes.
Target target_of(const serving::Prediction& prediction, std::optional<double> asked) {
  if (asked) return {*asked, *asked};
  const serving::ModelSnapshot& snapshot = *prediction.snapshot;
  if (snapshot.has_own_thresholds) {
    // An offer pays above its break-even; where none ever does, nothing has to change.
    const double break_even = prediction.decision.threshold;
    return {break_even, break_even};
  }
  // At the threshold the decision is positive already.
  const double threshold = snapshot.model.facts().threshold;
  return {threshold, std::nextafter(threshold, -1)};
}

void append_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char digits[32];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

void append_option(std::string& out, const serving::ModelSnapshot& snapshot,
                   const decision::Recourse::Option& option) {
  out += "{\"cost\":";
  append_number(out, option.cost);
  out += ",\"probability\":";
  append_float(out, static_cast<float>(option.probability));
  out += ",\"actions\":[";
  for (std::size_t i = 0; i < option.actions.size(); ++i) {
    const auto& action = snapshot.recourse->actions()[option.actions[i]];
    out += i > 0 ? ",{\"name\":" : "{\"name\":";
    net::append_json_string(out, action.name);
    out += ",\"label\":";
    net::append_json_string(out, action.label);
    out += '}';
  }
  out += "],\"changes\":[";
  for (std::size_t i = 0; i < option.changes.size(); ++i) {
    const auto& change = option.changes[i];
    const learn::InputField& input = snapshot.model.transform().inputs()[change.input];
    out += i > 0 ? ",{\"feature\":" : "{\"feature\":";
    net::append_json_string(out, input.name);
    out += ",\"from\":";
    append_feature_value(out, input, change.from);
    out += ",\"to\":";
    append_feature_value(out, input, change.to);
    out += '}';
  }
  out += "]}";
}

/// Everything but the model, the note and the closing brace.
void append_row(std::string& out, const serving::Prediction& prediction,
                std::optional<double> asked) {
  const Target target = target_of(prediction, asked);
  const serving::ModelSnapshot& snapshot = *prediction.snapshot;  // of the variant that answered
  decision::Recourse::Answer answer;
  const double probability = static_cast<double>(prediction.probability);
  answer.is_reached = probability <= target.reached;
  if (!prediction.contributions.empty() && snapshot.recourse) {
    // The values as the model saw them, stored ones included.
    std::vector<data::Cell> cells;
    for (const serving::Contribution& each : prediction.contributions) cells.push_back(each.value);
    answer = snapshot.recourse->search(cells, probability, target.reached,
                                       serving::recourse_scorer(snapshot.model));
  }
  append_row_begin(out, prediction);
  out += ",\"target\":";
  append_number(out, target.shown);
  out += answer.is_reached ? ",\"reached\":true" : ",\"reached\":false";
  out += ",\"level\":\"";
  out += serving::level_name(prediction.level);
  out += "\",\"prediction_id\":\"";
  out.append(prediction.id, sizeof prediction.id);
  out += "\",\"options\":[";
  for (std::size_t i = 0; i < answer.options.size(); ++i) {
    if (i > 0) out += ',';
    append_option(out, snapshot, answer.options[i]);
  }
  out += ']';
}

void append_end(std::string& out, const serving::ModelSnapshot& snapshot) {
  out += ",\"model\":{\"name\":";
  net::append_json_string(out, snapshot.name);
  out += fmt::format(",\"version\":{}}},\"note\":", snapshot.version);
  net::append_json_string(out, kNote);
  out += '}';
}

}  // namespace

void recourse(const Services& services, const net::Request& request, net::Response& response) {
  thread_local Workspace workspace;
  const auto asked = begin_prediction(services, workspace.live, request, response);
  if (!asked) return;
  const serving::ModelSnapshot* const snapshot = asked->live.snapshot;
  const auto target = read_target(request, workspace.query_errors);
  const bool is_target_good = workspace.query_errors.empty();
  const bool is_valid =
      is_target_good &&
      workspace.request.decode(request.body, *snapshot, std::min(services.rows_max, kRowsMax)) ==
          PredictRequest::Outcome::kRows;
  if (!is_valid) {
    const ValidationErrors& errors =
        is_target_good ? workspace.request.errors() : workspace.query_errors;
    if (errors.empty())
      return response.error(413, fmt::format("More than {} rows in one request; tenure score "
                                             "--recourse takes any number",
                                             std::min(services.rows_max, kRowsMax)));
    response.status = 422;
    return errors.write_to(response.body);
  }
  if (!snapshot->recourse)
    return response.error(501, "The project file has no actions (decision.actions)");
  if (!snapshot->explainer)
    return response.error(501, "This model cannot be explained: " + snapshot->not_explained);
  workspace.predictions.resize(workspace.request.rows().size());
  asked->live.predict(
      workspace.request.rows(), workspace.scratch, workspace.predictions,
      {.is_explained = true, .deadline_ns = asked->deadline.at_ns, .trace = request.trace});
  add_variant_headers(workspace.predictions, response);
  std::string& out = response.body;
  if (!workspace.request.is_list()) {
    append_row(out, workspace.predictions.front(), target);
    return append_end(out, *workspace.predictions.front().snapshot);
  }
  out += "{\"recourse\":[";
  for (std::size_t i = 0; i < workspace.predictions.size(); ++i) {
    if (i > 0) out += ',';
    append_row(out, workspace.predictions[i], target);
    out += '}';
  }
  out += ']';
  append_end(out, *snapshot);
}

}  // namespace tenure::api
