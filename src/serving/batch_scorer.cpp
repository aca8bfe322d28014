#include "serving/batch_scorer.h"

#include <algorithm>
#include <system_error>

#include <fmt/format.h>

#include "core/assert.h"
#include "core/file.h"
#include "data/parquet_file.h"

namespace tenure::serving {
namespace {

constexpr std::int64_t kChunkRows = 100'000;

/// Removes a folder at the end of its scope.
class ScratchFolder {
 public:
  explicit ScratchFolder(std::filesystem::path path) : path_(std::move(path)) {}
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// The input as a cleaned Parquet file. Ids may repeat here and may be anything, so the id is a
/// text column like others and the rows are numbered.
core::Result<std::filesystem::path> clean(data::Engine& engine, const BatchRequest& request,
                                          const std::filesystem::path& folder) {
  data::DataSpec spec;
  spec.source = request.input;
  spec.null_markers = request.null_markers;
  spec.bad_values = request.bad_values;
  spec.columns = request.columns;
  if (!request.id_column.empty() &&
      std::ranges::find(spec.columns, request.id_column, &data::ColumnRule::name) ==
          spec.columns.end()) {
    data::ColumnRule id;
    id.name = request.id_column;
    id.needed_by = "the id";
    spec.columns.push_back(std::move(id));
  }
  spec.is_exact = true;
  std::filesystem::path cleaned = folder / "cleaned.parquet";
  auto dataset = data::load_dataset(engine, spec, cleaned, 0);
  if (!dataset) return std::move(dataset).error();
  return cleaned;
}

/// The columns of a chunk, in the model's order and under its names, for Model::score.
data::Table inputs_of(data::Table chunk, const learn::Model& model) {
  data::Table inputs;
  const auto fields = model.transform().inputs();
  for (std::size_t i = 0; i < fields.size(); ++i) {
    inputs.columns.push_back(std::move(chunk.columns[i + 1]));
    inputs.columns.back().name = fields[i].name;
  }
  return inputs;
}

data::Table answers_of(data::Column id, const std::vector<learn::Model::Score>& scores,
                       const learn::Model& model, std::int64_t version, std::int64_t& positives) {
  std::vector<double> probabilities;
  std::vector<std::string> decisions;
  for (const learn::Model::Score& score : scores) {
    const bool is_positive = static_cast<double>(score.probability) >= model.facts().threshold;
    positives += is_positive ? 1 : 0;
    probabilities.push_back(static_cast<double>(score.probability));
    decisions.push_back(is_positive ? model.facts().positive : model.facts().negative);
  }
  data::Table answers;
  answers.columns.push_back(std::move(id));
  answers.columns.push_back(data::Column::of_numbers("probability", std::move(probabilities)));
  answers.columns.push_back(data::Column::of_texts("decision", decisions));
  answers.columns.push_back(data::Column::of_integers(
      "model_version", std::vector<std::int64_t>(scores.size(), version)));
  return answers;
}

}  // namespace

core::Result<BatchReport> score_file(data::Engine& engine, const learn::Model& model,
                                     const BatchRequest& request) {
  TENURE_ASSERT(request.columns.size() == model.transform().inputs().size());
  const ScratchFolder scratch(request.scratch);
  if (auto made = core::make_directories(scratch.path()); !made) return std::move(made).error();
  auto cleaned = clean(engine, request, scratch.path());
  if (!cleaned) return std::move(cleaned).error();

  const std::string source =
      fmt::format("read_parquet({}, file_row_number=true)", data::quote_path(*cleaned));
  auto total = engine.query_integer(fmt::format("SELECT count(*) FROM {}", source));
  if (!total) return std::move(total).error();
  std::string columns = data::quote_identifier(request.id_column.empty() ? std::string(data::kRowId)
                                                                         : request.id_column);
  for (const data::ColumnRule& rule : request.columns)
    columns += ", " + data::quote_identifier(rule.name);

  BatchReport report;
  std::string parts;
  for (std::int64_t first = 0; first < *total; first += kChunkRows) {
    if (request.progress && !request.progress(first, *total))
      return core::Error{core::ErrorCode::kCancelled,
                         fmt::format("cancelled after {} rows", first)};
    auto chunk = engine.query(
        fmt::format("SELECT {} FROM {} WHERE file_row_number >= {} AND file_row_number < {} "
                    "ORDER BY file_row_number",
                    columns, source, first, first + kChunkRows));
    if (!chunk) return std::move(chunk).error();
    data::Column id = std::move(chunk->columns.front());
    auto scores = model.score(inputs_of(*std::move(chunk), model));
    if (!scores) return std::move(scores).error();
    report.rows += static_cast<std::int64_t>(scores->size());
    const data::Table answers =
        answers_of(std::move(id), *scores, model, request.model_version, report.positives);
    if (auto made = engine.create_table("scores", answers); !made) return std::move(made).error();
    const std::filesystem::path part =
        scratch.path() / fmt::format("part-{:06}.parquet", first / kChunkRows);
    if (auto written = data::write_parquet(engine, "SELECT * FROM scores", part); !written)
      return std::move(written).error();
    parts += (parts.empty() ? "" : ", ") + data::quote_text(part.string());
  }
  if (auto dropped = engine.execute("DROP TABLE IF EXISTS scores"); !dropped)
    return std::move(dropped).error();
  if (auto published = data::write_by_name(
          engine, fmt::format("SELECT * FROM read_parquet([{}])", parts), request.output);
      !published)
    return std::move(published).error();
  return report;
}

}  // namespace tenure::serving
