#include "tracking/model_history_tag.h"

#include <array>

#include <fmt/format.h>

#include "tracking/validation.h"

namespace tenure::tracking {
namespace {

core::Error invalid(std::string message) {
  return core::Error{core::ErrorCode::kInvalidArgument, std::move(message)};
}

core::Json without_config(const core::Json& flavors) {
  core::Json result = flavors;
  if (!result.is_object()) return result;
  for (auto& flavor : result.get_object())
    if (flavor.value().is_object()) flavor.value().get_object().erase("config");
  return result;
}

}  // namespace

core::Result<core::JsonObject> model_history_item(const core::Json& model) {
  if (!model.is_object()) {
    return invalid(
        fmt::format("Malformed model info. \n {} \n is not a JSON object.", core::to_text(model)));
  }
  const core::JsonObject& fields = model.get_object();
  std::string missing;
  for (const std::string_view name : {"artifact_path", "flavors", "run_id", "utc_time_created"}) {
    if (!fields.contains(name)) missing += fmt::format("{}'{}'", missing.empty() ? "" : ", ", name);
  }
  if (!missing.empty())
    return invalid(fmt::format("Model json is missing mandatory fields: {{{}}}", missing));
  core::JsonObject item;
  for (const std::string_view name :
       {"run_id", "artifact_path", "utc_time_created", "model_uuid"}) {
    const core::Json* value = fields.if_contains(name);
    item[name] = value == nullptr ? core::Json(nullptr) : *value;
  }
  item["flavors"] = without_config(fields.at("flavors"));
  return item;
}

core::Result<std::string> with_model_history_item(std::string_view value, core::JsonObject item) {
  core::JsonArray history;
  if (!value.empty()) {
    auto known = core::parse_json(value);
    if (!known || !known->is_array())
      return invalid(fmt::format("tag '{}' is not a JSON list", kModelHistoryTag));
    history = std::move(known->get_array());
  }
  history.emplace_back(std::move(item));
  std::string text = core::to_text(history);
  while (truncated(text, kRunTagValueMax).size() < text.size()) {
    if (history.size() == 1) {
      return invalid(
          fmt::format("the model's flavors are too long for tag '{}', which holds at "
                      "most {} characters",
                      kModelHistoryTag, kRunTagValueMax));
    }
    history.erase(history.begin());
    text = core::to_text(history);
  }
  return text;
}

}  // namespace tenure::tracking
