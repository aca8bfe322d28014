#pragma once

#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "storage/sql/database.h"
#include "storage/testing/temporary_folder.h"
#include "storage/testing/test_database.h"
#include "tracking/experiments.h"
#include "tracking/page.h"

// A database in memory whose rows the tests of searches write themselves. The test includes
// GoogleTest first.
namespace tenure::tracking {

struct TestRun {
  std::string id;
  std::int64_t start_ms = 0;
  std::map<std::string, double> metrics = {};
  std::map<std::string, std::string> params = {};
  std::map<std::string, std::string> tags = {};
  std::int64_t experiment_id = 0;
  std::string stage = "active";
  std::string name = {};
};

class SearchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    database_ = storage::testing::open_test_database(folder_.path());
    const auto prepared = prepare_schema(*database_, 1'700'000'000'000'000);
    ASSERT_TRUE(prepared) << prepared.error().message;
    add_experiment(0, "Default");
  }

  void write(std::string_view sql, std::initializer_list<storage::SqlValue> values = {}) {
    const auto done = database_->execute(sql, values);
    ASSERT_TRUE(done) << done.error().message << ": " << sql;
  }

  void add_experiment(std::int64_t id, const std::string& name, std::int64_t created_ms = 0,
                      const std::string& stage = "active") {
    write(
        "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, "
        "creation_time, last_update_time) VALUES (:id, :name, 'file:///a', :stage, :made, :seen)",
        {id, name, stage, created_ms, created_ms + 1});
  }

  void add_run(const TestRun& run) {
    write(
        "INSERT INTO runs (run_uuid, name, user_id, status, start_time, lifecycle_stage, "
        "artifact_uri, experiment_id) VALUES (:id, :name, 'ann', 'RUNNING', :start, :stage, "
        "'file:///a', :experiment)",
        {run.id, run.name, run.start_ms, run.stage, run.experiment_id});
    for (const auto& [key, value] : run.metrics) {
      write(
          "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES "
          "(:key, :value, 1, 2, :nan, :run)",
          {key, std::isnan(value) ? 0.0 : value, std::int64_t{std::isnan(value)}, run.id});
    }
    for (const auto& [key, value] : run.params)
      write("INSERT INTO params (key, value, run_uuid) VALUES (:k, :v, :r)", {key, value, run.id});
    auto tags = run.tags;
    if (!run.name.empty()) tags["mlflow.runName"] = run.name;
    for (const auto& [key, value] : tags)
      write("INSERT INTO tags (key, value, run_uuid) VALUES (:k, :v, :r)", {key, value, run.id});
  }

  void add_dataset(const std::string& run, const std::string& name, const std::string& digest,
                   const std::string& context, std::int64_t experiment_id = 0) {
    const std::string dataset = fmt::format("{}/{}", name, digest);
    const std::string input = fmt::format("{}/{}", run, dataset);
    write(
        "INSERT INTO datasets (dataset_uuid, experiment_id, name, digest, dataset_source_type, "
        "dataset_source) VALUES (:id, :experiment, :name, :digest, 'local', '{}') ON CONFLICT DO "
        "NOTHING",
        {dataset, experiment_id, name, digest});
    write(
        "INSERT INTO inputs (input_uuid, source_type, source_id, destination_type, destination_id) "
        "VALUES (:input, 'DATASET', :dataset, 'RUN', :run)",
        {input, dataset, run});
    if (context.empty()) return;
    write(
        "INSERT INTO input_tags (input_uuid, name, value) VALUES (:input, 'mlflow.data.context', "
        ":value)",
        {input, context});
  }

  storage::testing::TemporaryFolder folder_;
  std::unique_ptr<storage::Database> database_;
};

inline SearchQuery query_for(std::string filter, std::vector<std::string> order_by = {},
                             std::int64_t max_results = 1000) {
  return {std::move(filter), std::move(order_by), max_results, ""};
}

}  // namespace tenure::tracking
