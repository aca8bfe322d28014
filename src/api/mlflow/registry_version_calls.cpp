#include <charconv>

#include <fmt/format.h>

#include "api/mlflow/entity_json.h"
#include "api/mlflow/registry_calls.h"
#include "api/mlflow/registry_json.h"
#include "api/mlflow/search_fields.h"
#include "tracking/model_source.h"
#include "tracking/search/searches.h"

namespace tenure::api::mlflow {
namespace {

using core::Result;
using net::Request;
using tracking::ModelVersion;

/// {"model_version": ...}
Result<> append_one(const Result<ModelVersion>& version, std::string& out) {
  if (!version) return version.error();
  ObjectText answer(out);
  append_model_version(answer.key("model_version"), *version);
  answer.end();
  return {};
}

/// Notes in a logged model that a version was made from it.
Result<> note_in_logged_model(const MlflowServices& services, const std::string& model_id,
                              const ModelVersion& version) {
  const auto model = services.logged_models.get(model_id);
  if (!model) return model.error();
  const std::string tag(tracking::kModelVersionsTag);
  const auto known = model->tags.find(tag);
  const std::string before = known == model->tags.end() ? "" : known->second;
  return services.logged_models.set_tags(
      model_id, {{tag, tracking::with_model_version(before, version.name, version.version)}});
}

}  // namespace

std::int64_t version_in(FieldReader& in) {
  const std::string text = in.required_text("version");
  if (in.has_failed()) return 0;
  std::int64_t number = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status != std::errc{} || end != text.data() + text.size()) {
    in.fail({core::ErrorCode::kInvalidArgument,
             fmt::format("Parameter 'version' must be an integer, got '{}'.", text)});
  }
  return number;
}

Result<> create_model_version(const MlflowServices& services, const Request& request,
                              std::string& out) {
  FieldReader in(Message::read(request));
  tracking::NewModelVersion asked{.name = in.required_text("name"),
                                  .source = in.required_text("source"),
                                  .run_id = in.text("run_id"),
                                  .tags = in.pairs("tags"),
                                  .description = in.text("description"),
                                  .run_link = in.text("run_link"),
                                  .model_id = in.text("model_id")};
  if (in.has_failed()) return in.error();
  const tracking::ModelSource source(
      services.database, services.registry,
      [&services](std::string_view id) { return services.logged_models.get(id); },
      services.version_source_pattern);
  auto checked = source.resolve(std::move(asked));
  if (!checked) return std::move(checked).error();
  const auto version = services.registry.create_version(*checked, change_of(request));
  if (!version) return version.error();
  if (!checked->model_id.empty()) {
    if (auto noted = note_in_logged_model(services, checked->model_id, *version); !noted)
      return noted;
  }
  return append_one(version, out);
}

Result<> get_model_version(const MlflowServices& services, const Request& request,
                           std::string& out) {
  FieldReader in(Message::read(request));
  const std::string name = in.required_text("name");
  const std::int64_t version = version_in(in);
  if (in.has_failed()) return in.error();
  return append_one(services.registry.get_version(name, version), out);
}

Result<> update_model_version(const MlflowServices& services, const Request& request,
                              std::string& out) {
  FieldReader in(Message::read(request));
  const std::string name = in.required_text("name");
  const std::int64_t version = version_in(in);
  const std::string description = in.text("description");
  if (in.has_failed()) return in.error();
  return append_one(
      services.registry.describe_version(name, version, description, change_of(request)), out);
}

Result<> transition_stage(const MlflowServices& services, const Request& request,
                          std::string& out) {
  FieldReader in(Message::read(request));
  const std::string name = in.required_text("name");
  const std::int64_t version = version_in(in);
  const std::string stage = in.required_text("stage");
  const bool archive = in.boolean("archive_existing_versions", false);
  if (in.has_failed()) return in.error();
  auto moved = services.registry.set_stage(name, version, stage, archive, change_of(request));
  if (!moved) return moved;
  return append_one(services.registry.get_version(name, version), out);
}

Result<> delete_model_version(const MlflowServices& services, const Request& request,
                              std::string&) {
  FieldReader in(Message::read(request));
  const std::string name = in.required_text("name");
  const std::int64_t version = version_in(in);
  if (in.has_failed()) return in.error();
  return services.registry.remove_version(name, version, change_of(request));
}

Result<> search_versions(const MlflowServices& services, const Request& request, std::string& out) {
  constexpr std::int64_t kPage = 200'000;
  FieldReader in(Message::read(request, {"order_by"}));
  const tracking::SearchQuery query = read_search(in, kPage);
  if (in.has_failed()) return in.error();
  const auto page = tracking::search_model_versions(services.database, query);
  if (!page) return page.error();
  ObjectText answer(out);
  answer.list_if_any("model_versions", page->items, append_model_version);
  answer.text_if_any("next_page_token", page->next_page_token);
  answer.end();
  return {};
}

Result<> get_download_uri(const MlflowServices& services, const Request& request,
                          std::string& out) {
  FieldReader in(Message::read(request));
  const std::string name = in.required_text("name");
  const std::int64_t version = version_in(in);
  if (in.has_failed()) return in.error();
  const auto found = services.registry.get_version(name, version);
  if (!found) return found.error();
  ObjectText answer(out);
  answer.text("artifact_uri", found->download_uri());
  answer.end();
  return {};
}

Result<> set_model_version_tag(const MlflowServices& services, const Request& request,
                               std::string&) {
  FieldReader in(Message::read(request));
  const std::string name = in.required_text("name");
  const std::int64_t version = version_in(in);
  const std::string key = in.required_text("key");
  const std::string value = in.text("value");
  if (in.has_failed()) return in.error();
  return services.registry.set_version_tag(name, version, key, value, change_of(request));
}

Result<> delete_model_version_tag(const MlflowServices& services, const Request& request,
                                  std::string&) {
  FieldReader in(Message::read(request));
  const std::string name = in.required_text("name");
  const std::int64_t version = version_in(in);
  const std::string key = in.required_text("key");
  if (in.has_failed()) return in.error();
  return services.registry.delete_version_tag(name, version, key, change_of(request));
}

}  // namespace tenure::api::mlflow
