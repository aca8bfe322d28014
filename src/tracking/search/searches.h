#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "storage/sql/database.h"
#include "tracking/experiments.h"
#include "tracking/logged_models.h"
#include "tracking/page.h"
#include "tracking/registry.h"
#include "tracking/run.h"
#include "tracking/run_listing.h"

// Searching what is tracked, in MLflow's language: mlflow.md §10 with the deviations of §13. Each
// search is one statement that finds a page of ids and a few that read their rows. Thread-safe.
// Errors: kInvalidArgument in MLflow's words, for a filter, an order or a page token that cannot be
// read and for max_results out of range.
namespace tenure::tracking {

/// At most 50,000 a page. Without experiments there are none.
core::Result<Page<Run>> search_runs(storage::Database& database,
                                    std::span<const std::string> experiment_ids, ViewType view,
                                    const SearchQuery& query);

/// The same, for answers that only write the runs out.
core::Result<RunListing> list_runs(storage::Database& database,
                                   std::span<const std::string> experiment_ids, ViewType view,
                                   const SearchQuery& query);

/// At most 50,000 a page; newest first unless ordered.
core::Result<Page<Experiment>> search_experiments(storage::Database& database, ViewType view,
                                                  const SearchQuery& query);

/// At most 1,000 a page; by name unless ordered. Prompts are hidden unless asked for.
core::Result<Page<RegisteredModel>> search_registered_models(storage::Database& database,
                                                             const SearchQuery& query);

/// At most 200,000 a page; last updated first unless ordered. With their aliases.
core::Result<Page<ModelVersion>> search_model_versions(storage::Database& database,
                                                       const SearchQuery& query);

struct LoggedModelOrder {
  std::string field;  ///< an attribute or metrics.<key>
  bool ascending = true;
  std::string dataset_name = {};
  std::string dataset_digest = {};
};
struct LoggedModelQuery {
  std::vector<std::string> experiment_ids = {};
  std::string filter = {};
  std::vector<std::pair<std::string, std::string>> datasets = {};  ///< name, digest or ""
  std::int64_t max_results = 50;
  std::vector<LoggedModelOrder> order_by = {};
  std::string page_token = {};
};
core::Result<Page<LoggedModel>> search_logged_models(storage::Database& database,
                                                     const LoggedModelQuery& query);

struct DatasetSummary {
  std::string experiment_id;
  std::string name;
  std::string digest;
  std::optional<std::string> context;  ///< of input tag mlflow.data.context
};
/// Data sets that runs of 1 to 20 experiments read; at most 1,000.
core::Result<std::vector<DatasetSummary>> search_datasets(
    storage::Database& database, std::span<const std::string> experiment_ids);

}  // namespace tenure::tracking
