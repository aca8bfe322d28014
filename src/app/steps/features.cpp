#include <set>

#include <fmt/format.h>

#include "app/steps/step_io.h"
#include "app/steps/steps.h"
#include "app/training_table.h"
#include "core/file.h"
#include "features/definition.h"
#include "features/point_in_time.h"

namespace tenure::app {

pipelines::Step features_step(Project& project) {
  return [&project](const pipelines::StepContext& context) -> core::Result<pipelines::StepResult> {
    auto dataset = dataset_of_run(project, context);
    if (!dataset) return std::move(dataset).error();
    auto entities = file_of_earlier(project, context, "entities");
    if (!entities) return std::move(entities).error();
    auto engine = project.engine(context.is_cancelled);
    if (!engine) return std::move(engine).error();
    auto definitions = features::Definitions::from_config(project.config(), *dataset, **engine);
    if (!definitions) return std::move(definitions).error();
    auto service = definitions->service(project.config().text("model.service"));
    if (!service) return std::move(service).error().within("model.service");

    const std::filesystem::path table = context.directory / "training.parquet";
    auto ties = write_training_table(**engine, *definitions, **service, *entities,
                                     dataset->id_column, table);
    if (!ties) return std::move(ties).error();
    const std::filesystem::path description = context.directory / "features.json";
    if (auto written =
            core::write_file_atomically(description, core::to_pretty_text(definitions->to_json()));
        !written)
      return std::move(written).error();

    pipelines::StepResult result;
    if (auto added = add_input_file(project, result, *entities); !added)
      return std::move(added).error();
    std::set<std::string> sources;
    for (const features::FeatureRef& ref : (*service)->features)
      sources.insert(definitions->view(ref.view)->source);
    for (const std::string& source : sources)
      if (auto added = add_input_file(project, result, source); !added)
        return std::move(added).error();
    if (auto added = add_output_file(project, result, "training_table", table); !added)
      return std::move(added).error();
    if (auto added = add_output_file(project, result, "definitions", description); !added)
      return std::move(added).error();
    result.output["service"] = (*service)->name;
    result.output["features"] = static_cast<std::int64_t>((*service)->features.size());
    result.summary = fmt::format("{} features of service '{}', as of each row's time",
                                 (*service)->features.size(), (*service)->name);
    if (*ties > 0) result.summary += fmt::format("; {} ties between equally new rows", *ties);
    return result;
  };
}

}  // namespace tenure::app
