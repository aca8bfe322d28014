#include <fmt/format.h>

#include "tracking/search/paging.h"
#include "tracking/search/searches.h"

namespace tenure::tracking {
namespace {

constexpr std::size_t kExperimentsMax = 20;
constexpr std::int64_t kSummariesMax = 1'000;

core::Error invalid(std::string message) {
  return core::Error{core::ErrorCode::kInvalidArgument, std::move(message)};
}

}  // namespace

core::Result<std::vector<DatasetSummary>> search_datasets(
    storage::Database& database, std::span<const std::string> experiment_ids) {
  if (experiment_ids.empty())
    return invalid("SearchDatasets request must specify at least one experiment_id.");
  if (experiment_ids.size() > kExperimentsMax) {
    return invalid(
        fmt::format("SearchDatasets request cannot specify more than {} experiment_ids. Received "
                    "{} experiment_ids.",
                    kExperimentsMax, experiment_ids.size()));
  }
  auto experiments = read_experiment_ids(experiment_ids);
  if (!experiments) return std::move(experiments).error();
  Statement statement(database);
  statement.add(
      "SELECT s.experiment_id, s.name, s.digest, s.value FROM (SELECT DISTINCT d.experiment_id, "
      "d.name, d.digest, t.value FROM datasets d JOIN inputs i ON i.source_type = 'DATASET' AND "
      "i.source_id = d.dataset_uuid LEFT JOIN input_tags t ON t.input_uuid = i.input_uuid AND "
      "t.name = 'mlflow.data.context' WHERE ");
  add_experiments(statement, "d.experiment_id", *experiments);
  statement.add(") s ORDER BY s.experiment_id, ");
  statement.order("s.name", true, true).add(", ").order("s.digest", true, true).add(", ");
  statement.order("s.value", true, true).add(" LIMIT ").bind(kSummariesMax);
  auto rows = statement.run(database);
  if (!rows) return std::move(rows).error();
  std::vector<DatasetSummary> summaries;
  summaries.reserve(rows->size());
  for (const storage::SqlRow& row : *rows) {
    DatasetSummary& summary = summaries.emplace_back();
    summary.experiment_id = std::to_string(row.integer(0));
    summary.name = row.text(1);
    summary.digest = row.text(2);
    if (!row.is_null(3)) summary.context = row.text(3);
  }
  return summaries;
}

}  // namespace tenure::tracking
