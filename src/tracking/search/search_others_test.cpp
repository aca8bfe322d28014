#include <gtest/gtest.h>

#include "tracking/search/searches.h"
#include "tracking/testing/search_test_base.h"

namespace tenure::tracking {
namespace {

/// A search's text and the names it finds, or its error.
struct Vector {
  SearchQuery query;
  std::string expected;
};

class SearchOthersTest : public SearchTest {
 protected:
  template <class T>
  static std::string names(const core::Result<Page<T>>& page) {
    if (!page) return page.error().message;
    std::string made;
    for (const T& item : page->items) made += (made.empty() ? "" : " ") + item.name;
    return made;
  }

  std::string experiments(const SearchQuery& query, ViewType view = ViewType::kActiveOnly) {
    return names(search_experiments(*database_, view, query));
  }
  std::string models(const SearchQuery& query) {
    return names(search_registered_models(*database_, query));
  }
  std::string versions(const SearchQuery& query) {
    const auto page = search_model_versions(*database_, query);
    if (!page) return page.error().message;
    std::string made;
    for (const ModelVersion& version : page->items)
      made += fmt::format("{}{}/{}", made.empty() ? "" : " ", version.name, version.version);
    return made;
  }

  void add_experiment_tag(std::int64_t id, const std::string& key, const std::string& value) {
    write("INSERT INTO experiment_tags (key, value, experiment_id) VALUES (:k, :v, :e)",
          {key, value, id});
  }
  void add_model(const std::string& name, std::int64_t updated_ms) {
    write(
        "INSERT INTO registered_models (name, creation_time, last_updated_time, description) "
        "VALUES (:name, 1, :updated, NULL)",
        {name, updated_ms});
  }
  void add_model_tag(const std::string& name, const std::string& key, const std::string& value) {
    write("INSERT INTO registered_model_tags (key, value, name) VALUES (:k, :v, :n)",
          {key, value, name});
  }
  void add_version(const std::string& name, std::int64_t version, std::int64_t updated_ms,
                   const std::string& run_id, const std::string& stage = "None") {
    write(
        "INSERT INTO model_versions (name, version, creation_time, last_updated_time, "
        "current_stage, source, run_id, status) VALUES (:name, :version, 1, :updated, :stage, "
        ":source, :run, 'READY')",
        {name, version, updated_ms, stage, fmt::format("s3://b/{}", version), run_id});
  }
  void add_version_tag(const std::string& name, std::int64_t version, const std::string& key,
                       const std::string& value) {
    write("INSERT INTO model_version_tags (key, value, name, version) VALUES (:k, :v, :n, :i)",
          {key, value, name, version});
  }
};

TEST_F(SearchOthersTest, ExperimentsAreFilteredAndOrdered) {
  add_experiment(1, "alpha", 10);
  add_experiment(2, "Beta", 30);
  add_experiment(3, "gone", 20, "deleted");
  add_experiment(4, "gamma", 30);
  add_experiment_tag(1, "team", "X");
  add_experiment_tag(2, "mlflow.experiment.isGateway", "true");
  const std::vector<Vector> vectors = {
      {query_for(""), "Beta gamma alpha Default"},
      {query_for("name = 'alpha'"), "alpha"},
      {query_for("attribute.name LIKE 'b%'"), ""},
      {query_for("name ilike 'B%'"), "Beta"},
      {query_for("creation_time >= 10 AND last_update_time < 31"), "alpha"},
      {query_for("tags.`mlflow.experiment.isGateway` IS NULL"), "gamma alpha Default"},
      {query_for("tag.team = 'X' AND tags.team is not null"), "alpha"},
      {query_for("", {"name"}), "Beta Default alpha gamma"},
      {query_for("", {"creation_time ASC"}), "Default alpha gamma Beta"},
      {query_for("", {"experiment_id"}), "Default alpha Beta gamma"},
      {query_for("", {"last_update_time DESC"}), "gamma Beta alpha Default"},
      {query_for("attributes.name = 'x'"),
       "Invalid entity type 'attributes'. Valid entity types are ('attribute', 'tag', 'tags')"},
      {query_for("experiment_id = '1'"), "alpha"},
      {query_for("experiment_id IN ('1', '9')"), "alpha"},
      {query_for("id = '1'"),
       "Invalid attribute key 'id' specified. Valid keys are '{'creation_time', 'experiment_id', "
       "'last_update_time', 'name'}'"},
      {query_for("name IN ('a')"),
       "Only ['experiment_id'] attributes support comparison with a list of quoted string values."},
      {query_for("name > 'a'"),
       "Invalid comparator '>' not one of '{'!=', '=', 'ILIKE', 'IN', 'LIKE', 'NOT IN'}'"},
      {query_for("tags.team > 'a'"), "Invalid comparator for tag: >"},
      {query_for("name IS NULL"),
       "IS NULL / IS NOT NULL is only supported for tags, not for attribute 'name'"},
      {query_for("creation_time = 'x'"),
       "Expected numeric value type for numeric attribute: creation_time. Found 'x'"},
      {query_for("name = 'a' OR name = 'b'"), "Invalid clause(s) in filter string: OR"},
      {query_for("", {"tags.team"}), "Invalid order_by entity: tag"},
      {query_for("", {}, 50'001),
       "Invalid value 50001 for parameter 'max_results' supplied. It must be at most 50000"},
      {query_for("", {}, -1),
       "Invalid value -1 for parameter 'max_results' supplied. It must be a positive integer"}};
  for (const Vector& each : vectors)
    EXPECT_EQ(experiments(each.query), each.expected) << each.query.filter;
  EXPECT_EQ(experiments(query_for(""), ViewType::kDeletedOnly), "gone");
  EXPECT_EQ(experiments(query_for("", {"experiment_id"}), ViewType::kAll),
            "Default alpha Beta gone gamma");
  const auto page = search_experiments(*database_, ViewType::kActiveOnly, query_for("", {}, 3));
  EXPECT_EQ(page->items.at(2).tags.at("team"), "X");
  SearchQuery rest = query_for("", {}, 3);
  rest.page_token = page->next_page_token;
  EXPECT_EQ(experiments(rest), "Default");
}

TEST_F(SearchOthersTest, RegisteredModelsAreFilteredAndOrdered) {
  add_model("b", 10);
  add_model("a", 10);
  add_model("C", 20);
  add_model("prompt", 5);
  add_model_tag("a", "k", "v");
  add_model_tag("prompt", "mlflow.prompt.is_prompt", "true");
  add_model_tag("C", "mlflow.prompt.is_prompt", "false");
  add_version("a", 1, 1, "");
  write("INSERT INTO registered_model_aliases (alias, version, name) VALUES ('best', 1, 'a')");
  const std::string is_prompt = "tags.`mlflow.prompt.is_prompt` ";
  const std::vector<Vector> vectors = {
      {query_for(""), "C a b"},
      {query_for("name ilike '%c%'"), "C"},
      {query_for("attribute.name != 'C'"), "a b"},
      {query_for("tags.k = 'v'"), "a"},
      {query_for("tags.k IS NULL"), "C b"},
      {query_for(is_prompt + "= 'true'"), "prompt"},
      {query_for(is_prompt + "!= 'true'"), "C a b"},
      {query_for(is_prompt + "= 'false'"), "C a b"},
      {query_for(is_prompt + "= 'true' AND name = 'x'"), ""},
      {query_for("", {"timestamp DESC"}), "C a b"},
      {query_for("", {"last_updated_timestamp", "name DESC"}), "b a C"},
      {query_for("", {"timestamp", "last_updated_timestamp"}),
       "`order_by` contains duplicate fields: ['timestamp', 'last_updated_timestamp']"},
      {query_for("", {"nope"}),
       "Invalid order by key 'nope' specified. Valid keys are '{'name', 'timestamp'}'"},
      {query_for("name IN ('a', 'z')"), "a"},
      {query_for("name > 'a'"), "Invalid comparator for attribute: >"},
      {query_for("tags.k > 'a'"), "Invalid comparator for tag: >"},
      {query_for("name = 1"),
       "Expected a quoted string value or a list of quoted string values for attributes. Got "
       "value 1"},
      {query_for("", {}, 1'001),
       "Invalid value for request parameter max_results. It must be at most 1000, but got value "
       "1001"},
      {query_for("", {}, 0),
       "Invalid value 0 for parameter 'max_results' supplied. It must be a positive integer"}};
  for (const Vector& each : vectors)
    EXPECT_EQ(models(each.query), each.expected) << each.query.filter;
  const auto page = search_registered_models(*database_, query_for("name = 'a'"));
  EXPECT_EQ(page->items.front().tags.at("k"), "v");
  EXPECT_EQ(page->items.front().aliases.at("best"), 1);
}

TEST_F(SearchOthersTest, ModelVersionsAreFilteredAndOrdered) {
  add_model("a", 1);
  add_model("b", 1);
  add_model("p", 1);
  add_version("a", 1, 10, "R1");
  add_version("a", 2, 30, "r2");
  add_version("a", 3, 40, "r3", "Deleted_Internal");
  add_version("a", 10, 30, "r2");
  add_version("b", 1, 30, "R1");
  add_version("p", 1, 50, "");
  add_version_tag("p", 1, "mlflow.prompt.is_prompt", "true");
  add_version_tag("a", 2, "k", "v");
  for (const std::string alias : {"z", "best"}) {
    write("INSERT INTO registered_model_aliases (alias, version, name) VALUES (:alias, 2, 'a')",
          {alias});
  }
  const std::vector<Vector> vectors = {
      {query_for(""), "a/10 a/2 b/1 a/1"},
      {query_for("name = 'a'"), "a/10 a/2 a/1"},
      {query_for("run_id IN ('R1')"), "b/1 a/1"},
      {query_for("run_id = 'r2'"), "a/10 a/2"},
      {query_for("version_number > 1 and version_number <= '2'"), "a/2"},
      {query_for("source_path LIKE 's3://b/1%'"), "a/10 b/1 a/1"},
      {query_for("tags.k = 'v'"), "a/2"},
      {query_for("tags.k IS NULL"), "a/10 b/1 a/1"},
      {query_for("tags.`mlflow.prompt.is_prompt` = 'true'"), "p/1"},
      {query_for("", {"version_number"}), "a/1 b/1 a/2 a/10"},
      {query_for("", {"name DESC"}), "b/1 a/10 a/2 a/1"},
      {query_for("", {"last_updated_timestamp ASC", "name DESC"}), "a/1 b/1 a/10 a/2"},
      {query_for("", {"creation_timestamp"}), "a/10 a/2 a/1 b/1"},
      {query_for("version_number = 1.5"),
       "Invalid value for numeric attribute 'version_number': 1.5"},
      {query_for("version_number = 'x'"),
       "Invalid value for numeric attribute 'version_number': 'x'"},
      {query_for("version_number LIKE '1'"),
       "Invalid comparator for attribute version_number: LIKE"},
      {query_for("run_id NOT IN ('a')"), "Invalid comparator for attribute: NOT IN"},
      {query_for("name = 1"),
       "Only the '{'version_number'}' attributes support comparison with numeric values."},
      {query_for("", {"run_id"}),
       "Invalid attribute key 'run_id' specified. Valid keys are '{'creation_timestamp', "
       "'last_updated_timestamp', 'name', 'version_number'}'"},
      {query_for("", {}, 0),
       "Invalid value for max_results. It must be a positive integer, but got 0"},
      {query_for("", {}, 200'001),
       "Invalid value for request parameter max_results. It must be at most 200000, but got value "
       "200001"}};
  for (const Vector& each : vectors)
    EXPECT_EQ(versions(each.query), each.expected) << each.query.filter;
  const auto page = search_model_versions(*database_, query_for("tags.k = 'v'"));
  EXPECT_EQ(page->items.front().tags.at("k"), "v");
  EXPECT_EQ(page->items.front().aliases, (std::vector<std::string>{"best", "z"}));
  EXPECT_EQ(page->items.front().source, "s3://b/2");
}

TEST_F(SearchOthersTest, DatasetsAreSummedUp) {
  add_experiment(1, "one");
  add_run({.id = "r1"});
  add_run({.id = "r2"});
  add_run({.id = "r3", .experiment_id = 1});
  add_dataset("r1", "d", "1", "training");
  add_dataset("r2", "d", "1", "training");
  add_dataset("r2", "c", "1", "");
  add_dataset("r3", "other", "1", "eval", 1);
  const auto summed = [&](std::vector<std::string> ids) {
    const auto summaries = search_datasets(*database_, ids);
    if (!summaries) return summaries.error().message;
    std::string made;
    for (const DatasetSummary& each : *summaries) {
      made += fmt::format("{}/{}/{}/{};", each.experiment_id, each.name, each.digest,
                          each.context.value_or("none"));
    }
    return made;
  };
  EXPECT_EQ(summed({"0"}), "0/c/1/none;0/d/1/training;");
  EXPECT_EQ(summed({"1", "0"}), "0/c/1/none;0/d/1/training;1/other/1/eval;");
  EXPECT_EQ(summed({}), "SearchDatasets request must specify at least one experiment_id.");
  EXPECT_EQ(summed(std::vector<std::string>(21, "0")),
            "SearchDatasets request cannot specify more than 20 experiment_ids. Received 21 "
            "experiment_ids.");
  EXPECT_EQ(summed({"x"}), "Invalid experiment ID 'x'. Experiment ID must be a valid integer.");
}

}  // namespace
}  // namespace tenure::tracking
