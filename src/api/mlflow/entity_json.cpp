#include "api/mlflow/entity_json.h"

#include <array>
#include <charconv>
#include <cmath>

#include "net/http_message.h"

namespace tenure::api::mlflow {
namespace {

using net::append_json_string;

void append_model_id(std::string& out, const std::string& id) {
  ObjectText model(out);
  model.text("model_id", id);
  model.end();
}

void append_dataset_input(std::string& out, const tracking::DatasetInput& input) {
  ObjectText edge(out);
  edge.pairs_if_any("tags", input.tags);
  ObjectText dataset(edge.key("dataset"));
  dataset.text("name", input.dataset.name);
  dataset.text("digest", input.dataset.digest);
  dataset.text("source_type", input.dataset.source_type);
  dataset.text("source", input.dataset.source);
  dataset.text_if_any("schema", input.dataset.schema);
  dataset.text_if_any("profile", input.dataset.profile);
  dataset.end();
  edge.end();
}

void append_output(std::string& out, const tracking::ModelOutput& output) {
  ObjectText model(out);
  model.text("model_id", output.model_id);
  model.integer("step", output.step);
  model.end();
}

void append_edges(ObjectText& run, const tracking::RunInputs& edges, bool has_outputs) {
  ObjectText inputs(run.key("inputs"));
  inputs.list_if_any("dataset_inputs", edges.datasets, append_dataset_input);
  inputs.list_if_any("model_inputs", edges.model_ids, append_model_id);
  inputs.end();
  if (!has_outputs) return;
  ObjectText outputs(run.key("outputs"));
  outputs.list_if_any("model_outputs", edges.outputs, append_output);
  outputs.end();
}

void append_pair(std::string& out, const tracking::ListedPair& pair) {
  out += "{\"key\":";
  append_json_string(out, pair.key);
  out += ",\"value\":";
  append_json_string(out, pair.value);
  out += '}';
}

void append_listed_metric(std::string& out, const tracking::ListedMetric& metric) {
  out += "{\"key\":";
  append_json_string(out, metric.key);
  out += ",\"value\":";
  append_number(out, metric.value);
  out += ",\"timestamp\":";
  append_integer(out, metric.timestamp_ms);
  out += ",\"step\":";
  append_integer(out, metric.step);
  out += '}';
}

/// The members of a metric, for objects that have more.
void metric_members(ObjectText& text, const tracking::Metric& metric) {
  text.text("key", metric.key);
  append_number(text.key("value"), metric.value);
  text.integer("timestamp", metric.timestamp_ms);
  text.integer("step", metric.step);
  text.text_if_any("dataset_name", metric.dataset_name);
  text.text_if_any("dataset_digest", metric.dataset_digest);
  text.text_if_any("model_id", metric.model_id);
}

}  // namespace

std::string& ObjectText::key(std::string_view name) {
  if (!is_first_) out_ += ',';
  is_first_ = false;
  out_ += '"';
  out_ += name;
  out_ += "\":";
  return out_;
}

void ObjectText::text(std::string_view name, std::string_view value) {
  append_json_string(key(name), value);
}

void ObjectText::text_if_any(std::string_view name, std::string_view value) {
  if (!value.empty()) text(name, value);
}

void ObjectText::integer(std::string_view name, std::int64_t value) {
  append_integer(key(name), value);
}

void ObjectText::boolean(std::string_view name, bool value) {
  key(name) += value ? "true" : "false";
}

void ObjectText::pairs_if_any(std::string_view name,
                              const std::map<std::string, std::string>& pairs) {
  list_if_any(name, pairs, [](std::string& out, const auto& pair) {
    out += "{\"key\":";
    append_json_string(out, pair.first);
    out += ",\"value\":";
    append_json_string(out, pair.second);
    out += '}';
  });
}

void append_integer(std::string& out, std::int64_t value) {
  std::array<char, 24> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  out.append(text.data(), end);
}

void append_number(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "\"NaN\"";
    return;
  }
  if (std::isinf(value)) {
    out += value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
    return;
  }
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  const std::string_view digits(text.data(), static_cast<std::size_t>(end - text.data()));
  out += digits;
  if (digits.find_first_of(".e") == std::string_view::npos) out += ".0";
}

