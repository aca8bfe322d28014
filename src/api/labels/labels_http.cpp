#include "api/labels/labels_http.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "api/served_model.h"
#include "api/validation_errors.h"
#include "core/json.h"
#include "core/time_format.h"
#include "monitoring/label_eraser.h"
#include "monitoring/label_store.h"
#include "monitoring/prediction_log.h"
#include "net/http_message.h"

namespace tenure::api {
namespace {

constexpr std::size_t kIdMax = 512;
constexpr std::size_t kWhyMax = 500;
constexpr core::Micros kAheadMax = 24LL * 3600 * core::kMicrosPerSecond;  ///< clocks differ

/// Where labels stand in a body, for the places of mistakes.
enum class Form { kOne, kList, kMember };

/// Reads the labels of one request, for one model.
class LabelReader {
 public:
  LabelReader(std::string_view model, const serving::ModelSnapshot* snapshot, core::Micros now)
      : model_(model), snapshot_(snapshot), now_(now) {}

  /// `rows`: the labels of the body. False after a mistake.
  bool read(const core::JsonArray& rows, Form form) {
    form_ = form;
    labels_.reserve(rows.size());
    for (place_ = 0; place_ < rows.size(); ++place_) read_row(rows[place_]);
    return errors_.empty();
  }
  const std::vector<monitoring::OutcomeLabel>& labels() const { return labels_; }
  ValidationErrors& errors() { return errors_; }

 private:
  void add_error(std::string_view type, std::string_view member, std::string_view message,
                 const core::Json& input) {
    const std::string text = core::to_text(input);
    switch (form_) {
      case Form::kOne:
        return member.empty() ? errors_.add(type, {}, message, text)
                              : errors_.add(type, {member}, message, text);
      case Form::kList:
        return member.empty() ? errors_.add(type, {place_}, message, text)
                              : errors_.add(type, {place_, member}, message, text);
      case Form::kMember:
        return member.empty() ? errors_.add(type, {"labels", place_}, message, text)
                              : errors_.add(type, {"labels", place_, member}, message, text);
    }
  }

  void read_row(const core::Json& row) {
    if (!row.is_object())
      return add_error("model_attributes_type", "",
                       "Input should be an object with prediction_id or customer_id, and label",
                       row);
    const core::JsonObject& members = row.get_object();
    monitoring::OutcomeLabel label;
    label.model = model_;
    label.time = now_;
    for (const auto& [key, value] : members) {
      if (value.is_null()) continue;
      if (key == "prediction_id") {
        read_id(key, value, label.prediction_id);
      } else if (key == "customer_id" || key == "entity_id") {
        read_id(key, value, label.entity_id);
      } else if (key == "time") {
        read_time(value, label.time);
      } else if (key != "label") {
        add_error("extra_forbidden", key,
                  "Extra inputs are not permitted; a label has prediction_id or customer_id, label "
                  "and time",
                  value);
      }
    }
    if (label.prediction_id.empty() == label.entity_id.empty())
      add_error(label.entity_id.empty() ? "missing" : "value_error", "prediction_id",
                label.entity_id.empty()
                    ? "Field required, or customer_id"
                    : "Value error, give prediction_id or customer_id, not both",
                row);
    const core::Json* const value = row.get_object().if_contains("label");
    if (value == nullptr || value->is_null())
      return add_error("missing", "label", "Field required", row);
    const auto outcome = outcome_of(*value);
    if (!outcome)
      return add_error(
          "bool_parsing", "label",
          snapshot_ == nullptr
              ? std::string("Input should be 1 or 0, true or false, yes or no")
              : fmt::format("Input should be 1 or 0, true or false, yes or no, '{}' "
                            "or '{}'",
                            snapshot_->model.facts().positive, snapshot_->model.facts().negative),
          *value);
    label.has_happened = *outcome;
    labels_.push_back(std::move(label));
  }

  void read_id(std::string_view member, const core::Json& value, std::string& id) {
    if (value.is_int64() || value.is_uint64()) {
      id = core::to_text(value);
    } else if (!value.is_string()) {
      add_error("string_type", member, "Input should be a valid string or integer", value);
    } else if (value.get_string().empty() || value.get_string().size() > kIdMax) {
      add_error("string_length", member, fmt::format("String should have 1 to {} bytes", kIdMax),
                value);
    } else {
      id = value.get_string();
    }
  }

  void read_time(const core::Json& value, core::Micros& time) {
    const auto parsed = value.is_string() ? core::parse_time(std::string_view(value.get_string()))
                                          : core::Result<core::Micros>(core::Error{});
    if (!parsed)
      return add_error("datetime_parsing", "time",
                       "Input should be a time as in ISO 8601: 2026-11-20T08:00:00Z", value);
    if (*parsed > now_ + kAheadMax)
      return add_error("datetime_past", "time",
                       "Input should be in the past: an outcome is told when it is known", value);
    time = *parsed;
  }

