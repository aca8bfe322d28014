#include "data/split.h"

#include <fmt/format.h>

#include "app/steps/step_io.h"
#include "app/steps/steps.h"
#include "core/file.h"

namespace tenure::app {

pipelines::Step split_step(Project& project) {
  return [&project](const pipelines::StepContext& context) -> core::Result<pipelines::StepResult> {
    auto spec = data::SplitSpec::from_config(project.config());
    if (!spec) return std::move(spec).error();
    auto dataset = dataset_of_run(project, context);
    if (!dataset) return std::move(dataset).error();
    auto engine = project.engine(context.is_cancelled);
    if (!engine) return std::move(engine).error();
    if (auto made = core::make_directories(context.directory); !made)
      return std::move(made).error();

    const std::filesystem::path entities = context.directory / "entities.parquet";
    auto counts = data::split_dataset(**engine, *dataset, *spec, entities);
    if (!counts) return std::move(counts).error();

    pipelines::StepResult result;
    if (auto added = add_input_file(project, result, dataset->parquet); !added)
      return std::move(added).error();
    if (auto added = add_output_file(project, result, "entities", entities); !added)
      return std::move(added).error();
    result.output["train_rows"] = counts->train;
    result.output["train_positives"] = counts->train_positives;
    result.output["test_rows"] = counts->test;
    result.output["test_positives"] = counts->test_positives;
    result.summary =
        fmt::format("{} rows to train, {} to test ({})", counts->train, counts->test, spec->method);
    return result;
  };
}

}  // namespace tenure::app
