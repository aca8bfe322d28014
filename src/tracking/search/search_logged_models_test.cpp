#include <gtest/gtest.h>

#include "tracking/search/page_token.h"
#include "tracking/search/searches.h"
#include "tracking/testing/search_test_base.h"

namespace tenure::tracking {
namespace {

struct TestModel {
  std::string id;
  std::int64_t created_ms = 0;
  std::int64_t status = 2;
  std::map<std::string, std::string> params = {};
  std::map<std::string, std::string> tags = {};
  std::int64_t experiment_id = 0;
  std::string stage = "active";
};

struct TestMetric {
  std::string model;
  double value = 0;
  std::int64_t time_ms = 0;
  std::string dataset = {};
  std::string digest = {};
};

class SearchLoggedModelsTest : public SearchTest {
 protected:
  void SetUp() override {
    SearchTest::SetUp();
    add_model({.id = "m-a",
               .created_ms = 10,
               .params = {{"lr", "0.01"}, {"Kind", "Tree"}},
               .tags = {{"k", "v"}}});
    add_model({.id = "m-b", .created_ms = 20, .status = 1, .params = {{"lr", "0.1"}}});
    add_model({.id = "m-c", .created_ms = 20});
    add_model({.id = "m-gone", .created_ms = 30, .stage = "deleted"});
    add_metric({"m-a", 0.9, 1, "train", "1"});
    add_metric({"m-a", 0.5, 2, "test", "2"});
    add_metric({"m-b", 0.7, 1, "test", "3"});
  }

  void add_model(const TestModel& model) {
    write(
        "INSERT INTO tenure_logged_models (model_id, experiment_id, name, artifact_location, "
        "creation_timestamp_ms, last_updated_timestamp_ms, status, lifecycle_stage, model_type, "
        "source_run_id) VALUES (:id, :experiment, 'lm', 'file:///m', :created, 5, :status, :stage, "
        "'clf', NULL)",
        {model.id, model.experiment_id, model.created_ms, model.status, model.stage});
    for (const auto& [key, value] : model.params) {
      write(
          "INSERT INTO tenure_logged_model_params (model_id, experiment_id, param_key, "
          "param_value) VALUES (:id, 0, :key, :value)",
          {model.id, key, value});
    }
    for (const auto& [key, value] : model.tags) {
      write(
          "INSERT INTO tenure_logged_model_tags (model_id, experiment_id, tag_key, tag_value) "
          "VALUES (:id, 0, :key, :value)",
          {model.id, key, value});
    }
  }

  void add_metric(const TestMetric& metric) {
    write(
        "INSERT INTO tenure_logged_model_metrics (model_id, metric_name, metric_timestamp_ms, "
        "metric_step, metric_value, experiment_id, run_id, dataset_name, dataset_digest) VALUES "
        "(:id, 'acc', :time, 0, :value, 0, 'r', :dataset, :digest)",
        {metric.model, metric.time_ms, metric.value, metric.dataset, metric.digest});
  }