  std::optional<bool> outcome_of(const core::Json& value) const {
    if (value.is_bool()) return value.get_bool();
    const std::string text =
        value.is_string() ? std::string(value.get_string()) : core::to_text(value);
    if (!value.is_string() && !value.is_number()) return std::nullopt;
    return snapshot_ == nullptr ? monitoring::read_outcome(text, {}, {})
                                : monitoring::read_outcome(text, snapshot_->model.facts().positive,
                                                           snapshot_->model.facts().negative);
  }

  std::string model_;
  const serving::ModelSnapshot* snapshot_;
  core::Micros now_;
  Form form_ = Form::kOne;
  std::size_t place_ = 0;
  std::vector<monitoring::OutcomeLabel> labels_;
  ValidationErrors errors_;
};

void refuse(ValidationErrors& errors, net::Response& response) {
  response.status = 422;
  errors.write_to(response.body);
}

/// The model that labels are for, live or not; nothing when the server has no such model.
std::optional<ServedModel> labelled_model(const Services& services, const net::Request& request) {
  const auto name = request.query_parameter("model");
  for (ServedModel& model : all_models(services))
    if (model.name == name.value_or(services.model)) return std::move(model);
  return std::nullopt;
}

/// All values of a query parameter; nothing when one is not encoded as it should be.
std::optional<std::vector<std::string>> values_of(std::string_view query, std::string_view name) {
  std::vector<std::string> values;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (pair.substr(0, equals) != name) continue;
    auto value = net::percent_decode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!value) return std::nullopt;
    values.push_back(*std::move(value));
  }
  return values;
}

std::string_view actor_of(const net::Request& request) {
  return request.principal.empty() ? "anonymous" : request.principal;
}

}  // namespace

void erase_labels(const Services& services, const net::Request& request, net::Response& response) {
  if (services.labels == nullptr)
    return response.error(501, "This server keeps no labels (monitoring.prediction_log.enabled)");
  const auto customers = values_of(request.query, "entity");
  const std::string why = request.query_parameter("why").value_or("");
  if (!customers || customers->empty() || std::ranges::count(*customers, "") > 0 ||
      std::ranges::any_of(*customers, [](const std::string& id) { return id.size() > kIdMax; }))
    return response.error(
        400, fmt::format("Say whose labels are to go: ?entity=ID, of 1 to {} bytes", kIdMax));
  if (why.size() > kWhyMax || !net::is_header_value_safe(why))
    return response.error(400,
                          fmt::format("'why' should be one line of at most {} bytes", kWhyMax));
  std::filesystem::path log;
  if (services.prediction_log != nullptr) {
    // Predictions of the last moment are not in its files yet.
    if (const auto flushed = services.prediction_log->flush(); !flushed)
      return response.error(core::error_code_info(flushed.error().code).http_status,
                            flushed.error().message);
    log = services.prediction_log->folder();
  }
  const auto erased = monitoring::erase_labels(
      *services.labels, log, *customers,
      {.actor = std::string(actor_of(request)), .reason = why, .evidence = nullptr});
  if (!erased)
    return response.error(core::error_code_info(erased.error().code).http_status,
                          erased.error().message);
  response.body = core::to_text(core::JsonObject{{"customers", customers->size()},
                                                 {"labels", erased->labels},
                                                 {"outcomes", erased->outcomes}});
}

void tell_labels(const Services& services, const net::Request& request, net::Response& response) {
  const auto model = labelled_model(services, request);
  if (!model)
    return response.error(404, fmt::format("There is no model '{}' here",
                                           request.query_parameter("model").value_or("")));
  if (services.labels == nullptr)
    return response.error(501,
                          "This server keeps no predictions "
                          "(monitoring.prediction_log.enabled) that labels could be about");
  ValidationErrors not_read;
  auto body = core::parse_json(request.body);
  if (!body) {
    not_read.set_invalid_json(0, body.error().message);
    return refuse(not_read, response);
  }
  core::Json* rows = &*body;
  Form form = Form::kList;
  core::Json single;
  if (body->is_object() && body->get_object().contains("labels")) {
    rows = &body->get_object().at("labels");
    form = Form::kMember;
    if (!rows->is_array()) {
      not_read.add("list_type", {"labels"}, "Input should be a valid list", core::to_text(*rows));
      return refuse(not_read, response);
    }
  } else if (!body->is_array()) {
    form = Form::kOne;
    single = core::JsonArray{std::move(*body)};
    rows = &single;
  }
  const core::JsonArray& list = rows->get_array();
  if (static_cast<std::int64_t>(list.size()) > services.rows_max)
    return response.error(413, fmt::format("More than {} labels in one request (serving.rows_max); "
                                           "tenure monitor labels takes any number",
                                           services.rows_max));
  const auto snapshot = model->predictor.snapshot();
  LabelReader reader(model->name, snapshot.get(), services.clock.now());
  if (!reader.read(list, form)) return refuse(reader.errors(), response);
  const auto added = services.labels->add(reader.labels(), actor_of(request));
  if (!added)
    return response.error(core::error_code_info(added.error().code).http_status,
                          added.error().message);
  response.body = core::to_text(
      core::JsonObject{{"model", model->name}, {"received", list.size()}, {"new", *added}});
}

}  // namespace tenure::api
