#include "app/data_tasks.h"

#include <fmt/format.h>

#include "core/file.h"
#include "data/profile.h"
#include "data/telco_generator.h"
#include "data/telco_timeline.h"

namespace tenure::app {
namespace {

core::Json to_json(const data::Cell& cell, const data::Column& column, std::size_t row) {
  switch (cell.kind) {
    case data::Cell::Kind::kNumber:
      if (column.type == data::ColumnType::kTimestamp) return core::Json(column.display(row));
      if (column.type == data::ColumnType::kBoolean) return cell.number != 0;
      if (column.type == data::ColumnType::kInteger)
        return std::get<std::vector<std::int64_t>>(column.values)[row];
      return cell.number;
    case data::Cell::Kind::kText:
      return core::Json(cell.text);
    case data::Cell::Kind::kNull:
    case data::Cell::Kind::kAbsent:
      break;
  }
  return nullptr;
}

/// Makes the project's tables visible to SQL by name, without copying them.
core::Result<> attach_project_tables(const Project& project, data::Engine& engine) {
  const auto dataset = project.current_dataset();
  if (!dataset) {
    if (dataset.error().code == core::ErrorCode::kNotFound)
      return {};  // only the files that the SQL names itself
    return dataset.error();
  }
  const auto view = [&engine](std::string_view name, std::string_view file) {
    return engine.execute(fmt::format("CREATE OR REPLACE VIEW {} AS SELECT * FROM read_parquet({})",
                                      data::quote_identifier(name), data::quote_text(file)));
  };
  if (auto made = view("data", dataset->parquet.string()); !made) return made;
  const auto definitions = project.definitions(engine);
  if (!definitions) return definitions.error();
  for (const features::FeatureView& feature_view : definitions->views)
    if (auto made = view(feature_view.name, feature_view.source); !made) return made;
  return {};
}

}  // namespace

core::Result<core::JsonObject> generate_data(const GenerateRequest& request) {
  if (request.kind == "telco") {
    const data::TelcoOptions options{
        .rows = request.rows, .seed = request.seed, .noise = request.noise};
    if (auto written = data::write_telco_csv(options, request.out); !written)
      return std::move(written).error();
    return core::JsonObject{
        {"kind", request.kind}, {"rows", request.rows}, {"file", request.out.string()}};
  }
  if (request.kind == "telco-timeline") {
    data::TimelineOptions options;
    options.slots = static_cast<int>(std::min<std::int64_t>(request.rows, 100'000'000));
    options.months = request.months;
    options.seed = request.seed;
    auto scenario = data::parse_telco_scenario(request.scenario);
    if (!scenario) return std::move(scenario).error().within("--scenario");
    options.scenario = *scenario;
    auto timeline = data::generate_telco_timeline(options);
    if (!timeline) return std::move(timeline).error();
    auto engine = data::Engine::open();
    if (!engine) return std::move(engine).error();
    if (auto made = core::make_directories(request.out); !made) return std::move(made).error();
    if (auto written = data::write_telco_timeline(**engine, *timeline, request.out); !written)
      return std::move(written).error();
    return core::JsonObject{
        {"kind", request.kind},
        {"folder", request.out.string()},
        {"snapshots", static_cast<std::int64_t>(timeline->snapshots.row_count())},
        {"labels", static_cast<std::int64_t>(timeline->labels.row_count())},
        {"events", static_cast<std::int64_t>(timeline->events.row_count())}};
  }
  return core::Error{
      core::ErrorCode::kInvalidArgument,
      fmt::format("'{}' is not a known kind of data; expected telco or telco-timeline",
                  request.kind)};
}

core::Result<core::JsonObject> profile_data(const std::filesystem::path& file,
                                            const std::string& label, const std::string& positive,
                                            const std::atomic<bool>* is_cancelled) {
  auto engine = data::Engine::open({.path = "", .temporary = {}, .is_cancelled = is_cancelled});
  if (!engine) return std::move(engine).error();
  auto profile = data::profile_file(**engine, file, label, positive);
  if (!profile) return std::move(profile).error();
  return profile->to_json().as_object();
}

core::Result<core::JsonObject> query_data(Project* project, const std::string& sql,
                                          std::size_t limit,
                                          const std::atomic<bool>* is_cancelled) {
  auto engine =
      project != nullptr
          ? project->engine(is_cancelled)
          : data::Engine::open({.path = "", .temporary = {}, .is_cancelled = is_cancelled});
  if (!engine) return std::move(engine).error();
  if (project != nullptr)
    if (auto attached = attach_project_tables(*project, **engine); !attached)
      return std::move(attached).error();
  auto table = (*engine)->query(sql, limit + 1);  // one more tells whether there are more
  if (!table) return std::move(table).error();
  core::JsonArray columns;
  for (const data::Column& column : table->columns) columns.emplace_back(column.name);
  const std::size_t count = std::min(limit, table->row_count());
  core::JsonArray rows;
  for (std::size_t row = 0; row < count; ++row) {
    core::JsonArray values;
    for (const data::Column& column : table->columns)
      values.push_back(to_json(column.cell(row), column, row));
    rows.push_back(std::move(values));
  }
  return core::JsonObject{{"columns", std::move(columns)},
                          {"rows", std::move(rows)},
                          {"truncated", table->row_count() > count}};
}

}  // namespace tenure::app