  std::string found(const LoggedModelQuery& query) {
    const auto page = search_logged_models(*database_, query);
    if (!page) return page.error().message;
    std::string made;
    for (const LoggedModel& model : page->items) made += (made.empty() ? "" : " ") + model.id;
    return made;
  }
  std::string filtered(const std::string& filter) {
    return found({.experiment_ids = {"0"}, .filter = filter});
  }
  std::string ordered(const LoggedModelOrder& order) {
    return found({.experiment_ids = {"0"}, .order_by = {order}});
  }
};

TEST_F(SearchLoggedModelsTest, FiltersGiveWhatMlflowGives) {
  const std::vector<std::pair<std::string, std::string>> vectors = {
      {"", "m-b m-c m-a"},
      {"attributes.name = 'lm'", "m-b m-c m-a"},
      {"name = \"lm\" and model_type ilike 'CL_'", "m-b m-c m-a"},
      {"model_id IN ('m-a', 'm-c')", "m-c m-a"},
      {"attributes.model_id NOT IN ('m-a')", "m-b m-c"},
      {"experiment_id = '0'", "m-b m-c m-a"},
      {"status = 2", "m-c m-a"},
      {"creation_time > 10 AND creation_timestamp <= 20 AND creation_timestamp_ms != 7", "m-b m-c"},
      {"last_updated_time = 5.0", "m-b m-c m-a"},
      {"metrics.acc > 0.8", "m-a"},
      {"metrics.`acc` < 0.8", "m-b m-a"},
      {"params.lr = 0.01", "m-a"},
      {"params.lr = '0.1'", "m-b"},
      {"params.lr IN ('0.1', '0.01')", "m-b m-a"},
      {"params.Kind LIKE 'T%'", "m-a"},
      {"params.lr IS NULL", "m-c"},
      {"tags.k = 'v'", "m-a"},
      {"source_run_id = 'x'", ""},
      {"metric.acc > 1",
       "Invalid entity type: 'metric'. Expected one of ['attributes', 'metrics', 'params', "
       "'tags']."},
      {"params.lr > '1'",
       "Invalid comparison operator for params.lr: '>'. Expected one of ('!=', '=', 'ILIKE', "
       "'IN', 'LIKE', 'NOT IN')."},
      {"status LIKE 1",
       "Invalid comparison operator for attributes.status: 'LIKE'. Expected one of ('!=', '<', "
       "'<=', '=', '>', '>=')."},
      {"metrics.acc = 'x'", "Expected numeric value type for metric. Found 'x'"},
      {"metrics.acc > 1 OR metrics.acc < 0",
       "Invalid filter string: 'metrics.acc > 1 OR metrics.acc < 0'. Expected a list of "
       "comparisons separated by 'AND' (e.g. 'metrics.loss > 0.1 AND params.lr = 0.01')."}};
  for (const auto& [filter, expected] : vectors) EXPECT_EQ(filtered(filter), expected) << filter;
  EXPECT_TRUE(filtered("nope = 'x'").starts_with("Invalid attribute key 'nope' specified."));
}

TEST_F(SearchLoggedModelsTest, DatasetsLimitWhichMetricsCount) {
  const auto with = [&](const std::string& filter,
                        std::vector<std::pair<std::string, std::string>> datasets) {
    return found({.experiment_ids = {"0"}, .filter = filter, .datasets = std::move(datasets)});
  };
  EXPECT_EQ(with("metrics.acc > 0.4", {{"test", ""}}), "m-b m-a");
  EXPECT_EQ(with("metrics.acc > 0.4", {{"test", "2"}}), "m-a");
  EXPECT_EQ(with("metrics.acc > 0.6", {{"test", ""}}), "m-b");
  EXPECT_EQ(with("", {{"train", ""}}), "m-a");
  EXPECT_EQ(with("", {{"train", ""}, {"test", "3"}}), "m-b m-a");
  EXPECT_EQ(with("", {{"", "3"}}), "`dataset_name` in the `datasets` clause must be specified.");
}

TEST_F(SearchLoggedModelsTest, OrdersByAttributesAndLatestMetrics) {
  EXPECT_EQ(ordered({.field = "metrics.acc"}), "m-a m-b m-c");
  EXPECT_EQ(ordered({.field = "metrics.acc", .ascending = false}), "m-b m-a m-c");
  EXPECT_EQ(ordered({.field = "metrics.acc", .ascending = false, .dataset_name = "train"}),
            "m-a m-b m-c");
  EXPECT_EQ(ordered({.field = "metrics.acc", .dataset_name = "test", .dataset_digest = "3"}),
            "m-b m-c m-a");
  EXPECT_EQ(ordered({.field = "creation_time"}), "m-a m-b m-c");
  EXPECT_EQ(ordered({.field = "model_id", .ascending = false}), "m-c m-b m-a");
  EXPECT_EQ(ordered({.field = "source_run_id"}), "m-b m-c m-a");
  EXPECT_EQ(ordered({.field = "experiment_id"}), "m-b m-c m-a");
  EXPECT_EQ(ordered({.field = "params.x"}),
            "Invalid order by field name: params.x. Only metrics are supported.");
  EXPECT_EQ(ordered({.field = "nope"}), "Invalid order by field name: nope");
}

TEST_F(SearchLoggedModelsTest, TokensHoldTheQuery) {
  LoggedModelQuery query = {
      .experiment_ids = {"0"}, .max_results = 2, .order_by = {{.field = "metrics.acc"}}};
  const auto first = search_logged_models(*database_, query);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->items.size(), 2U);
  EXPECT_EQ(first->items.front().params.size(), 2U);
  query.page_token = first->next_page_token;
  EXPECT_EQ(found(query), "m-c");
  EXPECT_EQ(search_logged_models(*database_, query)->next_page_token, "");

  LoggedModelQuery other = query;
  other.experiment_ids = {"0", "1"};
  EXPECT_EQ(found(other),
            "Experiment IDs in the page token do not match the requested experiment IDs. Expected: "
            "[\"0\",\"1\"]. Found: [\"0\"]");
  other = query;
  other.filter = "status = 2";
  EXPECT_EQ(found(other),
            "Filter string in the page token does not match the requested filter string. Expected: "
            "\"status = 2\". Found: null");
  other = query;
  other.order_by.clear();
  EXPECT_TRUE(found(other).starts_with(
      "Order by in the page token does not match the requested order by. Expected: null. Found: "));
  query.page_token = "YWJj";
  EXPECT_EQ(found(query), "Invalid page token, decoded value=b'abc'");
  query.page_token = encode_token("[]");
  EXPECT_EQ(found(query), "Invalid page token, parsed value=[]");
}

TEST_F(SearchLoggedModelsTest, ExperimentsAndPagesAreChecked) {
  EXPECT_EQ(found({}), "");
  EXPECT_EQ(found({.experiment_ids = {"x"}}),
            "Invalid experiment ID 'x'. Experiment ID must be a valid integer.");
  EXPECT_EQ(found({.experiment_ids = {"0"}, .max_results = 0}),
            "Invalid value 0 for parameter 'max_results' supplied. It must be a positive integer");
}

}  // namespace
}  // namespace tenure::tracking