PointText::PointText(std::string_view key, std::string_view run_id) {
  ObjectText text(head_);
  text.text("key", key);
  text.key("value");
  if (!run_id.empty()) {
    tail_ += ",\"run_id\":";
    append_json_string(tail_, run_id);
  }
  tail_ += '}';
}

void PointText::append(std::string& out, const tracking::MetricPoint& point) const {
  out += head_;
  append_number(out, point.value);
  out += ",\"timestamp\":";
  append_integer(out, point.timestamp_ms);
  out += ",\"step\":";
  append_integer(out, point.step);
  out += tail_;
}

void append_experiment(std::string& out, const tracking::Experiment& experiment) {
  ObjectText text(out);
  text.text("experiment_id", experiment.id);
  text.text("name", experiment.name);
  text.text("artifact_location", experiment.artifact_location);
  text.text("lifecycle_stage", experiment.lifecycle_stage);
  text.integer("last_update_time", experiment.updated_ms);
  text.integer("creation_time", experiment.created_ms);
  text.pairs_if_any("tags", experiment.tags);
  text.end();
}

void append_run_info(std::string& out, const tracking::Run& run) {
  ObjectText info(out);
  info.text("run_uuid", run.id);
  info.text("experiment_id", run.experiment_id);
  info.text("run_name", run.name);
  info.text("user_id", run.user);
  info.text("status", tracking::run_status_name(run.status));
  info.integer("start_time", run.start_ms);
  if (run.end_ms != 0) info.integer("end_time", run.end_ms);
  info.text("artifact_uri", run.artifact_uri);
  info.text("lifecycle_stage", run.lifecycle_stage);
  info.text("run_id", run.id);
  info.end();
}

void append_run(std::string& out, const tracking::Run& run, bool has_outputs) {
  ObjectText text(out);
  append_run_info(text.key("info"), run);
  ObjectText data(text.key("data"));
  data.list_if_any("metrics", run.metrics,
                   [](std::string& to, const auto& metric) { append_metric(to, metric.second); });
  data.pairs_if_any("params", run.params);
  data.pairs_if_any("tags", run.tags);
  data.end();
  append_edges(text, run.inputs, has_outputs);
  text.end();
}

void append_run(std::string& out, const tracking::ListedRun& listed) {
  ObjectText text(out);
  append_run_info(text.key("info"), listed.run);
  ObjectText data(text.key("data"));
  data.list_if_any("metrics", listed.metrics, append_listed_metric);
  data.list_if_any("params", listed.params, append_pair);
  data.list_if_any("tags", listed.tags, append_pair);
  data.end();
  append_edges(text, listed.run.inputs, true);
  text.end();
}

void append_metric(std::string& out, const tracking::Metric& metric) {
  ObjectText text(out);
  metric_members(text, metric);
  text.text_if_any("run_id", metric.run_id);
  text.end();
}

void append_logged_model(std::string& out, const tracking::LoggedModel& model) {
  ObjectText text(out);
  ObjectText info(text.key("info"));
  info.text("model_id", model.id);
  info.text("experiment_id", model.experiment_id);
  info.text("name", model.name);
  info.integer("creation_timestamp_ms", model.created_ms);
  info.integer("last_updated_timestamp_ms", model.updated_ms);
  info.text("artifact_uri", model.artifact_uri);
  info.text("status", tracking::logged_model_status_name(model.status));
  info.text_if_any("model_type", model.model_type);
  info.text_if_any("source_run_id", model.source_run_id);
  info.text_if_any("status_message", model.status_message);
  info.pairs_if_any("tags", model.tags);
  info.end();
  ObjectText data(text.key("data"));
  data.pairs_if_any("params", model.params);
  data.list_if_any("metrics", model.metrics, append_metric);
  data.end();
  text.end();
}

void append_dataset_summary(std::string& out, const tracking::DatasetSummary& summary) {
  ObjectText text(out);
  text.text("experiment_id", summary.experiment_id);
  text.text("name", summary.name);
  text.text("digest", summary.digest);
  if (summary.context) text.text("context", *summary.context);
  text.end();
}

}  // namespace tenure::api::mlflow
