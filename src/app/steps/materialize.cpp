#include <fmt/format.h>

#include "app/served_features.h"
#include "app/steps/step_io.h"
#include "app/steps/steps.h"

namespace tenure::app {

pipelines::Step materialize_step(Project& project) {
  return [&project](const pipelines::StepContext& context) -> core::Result<pipelines::StepResult> {
    auto prepared = prepared_training(project, context);
    if (!prepared) return std::move(prepared).error();
    auto dataset = dataset_of_run(project, context);
    if (!dataset) return std::move(dataset).error();
    auto engine = project.engine(context.is_cancelled);
    if (!engine) return std::move(engine).error();
    auto done = materialize_all(project, **engine, prepared->definitions, *dataset,
                                {.views = {}, .from = {}, .until = project.clock().now()});
    if (!done) return std::move(done).error();

    pipelines::StepResult result;
    core::JsonArray views;
    std::int64_t rows = 0;
    for (const features::MaterializeReport& report : done->reports) {
      views.push_back(core::JsonObject{{"view", report.view},
                                       {"rows_read", report.rows_read},
                                       {"rows_written", report.rows_written}});
      rows += report.rows_written;
    }
    result.summary = fmt::format("{} rows of {} view{} written online", rows, views.size(),
                                 views.size() == 1 ? "" : "s");
    if (!done->warning.empty()) {
      result.summary += "; " + done->warning;
      result.output["materialize_warning"] = done->warning;
    }
    result.output["rows_written"] = rows;
    result.output["views"] = std::move(views);
    return result;
  };
}

}  // namespace tenure::app
