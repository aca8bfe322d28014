#include "tracking/run.h"

#include <array>
#include <cmath>
#include <limits>
#include <rapidcheck.h>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "storage/testing/temporary_folder.h"
#include "storage/testing/test_database.h"
#include "tracking/experiments.h"
#include "tracking/metric_history.h"

namespace tenure::tracking {
namespace {

using storage::testing::TemporaryFolder;

constexpr core::Micros kNow = 1'700'000'000'000'000;

class TrackingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    database_ = storage::testing::open_test_database(folder_.path());
    ASSERT_TRUE(prepare_schema(*database_, kNow));
  }
  tracking::Run new_run() {
    auto run = run_store().create(*experiment_store().get("0"), "first", "ann");
    EXPECT_TRUE(run) << run.error().message;
    return *run;
  }
  ExperimentStore experiment_store() { return {*database_, clock_, "file:///art/"}; }
  RunStore run_store() { return {*database_, clock_}; }
  std::string message_of(const core::Result<>& result) {
    return result ? "" : result.error().message;
  }
  TemporaryFolder folder_;
  core::ManualClock clock_{kNow};
  std::unique_ptr<storage::Database> database_;
};

TEST_F(TrackingTest, TheDefaultExperimentIsThere) {
  auto store = experiment_store();
  auto experiment = store.get("0");
  ASSERT_TRUE(experiment) << experiment.error().message;
  EXPECT_EQ(experiment->name, "Default");
  EXPECT_EQ(experiment->artifact_location, "file:///art/0");
  EXPECT_EQ(experiment->created_ms, kNow / 1000);
  EXPECT_EQ(store.find("Default")->id, "0");
  EXPECT_EQ(store.list()->size(), 1U);
}

TEST_F(TrackingTest, ExperimentsAreNumberedAndKeepTheirTags) {
  auto store = experiment_store();
  auto made = store.create("churn", {{"team", "a"}});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->id, "1");
  EXPECT_EQ(made->artifact_location, "file:///art/1");
  EXPECT_EQ(store.get("1")->tags.at("team"), "a");
  EXPECT_EQ(store.find("churn")->id, "1");
  auto again = store.create("churn");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, core::ErrorCode::kAlreadyExists);
  EXPECT_EQ(again.error().message, "Experiment(name=churn) already exists.");
  clock_.advance(1'000'000);
  // PostgreSQL's sequence has spent a number on the name that was refused.
  const std::string other = store.find_or_create("other")->id;
  EXPECT_EQ(other, database_->backend() == "sqlite" ? "2" : "3");
  EXPECT_EQ(store.find_or_create("other")->id, other);
  auto listed = store.list();
  ASSERT_EQ(listed->size(), 3U);
  EXPECT_EQ(listed->front().name, "other");
}

TEST_F(TrackingTest, MissingAndDeletedExperimentsAreTold) {
  auto store = experiment_store();
  EXPECT_EQ(store.get("999").error().message, "No Experiment with id=999 exists");
  EXPECT_EQ(store.get("abc").error().code, core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(store.get("").error().code, core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(store.find("nope").error().message, "Could not find experiment with name 'nope'");
  EXPECT_EQ(store.create("").error().code, core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(store.create("x", {{"a*", "b"}}).error().code, core::ErrorCode::kInvalidArgument);
  auto made = store.create("gone");
  ASSERT_TRUE(
      database_->execute("UPDATE experiments SET lifecycle_stage = 'deleted' WHERE name = 'gone'"));
  EXPECT_EQ(store.find_or_create("gone").error().code, core::ErrorCode::kInvalidArgument);
  EXPECT_EQ(run_store().create(*made, "", "").error().code, core::ErrorCode::kInvalidArgument);
  Experiment unknown = *made;
  unknown.id = "77";
  EXPECT_EQ(run_store().create(unknown, "", "").error().code, core::ErrorCode::kNotFound);
}

TEST_F(TrackingTest, AMovedProjectsExperimentIsBelowTheRootOfNow) {
  const auto at = [&](std::string root) {
    return ExperimentStore(*database_, clock_, std::move(root));
  };
  const auto place = [&](std::string root) {
    return at(std::move(root)).find_or_create("churn")->artifact_location;
  };
  EXPECT_EQ(place("file:///old/.tenure/objects/artifacts"),
            "file:///old/.tenure/objects/artifacts/1");
  EXPECT_EQ(place("file:///new/.tenure/objects/artifacts"),
            "file:///new/.tenure/objects/artifacts/1");
  EXPECT_EQ(at("file:///any").get("1")->artifact_location,
            "file:///new/.tenure/objects/artifacts/1");
  // Another kind of place is somebody's decision.
  EXPECT_EQ(place("file:///new/mlruns"), "file:///new/.tenure/objects/artifacts/1");
  EXPECT_EQ(place("s3://bucket/objects/artifacts"), "file:///new/.tenure/objects/artifacts/1");
}

TEST_F(TrackingTest, SeveralThreadsAgreeOnOneExperiment) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] { EXPECT_EQ(experiment_store().find_or_create("shared")->id, "1"); });
  for (std::thread& thread : threads) thread.join();
}

