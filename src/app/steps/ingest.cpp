#include <fmt/format.h>

#include "app/steps/step_io.h"
#include "app/steps/steps.h"
#include "core/file.h"
#include "core/sha256.h"
#include "data/dataset.h"
#include "data/telco_generator.h"

namespace tenure::app {
namespace {

/// Makes the source with the built-in generator when it is missing and the project says so.
core::Result<bool> generate_if_missing(const Project& project, const data::DataSpec& spec) {
  const core::Config config = project.config().at("data.generate");
  if (std::filesystem::exists(spec.source) || config.text("kind") == "none") return false;
  data::TelcoOptions options;
  options.rows = config.integer("rows");
  options.seed = static_cast<std::uint64_t>(config.integer("seed"));
  if (auto written = data::write_telco_csv(options, spec.source); !written)
    return std::move(written).error();
  return true;
}

/// Whether the cleaned table of this key is the one that was ingested last.
bool is_current(const Project& project, const std::string& key) {
  const auto current = project.current_dataset();
  return current && current->parquet.parent_path().filename() == key;
}

/// The cleaned table for this source and these rules, made only if it is not there yet: equal
/// content keeps its snapshot time, so running again changes nothing. Only a table without times
/// that comes back after another one is a new snapshot: the online store keeps the newest, so under
/// its old time it would stay hidden behind the other.
core::Result<data::Dataset> cleaned(Project& project, const data::DataSpec& spec,
                                    const std::atomic<bool>* is_cancelled) {
  auto source_digest = core::sha256_file(spec.source);
  if (!source_digest) return std::move(source_digest).error().within("data.source");
  const std::string key =
      core::sha256_hex(*source_digest + project.config().at("data").digest()).substr(0, 16);
  const std::filesystem::path folder = project.data_folder() / key;
  const bool may_reuse = !spec.time.empty() || is_current(project, key);
  if (auto known = read_json_file(folder / "dataset.json");
      may_reuse && known && std::filesystem::exists(folder / "table.parquet")) {
    auto dataset = data::Dataset::from_json(*known);
    if (dataset) {
      dataset->parquet = folder / "table.parquet";
      return dataset;
    }
  }
  if (auto made = core::make_directories(folder); !made) return std::move(made).error();
  auto engine = project.engine(is_cancelled);
  if (!engine) return std::move(engine).error();
  auto dataset =
      data::load_dataset(**engine, spec, folder / "table.parquet", project.clock().now());
  if (!dataset) return std::move(dataset).error();
  if (auto written = core::write_file_atomically(folder / "dataset.json",
                                                 core::to_pretty_text(dataset->to_json()));
      !written) {
    return std::move(written).error();
  }
  return dataset;
}

std::string summarize(const data::Dataset& dataset, bool is_generated) {
  std::string text =
      fmt::format("{} rows, {} feature columns", dataset.rows, dataset.columns.size());
  if (dataset.has_label && dataset.rows > 0) {
    text += fmt::format(", {:.1f} % positive", 100.0 * static_cast<double>(dataset.positives) /
                                                   static_cast<double>(dataset.rows));
  }
  if (dataset.duplicates_dropped > 0)
    text += fmt::format(", {} duplicates dropped", dataset.duplicates_dropped);
  return is_generated ? text + " (generated)" : text;
}

}  // namespace

pipelines::Step ingest_step(Project& project) {
  return [&project](const pipelines::StepContext& context) -> core::Result<pipelines::StepResult> {
    auto spec = data::DataSpec::from_config(project.config());
    if (!spec) return std::move(spec).error();
    auto is_generated = generate_if_missing(project, *spec);
    if (!is_generated) return std::move(is_generated).error();
    auto dataset = cleaned(project, *spec, context.is_cancelled);
    if (!dataset) return std::move(dataset).error();

    const std::filesystem::path description = dataset->parquet.parent_path() / "dataset.json";
    const std::filesystem::path current = project.data_folder() / kCurrentDataset;
    if (auto written =
            core::write_file_atomically(current, core::to_pretty_text(dataset->to_json()));
        !written)
      return std::move(written).error();

    pipelines::StepResult result;
    if (auto added = add_input_file(project, result, spec->source); !added)
      return std::move(added).error();
    if (auto added = add_output_file(project, result, "dataset", description); !added)
      return std::move(added).error();
    if (auto added = add_output_file(project, result, "table", dataset->parquet); !added)
      return std::move(added).error();
    result.output["rows"] = dataset->rows;
    result.output["positives"] = dataset->positives;
    result.output["source_sha256"] = dataset->source_sha256;
    result.summary = summarize(*dataset, *is_generated);
    return result;
  };
}

}  // namespace tenure::app
