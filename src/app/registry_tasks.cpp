#include "app/registry_tasks.h"

#include <optional>

#include <fmt/format.h>

#include "app/model_store.h"
#include "tracking/version_review.h"

namespace tenure::app {

core::Result<core::JsonObject> compare_models(Project& project, const std::string& model,
                                              const std::vector<std::string>& versions) {
  auto registry = project.registry();
  if (!registry) return std::move(registry).error();
  auto runs = project.runs();
  if (!runs) return std::move(runs).error();
  std::vector<std::int64_t> numbers;
  for (const std::string& version : versions) {
    auto found = find_version(project, model, version);
    if (!found) return std::move(found).error();
    numbers.push_back(found->version);
  }
  return tracking::compare_versions(**registry, **runs, model, numbers);
}

core::Result<core::JsonObject> decide_on_model(Project& project, const std::string& model,
                                               const std::string& version,
                                               tracking::Decision decision,
                                               const std::string& reason) {
  auto registry = project.registry();
  if (!registry) return std::move(registry).error();
  auto runs = project.runs();
  if (!runs) return std::move(runs).error();
  auto found = find_version(project, model, version);
  if (!found) return std::move(found).error();
  return tracking::decide_on_version(**registry, **runs, model, found->version, decision,
                                     project.actor(), reason);
}

core::Result<core::JsonObject> audit_model(Project& project, const std::string& model,
                                           const std::string& version, std::int64_t limit) {
  if (limit < 1) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("--limit: expected a number from 1 on, got {}", limit)};
  }
  auto registry = project.registry();
  if (!registry) return std::move(registry).error();
  std::optional<std::int64_t> of_version;
  if (!version.empty()) {
    auto number = tracking::find_version_number(**registry, model, version);
    if (!number) return std::move(number).error();
    of_version = *number;
  }
  auto history =
      tracking::history_of_model(**registry, model, of_version, static_cast<std::size_t>(limit));
  // That of a deleted model is found, so one without a history never was.
  if (!history && history.error().code == core::ErrorCode::kNotFound)
    return unknown_model(project, model);
  return history;
}

}  // namespace tenure::app
