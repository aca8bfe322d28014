#include "app/feature_tasks.h"

#include <fmt/format.h>

#include "app/served_features.h"
#include "core/time_format.h"
#include "data/parquet_file.h"
#include "features/online_store.h"
#include "features/point_in_time.h"

namespace tenure::app {
namespace {

core::Json to_json(const data::Cell& cell) {
  if (cell.kind == data::Cell::Kind::kNumber) return cell.number;
  if (cell.kind == data::Cell::Kind::kText) return core::Json(cell.text);
  return nullptr;
}

/// An engine and the definitions it knows the sources of.
struct Opened {
  std::unique_ptr<data::Engine> engine;
  features::Definitions definitions;
};

core::Result<Opened> open_definitions(Project& project) {
  auto engine = project.engine();
  if (!engine) return std::move(engine).error();
  auto definitions = project.definitions(**engine);
  if (!definitions) return std::move(definitions).error();
  return Opened{*std::move(engine), *std::move(definitions)};
}

/// SQL that reads a CSV or Parquet file.
std::string reader_of(const std::filesystem::path& file) {
  return "SELECT * FROM " + data::file_table(file);
}

core::Result<> write_table(data::Engine& engine, const data::Table& table,
                           const std::filesystem::path& out) {
  if (auto made = engine.create_table("result", table); !made) return made;
  return data::write_by_name(engine, "SELECT * FROM result", out);
}

}  // namespace

core::Result<core::JsonObject> list_features(Project& project) {
  auto opened = open_definitions(project);
  if (!opened) return std::move(opened).error();
  return opened->definitions.to_json().as_object();
}

core::Result<core::JsonObject> apply_features(Project& project) {
  auto opened = open_definitions(project);
  if (!opened) return std::move(opened).error();
  const features::Definitions& definitions = opened->definitions;
  core::JsonArray views;
  for (const features::FeatureView& view : definitions.views) {
    auto rows = opened->engine->query_integer(
        fmt::format("SELECT count(*) FROM read_parquet({})", data::quote_text(view.source)));
    if (!rows) return std::move(rows).error().within("features.views." + view.name);
    views.push_back(core::JsonObject{{"view", view.name},
                                     {"entity", view.entity},
                                     {"features", static_cast<std::int64_t>(view.features.size())},
                                     {"source_rows", *rows},
                                     {"online", view.is_online}});
  }
  core::JsonArray services;
  for (const features::FeatureService& service : definitions.services)
    services.push_back(
        core::JsonObject{{"service", service.name},
                         {"features", static_cast<std::int64_t>(service.features.size())}});
  return core::JsonObject{{"views", std::move(views)}, {"services", std::move(services)}};
}

core::Result<core::JsonObject> get_features(Project& project, const std::string& service_name,
                                            const std::vector<std::string>& keys) {
  auto opened = open_definitions(project);
  if (!opened) return std::move(opened).error();
  auto service = opened->definitions.service(
      service_name.empty() ? project.config().text("model.service") : service_name);
  if (!service) return std::move(service).error();
  auto online = project.online();
  if (!online) return std::move(online).error();
  auto reader = features::OnlineReader::make(**online, opened->definitions, **service);
  if (!reader) return std::move(reader).error();

  const std::vector<std::string_view> views(keys.begin(), keys.end());
  std::vector<data::Cell> cells(keys.size() * reader->feature_count());
  std::vector<features::OnlineReader::EntityInfo> info(keys.size());
  features::OnlineReader::Scratch scratch;
  if (auto read = reader->read(views, project.clock().now(), scratch, cells, info); !read)
    return std::move(read).error();
  core::JsonArray rows;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    core::JsonObject values;
    for (std::size_t j = 0; j < reader->feature_count(); ++j) {
      const features::FeatureRef& ref = (*service)->features[j];
      values[ref.view + ":" + ref.feature] = to_json(cells[i * reader->feature_count() + j]);
    }
    rows.push_back(
        core::JsonObject{{"key", keys[i]},
                         {"found", info[i].is_found},
                         {"as_of", info[i].is_found ? core::Json(core::format_utc(info[i].oldest))
                                                    : core::Json(nullptr)},
                         {"features", std::move(values)}});
  }
  return core::JsonObject{{"service", (*service)->name}, {"rows", std::move(rows)}};
}

core::Result<core::JsonObject> join_features(Project& project, const JoinRequest& request) {
  if (auto named = data::check_table_name(request.out); !named) return std::move(named).error();
  auto opened = open_definitions(project);
  if (!opened) return std::move(opened).error();
  auto service = opened->definitions.service(
      request.service.empty() ? project.config().text("model.service") : request.service);
  if (!service) return std::move(service).error();
  const auto requests = features::requests_for(opened->definitions, **service);
  auto joined = features::join_point_in_time(*opened->engine, reader_of(request.entities),
                                             opened->definitions, requests,
                                             {.is_full_names = request.is_full_names});
  if (!joined) return std::move(joined).error();
  if (auto written = write_table(*opened->engine, joined->table, request.out); !written)
    return std::move(written).error();
  return core::JsonObject{{"rows", static_cast<std::int64_t>(joined->table.row_count())},
                          {"columns", static_cast<std::int64_t>(joined->table.columns.size())},
                          {"ties", joined->ties},
                          {"file", request.out.string()}};
}

core::Result<core::JsonObject> materialize_features(Project& project,
                                                    const MaterializeRequest& request) {
  auto opened = open_definitions(project);
  if (!opened) return std::move(opened).error();
  auto dataset = project.current_dataset();
  if (!dataset) return std::move(dataset).error();
  MaterializeWindow window{.views = request.views, .from = {}, .until = project.clock().now()};
  if (!request.until.empty()) {
    auto until = core::parse_time(request.until);
    if (!until) return std::move(until).error();
    window.until = *until;
  }
  if (!request.from.empty()) {
    auto from = core::parse_time(request.from);
    if (!from) return std::move(from).error();
    window.from = *from;
  }
  auto done = materialize_all(project, *opened->engine, opened->definitions, *dataset, window);
  if (!done) return std::move(done).error();
  core::JsonArray views;
  for (const features::MaterializeReport& report : done->reports) {
    views.push_back(core::JsonObject{{"view", report.view},
                                     {"from", core::format_utc(report.from)},
                                     {"until", core::format_utc(report.until)},
                                     {"rows_read", report.rows_read},
                                     {"rows_written", report.rows_written}});
  }
  core::JsonObject answer{{"views", std::move(views)}};
  if (!done->warning.empty()) answer["warning"] = done->warning;
  return answer;
}

core::Result<core::JsonObject> push_features(Project& project, const std::string& view_name,
                                             const std::filesystem::path& file) {
  auto opened = open_definitions(project);
  if (!opened) return std::move(opened).error();
  const features::FeatureView* view = opened->definitions.view(view_name);
  if (view == nullptr) {
    return opened->definitions.unknown_view(view_name);
  }
  auto rows = opened->engine->query(reader_of(file));
  if (!rows) return std::move(rows).error();
  auto online = project.online();
  if (!online) return std::move(online).error();
  auto written = features::write_online(**online, opened->definitions, *view, *rows);
  if (!written) return std::move(written).error();
  return core::JsonObject{{"view", view_name},
                          {"rows_read", static_cast<std::int64_t>(rows->row_count())},
                          {"rows_written", *written}};
}

}  // namespace tenure::app
