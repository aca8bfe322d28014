#include "app/served_features.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "app/model_store.h"
#include "core/log.h"
#include "features/materialize.h"
#include "features/online_row.h"

namespace tenure::app {
namespace {

/// The views of a model that `materialize` of the current definitions does not write.
std::vector<std::string> views_left(const features::Definitions& current,
                                    const features::Definitions& served,
                                    const features::FeatureService& service) {
  std::vector<std::string> names;
  for (const features::FeatureRef& ref : service.features) {
    const features::FeatureView* view = served.view(ref.view);
    // The model then takes features from requests only.
    if (!view->is_online) return {};
    if (std::ranges::find(names, view->name) != names.end()) continue;
    const features::FeatureView* now = current.view(view->name);
    const bool is_same = now != nullptr && now->is_online && current.project == served.project &&
                         features::schema_fingerprint(*now) == features::schema_fingerprint(*view);
    if (!is_same) names.push_back(view->name);
  }
  return names;
}

/// Whether an error says that the disk or a store fails, not that the definitions do not fit.
bool is_of_machine(core::ErrorCode code) {
  return code == core::ErrorCode::kResourceExhausted || code == core::ErrorCode::kUnavailable ||
         code == core::ErrorCode::kPermissionDenied;
}

/// One call of materialize_all.
class Writer {
 public:
  Writer(Project& project, data::Engine& engine, storage::KvStore& online,
         features::MaterializationLog& log, const MaterializeWindow& window)
      : project_(project),
        engine_(engine),
        online_(online),
        log_(log),
        window_(window),
        now_(project.clock().now()) {}

  core::Result<std::vector<features::MaterializeReport>> write(
      const features::Definitions& definitions, std::span<const std::string> views) {
    if (window_.from) {
      return features::materialize(engine_, online_, log_, definitions, views, *window_.from,
                                   window_.until, now_);
    }
    return features::materialize_incremental(engine_, online_, log_, definitions, views,
                                             window_.until,
                                             project_.config().duration("features.lookback"), now_);
  }

  /// The views of the served version that were not written with `current`.
  core::Result<std::vector<features::MaterializeReport>> write_served(
      const features::Definitions& current, const data::Dataset& dataset) {
    auto registry = project_.registry();
    if (!registry) return std::move(registry).error();
    auto version =
        (*registry)->find_by_alias(served_model(project_), project_.config().text("serving.alias"));
    if (!version) return std::move(version).error();
    if (!*version) return std::vector<features::MaterializeReport>();
    auto stored = open_stored_model(project_, **version);
    if (!stored) return std::move(stored).error();
    auto service = stored->definitions.service(stored->model.facts().service);
    if (!service) return std::move(service).error();
    std::vector<std::string> views = views_left(current, stored->definitions, **service);
    if (!window_.views.empty()) {
      std::erase_if(views, [&](const std::string& name) {
        return std::ranges::find(window_.views, name) == window_.views.end();
      });
    }
    if (views.empty()) return std::vector<features::MaterializeReport>();
    return write(over_current_sources(project_, std::move(stored->definitions), dataset), views);
  }

 private:
  Project& project_;
  data::Engine& engine_;
  storage::KvStore& online_;
  features::MaterializationLog& log_;
  const MaterializeWindow& window_;
  core::Micros now_;
};

}  // namespace

features::Definitions over_current_sources(const Project& project,
                                           features::Definitions definitions,
                                           const data::Dataset& dataset) {
  for (features::FeatureView& view : definitions.views) {
    if (view.source_name == features::kDataSource)
      view.source = std::filesystem::absolute(dataset.parquet).string();
    else if (!view.source_name.empty())
      view.source = project.config().resolve(view.source_name).string();
  }
  return definitions;
}

core::Result<Materialized> materialize_all(Project& project, data::Engine& engine,
                                           const features::Definitions& current,
                                           const data::Dataset& dataset,
                                           const MaterializeWindow& window) {
  auto online = project.online();
  if (!online) return std::move(online).error();
  auto database = project.database();
  if (!database) return std::move(database).error();
  auto log = features::MaterializationLog::open(**database, project.clock().now());
  if (!log) return std::move(log).error();
  Writer writer(project, engine, **online, *log, window);
  auto reports = writer.write(current, window.views);
  if (!reports) return std::move(reports).error();
  Materialized done{*std::move(reports), {}};
  auto served = writer.write_served(current, dataset);
  if (served) {
    std::ranges::move(*served, std::back_inserter(done.reports));
    return done;
  }
  if (is_of_machine(served.error().code)) return std::move(served).error();
  done.warning = fmt::format(
      "the values that the served model reads under its own, older definitions could "
      "not be brought up to date: {}",
      served.error().message);
  core::log_warn("features", done.warning);
  return done;
}

}  // namespace tenure::app