TEST_F(TrackingTest, ARunHasTheRowsMlflowWrites) {
  const tracking::Run run = new_run();
  EXPECT_EQ(run.id.size(), 32U);
  EXPECT_EQ(run.artifact_uri, "file:///art/0/" + run.id + "/artifacts");
  auto read = run_store().get(run.id);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->name, "first");
  EXPECT_EQ(read->user, "ann");
  EXPECT_EQ(read->status, RunStatus::kRunning);
  EXPECT_EQ(read->start_ms, kNow / 1000);
  EXPECT_EQ(read->end_ms, 0);
  EXPECT_EQ(read->tags.at("mlflow.runName"), "first");
  EXPECT_EQ(read->tags.at("mlflow.user"), "ann");
  auto row = database_->query(
      "SELECT source_type, source_name, entry_point_name, source_version, status, deleted_time, "
      "end_time FROM runs");
  EXPECT_EQ(row->front().text(0), "UNKNOWN");
  for (std::size_t column = 1; column < 4; ++column) EXPECT_EQ(row->front().text(column), "");
  EXPECT_EQ(row->front().text(4), "RUNNING");
  EXPECT_TRUE(row->front().is_null(5));
  EXPECT_TRUE(row->front().is_null(6));
}

TEST_F(TrackingTest, ARunWithoutANameGetsOneAndTwoNamesConflict) {
  auto experiment = *experiment_store().get("0");
  auto run = run_store().create(experiment, "", "");
  ASSERT_TRUE(run);
  EXPECT_FALSE(run->name.empty());
  EXPECT_EQ(run->tags.at("mlflow.runName"), run->name);
  EXPECT_FALSE(run->tags.contains("mlflow.user"));
  EXPECT_EQ(run_store().create(experiment, "", "", {{"mlflow.runName", "b"}})->name, "b");
  EXPECT_EQ(run_store().create(experiment, "a", "", {{"mlflow.runName", "b"}}).error().message,
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different "
            "values (run_name='a', mlflow.runName='b').");
}

TEST_F(TrackingTest, AQueryInTheLocationStaysBehindThePath) {
  Experiment experiment = *experiment_store().get("0");
  experiment.artifact_location = "s3://bucket/p?endpoint=x";
  auto run = run_store().create(experiment, "", "");
  EXPECT_EQ(run->artifact_uri, "s3://bucket/p/" + run->id + "/artifacts?endpoint=x");
}

TEST_F(TrackingTest, EndSetsStatusAndTime) {
  const tracking::Run run = new_run();
  clock_.advance(5'000'000);
  ASSERT_TRUE(run_store().end(run.id, RunStatus::kFailed));
  EXPECT_EQ(run_store().get(run.id)->status, RunStatus::kFailed);
  EXPECT_EQ(run_store().get(run.id)->end_ms, kNow / 1000 + 5000);
  EXPECT_EQ(run_store().end("nope", RunStatus::kFailed).error().message,
            "Run with id=nope not found");
}

TEST_F(TrackingTest, LatestIsTheGreatestStepThenTimeThenValue) {
  const tracking::Run run = new_run();
  // MLflow's own answer to these four is 1.0 at time 10, step 5.
  const auto metrics =
      std::to_array<Metric>({{"m", 1, 10, 5}, {"m", 2, 20, 3}, {"m", 3, 5, 5}, {"m", 0.5, 10, 5}});
  for (const Metric& metric : metrics) ASSERT_TRUE(run_store().log(run.id, std::span(&metric, 1)));
  const tracking::Run other = new_run();
  ASSERT_TRUE(run_store().log(other.id, metrics));  // and in one batch
  for (const std::string& id : {run.id, other.id}) {
    const Metric latest = run_store().get(id)->metrics.at("m");
    EXPECT_EQ(latest.value, 1.0);
    EXPECT_EQ(latest.timestamp_ms, 10);
    EXPECT_EQ(latest.step, 5);
  }
}

