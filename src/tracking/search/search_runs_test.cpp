#include <algorithm>
#include <array>
#include <limits>
#include <set>

#include <gtest/gtest.h>

#include "tracking/search/searches.h"
#include "tracking/testing/search_test_base.h"

namespace tenure::tracking {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// The four runs of mlflow.md §10.2; by id R4 comes before r3.
class SearchRunsTest : public SearchTest {
 protected:
  void SetUp() override {
    SearchTest::SetUp();
    add_run({.id = "01",
             .start_ms = 100,
             .metrics = {{"acc", 0.9}, {"nan", kNan}, {"a b", 1}},
             .params = {{"p", "Abc"}, {"q", "1"}},
             .tags = {{"team", "X"}},
             .name = "r1"});
    add_run({.id = "02",
             .start_ms = 200,
             .metrics = {{"acc", 0.5}},
             .params = {{"p", "abd"}},
             .tags = {{"team", "x"}, {"k.dot", "1"}},
             .name = "r2"});
    add_run({.id = "ff",
             .start_ms = 300,
             .metrics = {{"acc", kNan}},
             .params = {{"p", "10%"}},
             .name = "r3"});
    add_run({.id = "0a", .start_ms = 300, .tags = {{"team", "it's"}}, .name = "R4"});
  }

  /// The names of what a search finds, or its error.
  std::string found(const SearchQuery& query, ViewType view = ViewType::kActiveOnly) {
    const std::vector<std::string> experiments = {"0"};
    const auto page = search_runs(*database_, experiments, view, query);
    if (!page) return page.error().message;
    std::string names;
    for (const tracking::Run& run : page->items)
      names += (names.empty() ? "" : " ") + run.tags.at("mlflow.runName");
    return names;
  }
  std::string found(const std::string& filter) { return found(query_for(filter)); }
  std::string ordered(const std::string& order) { return found(query_for("", {order})); }
};

struct Vector {
  std::string text;
  std::string expected;
};

TEST_F(SearchRunsTest, FiltersGiveWhatMlflowGives) {
  const std::vector<Vector> vectors = {{"", "R4 r3 r2 r1"},
                                       {" \n", "R4 r3 r2 r1"},
                                       {"metrics.acc > 0.6", "r1"},
                                       {"metrics.`a b` = 1", "r1"},
                                       {"metrics.\"a b\" = 1", "r1"},
                                       {"metrics.'a b' = 1", "r1"},
                                       {"`metrics`.`a b` = 1", "r1"},
                                       {"params.p LIKE 'a%'", "r2"},
                                       {"params.p ILIKE 'a%'", "r2 r1"},
                                       {"param.p ilike 'AB_'", "r2 r1"},
                                       {"param.p != 'Abc'", "r3 r2"},
                                       {"params.p LIKE '10\\%'", ""},
                                       {"tags.team = \"it's\"", "R4"},
                                       {"tags.team = 'it''s'", ""},
                                       {"tags.team IS NULL", "r3"},
                                       {"tags.team is not null", "R4 r2 r1"},
                                       {"params.q is null", "R4 r3 r2"},
                                       {"tags.k.dot = '1'", "r2"},
                                       {"attributes.Created > 150", "R4 r3 r2"},
                                       {"attributes.start_time = 100.0", "r1"},
                                       {"start_time > 199.5", "R4 r3 r2"},
                                       {"start_time <= 200.5 and start_time != 100.5", "r2 r1"},
                                       {"start_time = 100.5", ""},
                                       {"start_time < 1e300", "R4 r3 r2 r1"},
                                       {"start_time > 99999999999999999999", ""},
                                       {"run_name = 'r1'", "r1"},
                                       {"attributes.`Run name` = 'r1'", "r1"},
                                       {"tags.`mlflow.runName` = 'r1'", "r1"},
                                       {"attr.status='running'", ""},
                                       {"status ILIKE 'run%'", "R4 r3 r2 r1"},
                                       {"end_time > 0", ""},
                                       {"metrics.acc > 0.1 AND", "r2 r1"},
                                       {"AND and metrics.acc > 0.1 metrics.acc < 0.8", "r2"},
                                       {"metrics.acc >= -.5e1 and metrics.acc <= 1e999", "r2 r1"},
                                       {"run_id = '01'", "r1"},
                                       {"run_id IN ('01', 'ff', 'nope')", "r3 r1"},
                                       {"run_id in ('01',)", "r1"},
                                       {"run.run_id NOT IN (\"01\", '02')", "R4 r3"},
                                       {"params.none = 'x'", ""}};
  for (const Vector& each : vectors) EXPECT_EQ(found(each.text), each.expected) << each.text;
}

// MLflow compares the 0 that a NaN is stored as; we do not.
TEST_F(SearchRunsTest, NanEqualsNothing) {
  EXPECT_EQ(found("metrics.acc != 0.9"), "r3 r2");
  EXPECT_EQ(found("metric.acc = 0"), "");
  EXPECT_EQ(found("metric.acc < 0.1"), "");
  EXPECT_EQ(found("metrics.acc != 0"), "r3 r2 r1");
}

TEST_F(SearchRunsTest, OrdersAsMlflowDoes) {
  const std::vector<Vector> vectors = {
      {"metrics.acc ASC", "r2 r1 r3 R4"},    {"metrics.acc DESC", "r1 r2 r3 R4"},
      {"params.p ASC", "r3 r1 r2 R4"},       {"tags.team DESC", "r2 R4 r1 r3"},
      {"run_name", "R4 r1 r2 r3"},           {"start_time ASC", "r1 r2 R4 r3"},
      {"metrics.`a b` DESC", "r1 R4 r3 r2"}, {"attributes.start_time desc", "R4 r3 r2 r1"},
      {"end_time asc", "R4 r3 r2 r1"},       {"attribute.run_id DESC", "r3 R4 r2 r1"}};
  for (const Vector& each : vectors) EXPECT_EQ(ordered(each.text), each.expected) << each.text;
  EXPECT_EQ(found(query_for("", {"status", "metrics.acc DESC"})), "r1 r2 r3 R4");
}

TEST_F(SearchRunsTest, RefusesWhatMlflowRefuses) {
  const std::vector<Vector> vectors = {
      {"status IN ('RUNNING')",
       "Only the 'run_id' attribute supports comparison with a list of quoted string values."},
      {"params.p > 'a'",
       "Invalid comparator '>' not one of '{'!=', '=', 'ILIKE', 'IS NOT NULL', 'IS NULL', "
       "'LIKE'}'"},
      {"metrics.acc LIKE 1",
       "Invalid comparator 'LIKE' not one of '{'!=', '<', '<=', '=', '>', '>='}'"},
      {"params.p == 'a'",
       "Invalid comparator '==' not one of '{'!=', '=', 'ILIKE', 'IS NOT NULL', 'IS NULL', "
       "'LIKE'}'"},
      {"run_id > 'a'",
       "Invalid comparator '>' not one of '{'!=', '=', 'ILIKE', 'IN', 'LIKE', 'NOT IN'}'"},
      {"run_id = ('a')",
       "Invalid comparator '=' not one of '{'!=', '=', 'ILIKE', 'IN', 'LIKE', 'NOT IN'}'"},
      {"metrics.acc > 'x'", "Expected numeric value type for metric. Found 'x'"},
      {"metrics.acc > inf", "Expected numeric value type for metric. Found inf"},
      {"start_time > 'x'",
       "Expected numeric value type for numeric attribute: start_time. Found 'x'"},
      {"params.p = 1",
       "Expected a quoted string value for parameter (e.g. 'my-value'). Got value 1"},
      {"tags.p IN ('a')",
       "Expected a quoted string value for tag (e.g. 'my-value'). Got value ('a')"},
      {"params.p = abc",
       "Parameter value is either not quoted or unidentified quote types used for string value "
       "abc. Use either single or double quotes."},
      {"status = 1", "Expected a quoted string value for attributes. Got value 1"},
      {"dataset.name = 1", "Expected a quoted string value for dataset attributes. Got value 1"},
      {"dataset.nope = 'x'",
       "Invalid dataset key 'nope' specified. Valid keys are '{'name', 'digest', 'context'}'"},
      {"foo.x = 'x'",
       "Invalid entity type 'foo'. Valid values are ['metric', 'parameter', 'tag', 'attribute', "
       "'dataset']"},
      {"experiment_id = '1'",
       "Invalid attribute key 'experiment_id' specified. Valid keys are '{'Created', 'Run Name', "
       "'Run name', 'artifact_uri', 'created', 'end_time', 'run name', 'run_id', 'run_name', "
       "'start_time', 'status', 'user_id'}'"},
      {"status IS NULL",
       "IS NULL / IS NOT NULL is only supported for tags and params, not for 'attribute' "
       "'status'"},
      {"metrics.acc IS NOT NULL",
       "IS NULL / IS NOT NULL is only supported for tags and params, not for 'metric' 'acc'"},
      {"params.p = 'a' OR params.p = 'b'", "Invalid clause(s) in filter string: 'OR'"},
      {"NOT params.p = 'a'", "Invalid clause(s) in filter string: 'NOT'"},
      {"(params.p = 'a')", "Invalid clause(s) in filter string: '(params.p = 'a')'"},
      {"metrics.acc", "Invalid clause(s) in filter string: 'metrics.acc'"},
      {"0.1 < metrics.acc", "Invalid comparison clause. Expected 'Identifier' found '0.1'"},
      {"'x' = params.p", "Invalid comparison clause. Expected 'Identifier' found ''x''"},
      {"params.p = 'a'; params.p = 'b'",
       "Search filter contained multiple expression 'params.p = 'a'; params.p = 'b''. Provide "
       "AND-ed expression list."},
      {"run_id IN ()",
       "While parsing a list in the query, expected a non-empty list of string values, but got "
       "empty list"},
      {"run_id IN ('a' 'b')",
       "While parsing a list in the query, expected a non-empty list of string values, but got "
       "ill-formed list."},
      {"run_id IN (1, 2)",
       "While parsing a list in the query, expected string value, punctuation, or whitespace, but "
       "got different type in list: (1, 2)"},
      {"params.p = 'a", "Invalid clause(s) in filter string: 'params.p', '=', ''a'"},
      {"metrics.acc BETWEEN 0 AND 1",
       "Invalid clause(s) in filter string: 'metrics.acc', 'BETWEEN', '0', '1'"},
      {"metrics.a-b > 1", "Invalid clause(s) in filter string: 'metrics.a', '-'"},
      {std::string("params.p = '\0'", 14), "Invalid filter. It must be UTF-8 text without NUL."}};
  for (const Vector& each : vectors) {
    const std::vector<std::string> experiments = {"0"};
    const auto page = search_runs(*database_, experiments, ViewType::kAll, query_for(each.text));
    ASSERT_FALSE(page) << each.text;
    EXPECT_EQ(page.error().code, core::ErrorCode::kInvalidArgument) << each.text;
    EXPECT_EQ(page.error().message, each.expected) << each.text;
  }
}

TEST_F(SearchRunsTest, RefusesOrdersThatMlflowRefuses) {
  const std::vector<Vector> vectors = {
      {"metrics.acc sideways", "Invalid ordering key in order_by clause 'metrics.acc sideways'."},
      {"metrics.acc DESC DESC",
       "Invalid order_by clause 'metrics.acc DESC DESC'. Could not be parsed."},
      {"", "Invalid order_by clause ''. Could not be parsed."},
      {"1", "Invalid order_by clause '1'. Could not be parsed."},
      {"dataset.name", "Invalid identifier type 'dataset'"},
      {"`run name`",
       "Invalid attribute key 'run name' specified. Valid keys are '{'Created', 'artifact_uri', "
       "'created', 'end_time', 'run_id', 'run_name', 'start_time', 'status', 'user_id'}'"}};
  for (const Vector& each : vectors) EXPECT_EQ(ordered(each.text), each.expected) << each.text;
  EXPECT_EQ(found(query_for("", {"metrics.acc", "metric.acc DESC"})),
            "`order_by` contains duplicate fields: ['metrics.acc', 'metric.acc DESC']");
  EXPECT_EQ(found(query_for("", {"start_time", "created"})),
            "`order_by` contains duplicate fields: ['start_time', 'created']");
}

TEST_F(SearchRunsTest, RefusesPagesOutOfRange) {
  EXPECT_EQ(found(query_for("", {}, 0)),
            "Invalid value 0 for parameter 'max_results' supplied. It must be a positive integer");
  EXPECT_EQ(found(query_for("", {}, 50'001)),
            "Invalid value 50001 for parameter 'max_results' supplied:  Hint: Value was of type "
            "'int'. See the API docs for more information about request parameters.");
  EXPECT_EQ(found(query_for("", {}, 50'000)), "R4 r3 r2 r1");
}

TEST_F(SearchRunsTest, DatasetsMatchWhenAnyInputDoes) {
  add_dataset("01", "Train", "12345", "training");
  add_dataset("01", "valid", "abc", "");
  add_dataset("02", "Train", "12345", "eval");
  EXPECT_EQ(found("dataset.name = 'Train'"), "r2 r1");
  EXPECT_EQ(found("datasets.name IN ('Train', 'x') AND dataset.digest IN ('12345')"), "r2 r1");
  EXPECT_EQ(found("dataset.name NOT IN ('Train')"), "r1");
  EXPECT_EQ(found("dataset.context = 'training'"), "r1");
  EXPECT_EQ(found("dataset.context ILIKE 'EV%'"), "r2");
  EXPECT_EQ(found("dataset.name != 'Train'"), "r1");
}

TEST_F(SearchRunsTest, ViewsTellDeletedRuns) {
  add_run({.id = "dd", .start_ms = 50, .stage = "deleted", .name = "gone"});
  EXPECT_EQ(found(query_for("")), "R4 r3 r2 r1");
  EXPECT_EQ(found(query_for(""), ViewType::kDeletedOnly), "gone");
  EXPECT_EQ(found(query_for(""), ViewType::kAll), "R4 r3 r2 r1 gone");
}

TEST_F(SearchRunsTest, OnlyTheNamedExperimentsAreSearched) {
  add_experiment(1, "other");
  add_experiment(2, "third");
  add_run({.id = "e1", .start_ms = 250, .experiment_id = 1, .name = "other"});
  const auto names = [&](const std::vector<std::string>& experiments) {
    const auto page =
        search_runs(*database_, experiments, ViewType::kActiveOnly, query_for("start_time > 150"));
    if (!page) return page.error().message;
    std::string made;
    for (const tracking::Run& run : page->items) made += run.name + ";";
    return made;
  };
  EXPECT_EQ(names({}), "");
  EXPECT_EQ(names({"1"}), "other;");
  EXPECT_EQ(names({"1", "0", "1", "2"}), "R4;r3;other;r2;");
  EXPECT_EQ(names({"abc"}), "Invalid experiment ID 'abc'. Experiment ID must be a valid integer.");
}

TEST_F(SearchRunsTest, RunsCarryTheirData) {
  const std::vector<std::string> experiments = {"0"};
  const auto page =
      search_runs(*database_, experiments, ViewType::kActiveOnly, query_for("run_id = '01'"));
  ASSERT_TRUE(page) << page.error().message;
  ASSERT_EQ(page->items.size(), 1U);
  const tracking::Run& run = page->items.front();
  EXPECT_EQ(run.id, "01");
  EXPECT_EQ(run.experiment_id, "0");
  EXPECT_EQ(run.name, "r1");
  EXPECT_EQ(run.user, "ann");
  EXPECT_EQ(run.status, RunStatus::kRunning);
  EXPECT_EQ(run.start_ms, 100);
  EXPECT_EQ(run.end_ms, 0);
  EXPECT_EQ(run.params, (std::map<std::string, std::string>{{"p", "Abc"}, {"q", "1"}}));
  EXPECT_EQ(run.tags.size(), 2U);
  ASSERT_EQ(run.metrics.size(), 3U);
  EXPECT_EQ(run.metrics.at("acc").value, 0.9);
  EXPECT_EQ(run.metrics.at("acc").timestamp_ms, 1);
  EXPECT_EQ(run.metrics.at("acc").step, 2);
  EXPECT_TRUE(std::isnan(run.metrics.at("nan").value));
}

TEST_F(SearchRunsTest, PagesVisitEachRunOnce) {
  for (int i = 0; i < 2'345; ++i)
    add_run({.id = fmt::format("p{:05}", i), .start_ms = i % 7, .params = {{"n", "1"}}});
  for (const std::int64_t size : {101, 1'000, 1'500}) {
    SearchQuery query = query_for("start_time < 10", {"start_time ASC"}, size);
    const std::vector<std::string> experiments = {"0"};
    std::vector<std::pair<std::int64_t, std::string>> seen;
    for (;;) {
      const auto page = search_runs(*database_, experiments, ViewType::kActiveOnly, query);
      ASSERT_TRUE(page) << page.error().message;
      for (const tracking::Run& run : page->items) {
        seen.emplace_back(run.start_ms, run.id);
        EXPECT_EQ(run.params.size(), 1U);
      }
      if (page->next_page_token.empty()) break;
      EXPECT_EQ(page->items.size(), static_cast<std::size_t>(size));
      query.page_token = page->next_page_token;
    }
    EXPECT_EQ(seen.size(), 2'345U);
    EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
    EXPECT_EQ(std::set(seen.begin(), seen.end()).size(), seen.size());
  }
}

TEST_F(SearchRunsTest, TheLastPageHasNoToken) {
  const std::vector<std::string> experiments = {"0"};
  const auto first =
      search_runs(*database_, experiments, ViewType::kActiveOnly, query_for("", {}, 2));
  EXPECT_EQ(first->next_page_token, "eyJvZmZzZXQiOiAyfQ==");
  SearchQuery next = query_for("", {}, 2);
  next.page_token = first->next_page_token;
  EXPECT_EQ(found(next), "r2 r1");
  EXPECT_EQ(search_runs(*database_, experiments, ViewType::kActiveOnly, next)->next_page_token, "");
  next.page_token = "garbage!";
  EXPECT_EQ(found(next), "Invalid page token, could not base64-decode");
}

TEST_F(SearchRunsTest, ManyClausesAndLongListsAreTaken) {
  std::string filter = "metrics.acc > 0.6";
  for (int i = 1; i < 300; ++i) filter += " AND metrics.acc > 0.6";
  EXPECT_EQ(found(filter), "r1");
  for (int i = 300; i < 501; ++i) filter += " AND metrics.acc > 0.6";
  EXPECT_EQ(found(filter), "A filter can contain at most 500 clauses. Got 501.");
  std::string list = "run_id IN ('01'";
  for (int i = 0; i < 2'000; ++i) list += fmt::format(", 'x{}'", i);
  EXPECT_EQ(found(list + ")"), "r1");
}

TEST_F(SearchRunsTest, AListingTellsWhatTheRunsTell) {
  const std::vector<std::string> experiments = {"0"};
  for (const std::int64_t size : {2, 1000}) {
    const SearchQuery query = query_for("", {}, size);
    const auto page = search_runs(*database_, experiments, ViewType::kAll, query);
    const auto listing = list_runs(*database_, experiments, ViewType::kAll, query);
    ASSERT_TRUE(page && listing);
    EXPECT_EQ(listing->next_page_token, page->next_page_token);
    ASSERT_EQ(listing->runs.size(), page->items.size());
    for (std::size_t i = 0; i < page->items.size(); ++i) {
      const tracking::Run& run = page->items[i];
      const ListedRun& listed = listing->runs[i];
      EXPECT_EQ(listed.run.id, run.id);
      EXPECT_EQ(listed.run.inputs.datasets.size(), run.inputs.datasets.size());
      const auto same = [](const auto& pair, const auto& entry) {
        return pair.key == entry.first && pair.value == entry.second;
      };
      EXPECT_TRUE(std::ranges::equal(listed.params, run.params, same));
      EXPECT_TRUE(std::ranges::equal(listed.tags, run.tags, same));
      EXPECT_TRUE(std::ranges::equal(
          listed.metrics, run.metrics, [](const auto& metric, const auto& entry) {
            const Metric& other = entry.second;
            return metric.key == other.key && metric.step == other.step &&
                   metric.timestamp_ms == other.timestamp_ms &&
                   (metric.value == other.value ||
                    (std::isnan(metric.value) && std::isnan(other.value)));
          }));
    }
  }
}

}  // namespace
}  // namespace tenure::tracking
