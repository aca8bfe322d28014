#include "features/materialize.h"

#include <fmt/format.h>

#include "app/steps/step_io.h"
#include "app/steps/steps.h"

namespace tenure::app {

pipelines::Step materialize_step(Project& project) {
  return [&project](const pipelines::StepContext& context) -> core::Result<pipelines::StepResult> {
    auto prepared = prepared_training(project, context);
    if (!prepared) return std::move(prepared).error();
    auto engine = project.engine();
    if (!engine) return std::move(engine).error();
    auto online = project.online();
    if (!online) return std::move(online).error();
    auto database = project.database();
    if (!database) return std::move(database).error();
    auto log = features::MaterializationLog::open(**database, project.clock().now());
    if (!log) return std::move(log).error();
    const core::Micros now = project.clock().now();
    auto reports =
        features::materialize_incremental(**engine, **online, *log, prepared->definitions, {}, now,
                                          project.config().duration("features.lookback"), now);
    if (!reports) return std::move(reports).error();

    pipelines::StepResult result;
    core::JsonArray views;
    std::int64_t rows = 0;
    for (const features::MaterializeReport& report : *reports) {
      views.push_back(core::JsonObject{{"view", report.view},
                                       {"rows_read", report.rows_read},
                                       {"rows_written", report.rows_written}});
      rows += report.rows_written;
    }
    result.summary = fmt::format("{} rows of {} view{} written online", rows, views.size(),
                                 views.size() == 1 ? "" : "s");
    result.output["rows_written"] = rows;
    result.output["views"] = std::move(views);
    return result;
  };
}

}  // namespace tenure::app