TEST_F(TrackingTest, NanAndInfinitiesAreKeptAsMlflowDoes) {
  const tracking::Run run = new_run();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  const auto metrics = std::to_array<Metric>({{"m", nan, 1, 1},
                                              {"m", 5, 1, 1},
                                              {"m", nan, 1, 1},
                                              {"n", nan, 1, 1},
                                              {"p", inf, 1, 1},
                                              {"q", -inf, 1, -7}});
  ASSERT_TRUE(run_store().log(run.id, metrics));
  auto read = run_store().get(run.id);
  EXPECT_EQ(read->metrics.at("m").value, 5.0);  // NaN compares as 0
  EXPECT_TRUE(std::isnan(read->metrics.at("n").value));
  EXPECT_EQ(read->metrics.at("p").value, std::numeric_limits<double>::max());
  EXPECT_EQ(read->metrics.at("q").value, -std::numeric_limits<double>::max());
  EXPECT_EQ(read->metrics.at("q").step, -7);
  auto rows = database_->query("SELECT value, is_nan FROM metrics WHERE key = 'n'");
  EXPECT_EQ(rows->front().number(0), 0.0);
  EXPECT_EQ(rows->front().integer(1), 1);
}

TEST_F(TrackingTest, HistoryIsOrderedAndDropsExactRepeats) {
  const tracking::Run run = new_run();
  const auto metrics = std::to_array<Metric>(
      {{"m", 3, 9, 0}, {"m", 2, 5, 2}, {"m", 1, 5, 2}, {"m", 4, 5, 1}, {"m", 3, 9, 0}});
  ASSERT_TRUE(run_store().log(run.id, metrics));
  auto history = metric_history(*database_, run.id, "m", std::nullopt, "");
  ASSERT_TRUE(history);
  std::vector<double> values;
  for (const MetricPoint& point : history->points) values.push_back(point.value);
  EXPECT_EQ(values, (std::vector<double>{4, 1, 2, 3}));
  EXPECT_TRUE(metric_history(*database_, run.id, "unknown", std::nullopt, "")->points.empty());
  EXPECT_EQ(metric_history(*database_, "nope", "m", std::nullopt, "").error().code,
            core::ErrorCode::kNotFound);
}

TEST_F(TrackingTest, ParamsAreWrittenOnce) {
  const tracking::Run run = new_run();
  ASSERT_TRUE(run_store().log(run.id, {}, {{"p", "1"}, {"q", "x"}}));
  EXPECT_TRUE(run_store().log(run.id, {}, {{"p", "1"}}));
  EXPECT_EQ(message_of(run_store().log(run.id, {}, {{"p", "2"}})),
            "Changing param values is not allowed. Param with key='p' was already logged with "
            "value='1' for run ID='" +
                run.id + "'. Attempted logging new value '2'.");
  EXPECT_EQ(message_of(run_store().log(run.id, {}, {{"new", "1"}, {"q", "CHANGED"}})),
            "Changing param values is not allowed. Params were already logged='[{'key': 'q', "
            "'old_value': 'x', 'new_value': 'CHANGED'}]' for run ID='" +
                run.id + "'.");
  const auto params = run_store().get(run.id)->params;
  EXPECT_EQ(params, (std::map<std::string, std::string>{{"p", "1"}, {"q", "x"}}));
}

TEST_F(TrackingTest, ABatchIsAllOrNothing) {
  const tracking::Run run = new_run();
  ASSERT_TRUE(run_store().log(run.id, {}, {{"p", "1"}}));
  const Metric metric{"m", 1, 1, 1};
  ASSERT_FALSE(
      run_store().log(run.id, std::span(&metric, 1), {{"a", "1"}, {"p", "2"}}, {{"t", "1"}}));
  const Metric negative{"m", 1, -1, 1};
  EXPECT_EQ(
      message_of(run_store().log(run.id, std::span(&negative, 1), {{"b", "1"}})),
      "Invalid value -1 for parameter 'timestamp' supplied: metric 'm' (value=1.0). Timestamp "
      "must be a nonnegative long (64-bit integer) ");
  EXPECT_FALSE(run_store().log(run.id, {}, {}, {{"ok", "1"}, {"not*ok", "1"}}));
  EXPECT_FALSE(run_store().log(run.id, {}, {{"k", "bad\xff"}}));
  auto read = run_store().get(run.id);
  EXPECT_TRUE(read->metrics.empty());
  EXPECT_EQ(read->params.size(), 1U);
  EXPECT_FALSE(read->tags.contains("t"));
  EXPECT_FALSE(read->tags.contains("ok"));
}

TEST_F(TrackingTest, TagsMayChangeAndTheNameTagRenames) {
  const tracking::Run run = new_run();
  ASSERT_TRUE(run_store().log(run.id, {}, {}, {{"t", "1"}}));
  ASSERT_TRUE(run_store().log(run.id, {}, {}, {{"t", "2"}, {"mlflow.runName", "renamed"}}));
  auto read = run_store().get(run.id);
  EXPECT_EQ(read->tags.at("t"), "2");
  EXPECT_EQ(read->name, "renamed");
}

TEST_F(TrackingTest, LongValuesAreCut) {
  const tracking::Run run = new_run();
  ASSERT_TRUE(run_store().log(run.id, {}, {{"p", std::string(6001, 'p')}},
                              {{"t", std::string(9000, 't')}}));
  auto read = run_store().get(run.id);
  EXPECT_EQ(read->params.at("p").size(), 6000U);
  EXPECT_EQ(read->tags.at("t").size(), 8000U);
  EXPECT_TRUE(run_store().log(run.id, {}, {{"p", std::string(6001, 'p')}}));  // the same again
}

TEST_F(TrackingTest, ADeletedRunIsReadOnly) {
  const tracking::Run run = new_run();
  ASSERT_TRUE(database_->execute("UPDATE runs SET lifecycle_stage = 'deleted'"));
  const std::string expected =
      "The run " + run.id + " must be in the 'active' state. Current state is deleted.";
  EXPECT_EQ(message_of(run_store().log(run.id, {}, {{"p", "1"}})), expected);
  EXPECT_EQ(message_of(run_store().end(run.id, RunStatus::kFinished)), expected);
  EXPECT_EQ(run_store().get(run.id)->lifecycle_stage, "deleted");
  EXPECT_TRUE(run_store().list("0")->empty());
}

TEST_F(TrackingTest, ListsTheNewestRunsWithTheirData) {
  std::vector<std::string> ids;
  for (int i = 0; i < 4; ++i) {
    clock_.advance(1'000'000);
    ids.push_back(new_run().id);
    const Metric metric{"m", double(i), 1, 1};
    ASSERT_TRUE(run_store().log(ids.back(), std::span(&metric, 1), {{"i", std::to_string(i)}}));
  }
  auto listed = run_store().list("0", 3);
  ASSERT_TRUE(listed) << listed.error().message;
  ASSERT_EQ(listed->size(), 3U);
  for (int i = 0; i < 3; ++i) {
    const tracking::Run& run = (*listed)[static_cast<std::size_t>(i)];
    EXPECT_EQ(run.id, ids[static_cast<std::size_t>(3 - i)]);
    EXPECT_EQ(run.params.at("i"), std::to_string(3 - i));
    EXPECT_EQ(run.metrics.at("m").value, 3.0 - i);
    EXPECT_EQ(run.tags.at("mlflow.user"), "ann");
  }
  EXPECT_EQ(run_store().list("x").error().code, core::ErrorCode::kInvalidArgument);
}

TEST_F(TrackingTest, LatestDoesNotDependOnTheOrderOfLogging) {
  const bool holds = rc::check("latest metric", [&] {
    const auto points = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::array<int, 3>>>(
        rc::gen::container<std::array<int, 3>>(rc::gen::inRange(0, 3))));
    const tracking::Run run = new_run();
    std::array<int, 3> best = points.front();  // step, time, value
    for (const auto& point : points) {
      const Metric metric{"m", double(point[2]), point[1], point[0]};
      RC_ASSERT(run_store().log(run.id, std::span(&metric, 1)).has_value());
      best = std::max(best, point);
    }
    const Metric latest = run_store().get(run.id)->metrics.at("m");
    RC_ASSERT(latest.step == best[0]);
    RC_ASSERT(latest.timestamp_ms == best[1]);
    RC_ASSERT(latest.value == double(best[2]));
  });
  EXPECT_TRUE(holds);
}

}  // namespace
}  // namespace tenure::tracking
